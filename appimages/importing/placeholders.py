"""The placeholders that installation scripts fill before a template is YAML at all.

Each is replaced by a word that occurs nowhere in the file; once the file has been read, the words are replaced by the
given values, and in config templates by the placeholders as they were. So a value can never change the structure. A
text for which many aliases stand is filled in once, and what comes of all of them counts against the limit of a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from itertools import count
from typing import Any, Literal

from core.documents import MOST_CHARACTERS, refused

Kind = Literal["name", "image_name", "image_tag", "image_id"]

KINDS: dict[str, Kind] = {
    "SF_NAME": "name",
    "APP_IMAGE_NAME": "name",
    "SF_IMAGE_NAME": "image_name",
    "IMAGE_NAME": "image_name",
    "SF_IMAGE_TAG": "image_tag",
    "IMAGE_TAG": "image_tag",
    "SF_IMAGE_ID": "image_id",
}
# Not in triple braces, which are a template's own.
_PLACEHOLDER = re.compile(rf"(?<!\{{)\{{\{{[ \t]*\.?({'|'.join(KINDS)})[ \t]*\}}\}}")


@dataclass(frozen=True, slots=True)
class InstallValues:
    """What to put in place of placeholders; None if nobody said. Without an id the image has none."""

    name: str | None = None
    image_name: str | None = None
    image_tag: str | None = None
    image_id: str | None = None

    def of(self, kind: Kind) -> str | None:
        return (self.image_id or "") if kind == "image_id" else getattr(self, kind)

    def given(self) -> set[str]:
        return {field.name for field in fields(self) if getattr(self, field.name) is not None}


class Placeholders:
    """`text` is the file with words instead of placeholders."""

    def __init__(self, file: str) -> None:
        stem = next(word for word in (f"placeholder{number}of" for number in count()) if word not in file)
        self._word = re.compile(rf"{stem}\d+x")
        self._found: dict[str, tuple[str, Kind]] = {}
        self._written = 0  # characters

        def replace(match: re.Match[str]) -> str:
            word = f"{stem}{len(self._found)}x"
            self._found[word] = match[0], KINDS[match[1]]
            return word

        self.text = _PLACEHOLDER.sub(replace, file)

    def restored(self, value: Any) -> Any:
        """With the placeholders as they were. Raises `FileError` when that is too long."""
        return self._replaced(value, lambda placeholder, _kind: placeholder, {})

    def filled(self, value: Any, values: InstallValues, *, missing: set[str], used: set[Kind]) -> Any:
        """With values. Placeholders that nobody gave one are added to `missing`, kinds that were needed to `used`.
        Raises `FileError` when that is too long."""

        def choose(placeholder: str, kind: Kind) -> str:
            used.add(kind)
            text = values.of(kind)
            if text is None:
                missing.add(placeholder)
            return text or ""

        return self._replaced(value, choose, {})

    def _replaced(self, value: Any, choose: Callable[[str, Kind], str], done: dict[str, str]) -> Any:
        """`done`: texts that were replaced already, and by what."""
        if isinstance(value, str):
            if value not in done:
                done[value] = self._text(value, choose)
            text = done[value]
            self._written += len(text)
            if self._written > MOST_CHARACTERS:
                raise refused("too_long", limit=MOST_CHARACTERS)
            return value if text == value else text  # what is unchanged keeps its kind
        if isinstance(value, list):
            return [self._replaced(item, choose, done) for item in value]
        if isinstance(value, dict):
            return {
                self._replaced(key, choose, done): self._replaced(item, choose, done) for key, item in value.items()
            }
        return value

    def _text(self, text: str, choose: Callable[[str, Kind], str]) -> str:
        """A word that escapes spell out is none of ours."""
        return self._word.sub(lambda match: choose(*found) if (found := self._found.get(match[0])) else match[0], text)
