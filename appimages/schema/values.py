"""The kinds of single values in an AppImage, with the code of what is wrong with one that is not of its kind."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from appimages.schema.context import tolerates
from core.documents import Plain

_LONGEST = 40  # digits of a number that is read at all
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
# What the Kubernetes API takes for an amount: 100m, 1.5, 512Mi, 1e3.
_QUANTITY = re.compile(
    r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+))?"
)
_HALF = re.compile("[\ud800-\udfff]")  # of a character
# The words of YAML 1.1, which is what Kubernetes reads.
_TRUTHS = {"true": True, "yes": True, "on": True, "y": True, "false": False, "no": False, "off": False, "n": False}
_NULLS = frozenset({"null", "Null", "NULL"})


def is_null(value: Any) -> bool:
    return value is None or (isinstance(value, Plain) and value in _NULLS)


def fault(code: str, **params: Any) -> PydanticCustomError:
    """`code` finds the sentence that is shown; pydantic's own text never is."""
    return PydanticCustomError(code, code, params)


def _text(value: Any, info: ValidationInfo) -> str:
    if not isinstance(value, str):
        raise fault("text")
    if _HALF.search(value):
        raise fault("half_character")
    if isinstance(value, Plain) and value in _NULLS and not tolerates(info):
        raise fault("null_text", text=str(value))
    return str.__str__(value)


def _integer(value: Any) -> int:
    return _whole(value, bits=32)


def _integer64(value: Any) -> int:
    return _whole(value, bits=64)


def _whole(value: Any, *, bits: int) -> int:
    if isinstance(value, Plain) and _INTEGER.fullmatch(value) and len(value) <= _LONGEST:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise fault("number")
    largest = 2 ** (bits - 1) - 1
    if not -largest - 1 <= value <= largest:
        raise fault("number_range", limit=largest)
    return value


def _truth(value: Any) -> bool:
    if isinstance(value, Plain):
        value = _TRUTHS.get(value.lower())
    if not isinstance(value, bool):
        raise fault("truth")
    return value


def _port(value: Any, info: ValidationInfo) -> int | str:
    """The number of a port, or its name in quotes."""
    if isinstance(value, str) and not (isinstance(value, Plain) and _INTEGER.fullmatch(value)):
        return _text(value, info)
    return _integer(value)


def _quantity(value: Any) -> str:
    """Kept as written, as text: numbers of JSON too."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or (value and not _QUANTITY.fullmatch(value)):
        raise fault("quantity")
    return str.__str__(value)


def _protocol(value: Any, info: ValidationInfo) -> str:
    if value == "TCP" and not tolerates(info):
        raise fault("protocol_tcp")
    return _one_of(value, ("HTTP", "GRPC", "TCP"), shown="HTTP, GRPC")


def _scope(value: Any) -> str:
    return _one_of(value, ("Cluster", "Domain", "Local"))


def _one_of(value: Any, choices: tuple[str, ...], *, shown: str = "") -> str:
    if not isinstance(value, str) or (value and value not in choices):
        raise fault("choice", choices=shown or ", ".join(choices))
    return str.__str__(value)


def _name(value: Any, info: ValidationInfo) -> str:
    name = _text(value, info)
    if not name:
        raise fault("empty")
    return name


Text = Annotated[str, BeforeValidator(_text)]
Name = Annotated[str, BeforeValidator(_name)]  # text that is not empty
Integer = Annotated[int, BeforeValidator(_integer)]
Integer64 = Annotated[int, BeforeValidator(_integer64)]
Truth = Annotated[bool, BeforeValidator(_truth)]
Port = Annotated[Any, BeforeValidator(_port)]
Quantity = Annotated[str, BeforeValidator(_quantity)]
Protocol = Annotated[str, BeforeValidator(_protocol)]
Scope = Annotated[str, BeforeValidator(_scope)]
Texts = list[Text]
TextMap = dict[Text, Text]
QuantityMap = dict[Text, Quantity]
