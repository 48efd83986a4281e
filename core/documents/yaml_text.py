"""YAML read from its events: no value is interpreted, no object is made, no nesting or alias gets out of hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from core.documents.errors import FileError, refused
from core.documents.plain import Plain
from core.documents.tree import Location, Tree

DEEPEST = 50
MOST_VALUES = 200_000  # in a file, aliases counted as what they stand for
MOST_CHARACTERS = 20_000_000  # of its texts, counted so too: every use of a long one is looked at and stored anew
_CORE = "tag:yaml.org,2002:"
_TEXT_TAGS = {"!", f"{_CORE}str"}
_VALUE_TAGS = {f"{_CORE}{name}" for name in ("int", "float", "bool", "null", "timestamp")}
_NOTHING = {"", "~"}


def read_yaml(text: str) -> list[Tree]:
    """All documents of a file that hold anything. Raises `FileError`."""
    try:
        return list(_Documents(text).read())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        if line and "{{" in _line_of(text, line):
            raise refused("placeholder", line=line) from None
        raise refused("no_yaml", line=line, problem=error.problem or "") from None
    except yaml.YAMLError:  # the reader's: a character that no file may hold
        raise refused("character") from None


def _line_of(text: str, number: int) -> str:
    lines = text.splitlines()
    return lines[number - 1] if number <= len(lines) else ""


@dataclass(frozen=True, slots=True)
class _Anchored:
    value: Any
    size: int
    length: int  # of all texts in it
    depth: int


class _Documents:
    def __init__(self, text: str) -> None:
        self._text = text
        self._events = yaml.parse(text, Loader=yaml.CSafeLoader)
        self._number = 0
        self._values = 0
        self._characters = 0
        self._deepest = 0
        self._anchors: dict[str, _Anchored] = {}
        self._lines: dict[Location, int] = {}

    def read(self) -> Iterator[Tree]:
        for event in self._events:
            if not isinstance(event, yaml.DocumentStartEvent):
                continue
            self._number += 1
            self._anchors, self._lines = {}, {}
            value = self._value(next(self._events), (), 1)
            if value is not None:
                yield Tree(value, self._number, self._lines)

    def _value(self, event: Any, at: Location, depth: int) -> Any:
        self._lines[at] = event.start_mark.line + 1
        self._values += 1
        self._deepest = max(self._deepest, depth)
        self._check_limits(event)
        if isinstance(event, yaml.AliasEvent):
            return self._aliased(event, depth)
        before, written = self._values, self._characters
        around, self._deepest = self._deepest, depth
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(event, at, depth)
        else:
            value = self._mapping(event, at, depth)
        if event.anchor:
            size, length = self._values - before + 1, self._characters - written
            self._anchors[event.anchor] = _Anchored(value, size, length, self._deepest - depth)
        self._deepest = max(self._deepest, around)
        return value

    def _check_limits(self, event: Any) -> None:
        if self._deepest > DEEPEST:
            raise self._refused("too_deep", event, limit=DEEPEST)
        if self._values > MOST_VALUES:
            raise self._refused("too_many", event, limit=MOST_VALUES)
        if self._characters > MOST_CHARACTERS:
            raise self._refused("too_long", event, limit=MOST_CHARACTERS)

    def _aliased(self, event: Any, depth: int) -> Any:
        anchored = self._anchors.get(event.anchor)
        if anchored is None:
            raise self._refused("alias", event)
        self._values += anchored.size - 1
        self._characters += anchored.length
        self._deepest = max(self._deepest, depth + anchored.depth)
        self._check_limits(event)
        return anchored.value

    def _scalar(self, event: Any) -> Any:
        self._characters += len(event.value)
        if event.tag not in (None, *_TEXT_TAGS, *_VALUE_TAGS):
            raise self._refused("tag", event, tag=str(event.tag))
        if not event.implicit[0] and event.tag not in _VALUE_TAGS:
            return event.value
        return None if event.value in _NOTHING else Plain(event.value)

    def _sequence(self, event: Any, at: Location, depth: int) -> list[Any]:
        self._check_tag(event, "seq")
        found: list[Any] = []
        while not isinstance(item := next(self._events), yaml.SequenceEndEvent):
            found.append(self._value(item, (*at, len(found)), depth + 1))
        return found

    def _mapping(self, event: Any, at: Location, depth: int) -> dict[str, Any]:
        self._check_tag(event, "map")
        found: dict[str, Any] = {}
        while not isinstance(item := next(self._events), yaml.MappingEndEvent):
            key = self._key(item)
            if key in found:
                raise self._refused("twice", item, key=key)
            found[key] = self._value(next(self._events), (*at, key), depth + 1)
        return found

    def _key(self, event: Any) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            in_braces = "{{" in _line_of(self._text, event.start_mark.line + 1)
            raise self._refused("placeholder" if in_braces else "key", event)
        if event.value == "<<" and event.implicit[0]:
            raise self._refused("merge", event)
        self._characters += len(event.value)
        return str(event.value)

    def _check_tag(self, event: Any, kind: str) -> None:
        if event.tag not in (None, "!", f"{_CORE}{kind}"):
            raise self._refused("tag", event, tag=str(event.tag))

    def _refused(self, code: str, event: Any, **params: Any) -> FileError:
        return refused(code, document=self._number, line=event.start_mark.line + 1, **params)
