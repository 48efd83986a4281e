"""How a message of Kuscia's API is described: one table that reading, answering and the API document go by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    TEXT = auto()
    INT32 = auto()
    INT64 = auto()  # answered as text, as protobuf's JSON has it
    TEXTS = auto()
    MAP = auto()  # of texts
    MESSAGE = auto()
    MESSAGES = auto()


class Field:
    """`name` is protobuf's own, which is answered; `camel` is accepted too, and what the CRD calls the same thing."""

    __slots__ = ("camel", "kind", "message", "name")

    def __init__(self, name: str, kind: Kind, message: Message | None = None) -> None:
        self.name, self.kind = name, kind
        self.message: Message = message or _NOTHING
        self.camel = re.sub(r"_(\w)", lambda match: match[1].upper(), name)


class Message:
    """`fields` in the order in which they are answered; `asked` are only ever read, under other names."""

    def __init__(self, title: str, *fields: Field, asked: tuple[Field, ...] = ()) -> None:
        self.title, self.fields, self.asked = title, fields, asked
        known = (*fields, *asked)
        self.by_json_name: Mapping[str, Field] = {key: field for field in known for key in (field.name, field.camel)}
        self.by_name: Mapping[str, Field] = {field.name: field for field in known}


@dataclass(frozen=True, slots=True)
class Null:
    """`null` as an element of a list of messages: Kuscia stumbles over it when it looks at it."""


NULL = Null()
_NOTHING = Message("")


def text(name: str) -> Field:
    return Field(name, Kind.TEXT)


def texts(name: str) -> Field:
    return Field(name, Kind.TEXTS)


def int32(name: str) -> Field:
    return Field(name, Kind.INT32)


def int64(name: str) -> Field:
    return Field(name, Kind.INT64)


def mapping(name: str) -> Field:
    return Field(name, Kind.MAP)


def one(name: str, message: Message) -> Field:
    return Field(name, Kind.MESSAGE, message)


def many(name: str, message: Message) -> Field:
    return Field(name, Kind.MESSAGES, message)
