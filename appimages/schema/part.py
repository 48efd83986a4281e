"""The base of every part of an AppImage: an object with known keys, in the order in which they are exported."""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationInfo, model_validator

from appimages.schema.context import reading_of
from appimages.schema.values import is_null


class Part(BaseModel):
    """Fields bear the names of the CRD. Null is the same as absent; a key that does not exist is a fault."""

    model_config = ConfigDict(extra="forbid")
    # Texts that the CRD wants to be there, though they may be empty.
    present: ClassVar[tuple[str, ...]] = ()
    # Of those, the ones whose absence only deserves a warning.
    forgivable: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="before")
    @classmethod
    def _prepare(cls, data: Any, info: ValidationInfo) -> Any:
        if not isinstance(data, dict):
            return data
        reading = reading_of(info)
        texts = _text_fields(cls)
        kept = {key: value for key, value in data.items() if value is not None and (key in texts or not is_null(value))}
        if reading.tolerant:
            kept = {key: value for key, value in kept.items() if key in _keys(cls)}
        for key in cls.present:
            if reading.absent_is_empty or (reading.tolerant and key in cls.forgivable):
                kept.setdefault(key, "")
        return kept

    def canonical(self) -> dict[str, Any]:
        """As it is stored: without absent and empty values, except what has to be there, and numbers and objects."""
        found: dict[str, Any] = {}
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            required = field.is_required() and name not in self.forgivable
            if value is not None and (required or value not in ("", [], {})):
                found[field.alias or name] = _canonical(value)
        return found


def _canonical(value: Any) -> Any:
    if isinstance(value, Part):
        return value.canonical()
    return [_canonical(item) for item in value] if isinstance(value, list) else value


@cache
def _keys(part: type[Part]) -> frozenset[str]:
    return frozenset(field.alias or name for name, field in part.model_fields.items())


@cache
def _text_fields(part: type[Part]) -> frozenset[str]:
    """Keys whose value is text: there an unquoted `null` may be meant as it is written."""
    plain = (str, str | None)
    return frozenset(field.alias or name for name, field in part.model_fields.items() if field.annotation in plain)
