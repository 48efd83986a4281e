"""JSON values as templates see them: what a path finds, and how it is written.

Numbers stay the text that they were: nothing is rounded, and no integer loses digits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from appimages.render.paths import Filter, Index, IndexFrom, Key, Path

MAX_DEPTH: Final = 100  # of arrays and objects in each other
MAX_COMPARED: Final = 1_000_000  # elements of arrays that the filters of a template look at

_SURROGATE = re.compile("[\ud800-\udfff]")
_FOR_HTML = re.compile("[<>&\u2028\u2029]")
_INDEX_TEXT = re.compile(r"-?[0-9]{1,18}")
_MISSING: Final = object()


class TooDeep(Exception):
    """A JSON value has too many levels."""


class TooMuch(Exception):
    """Filters would look at too many elements."""


class Number(str):
    """A JSON number, as it was written."""


def escaped(text: str) -> str:
    """`text` as the body of a JSON string: between quotes it parses back to exactly itself."""
    body = json.dumps(text, ensure_ascii=False)[1:-1]
    return _SURROGATE.sub(lambda match: f"\\u{ord(match.group()):04x}", body)


def read(text: str) -> Any:
    """A variable's value as JSON; a text that is none stands for itself. Raises `TooDeep`."""
    try:
        return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=_no_constant)
    except ValueError:
        return text
    except RecursionError:
        raise TooDeep from None


def written(value: Any) -> str:
    """Strings bare, numbers and booleans as JSON, objects and arrays compact with sorted keys; null is nothing."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    parts: list[str] = []
    _write(value, parts, 0)
    return "".join(parts)


class Values:
    """The variables, each read as JSON at most once however often paths look into it."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._read: dict[str, Any] = {}
        # By array and key: value → first element. Paths with filters cost one pass over the array, not one each.
        self._found: dict[tuple[int, str], dict[str, Any]] = {}
        self.characters = 0  # that were read as JSON
        self.compared = 0  # elements of arrays

    def find(self, path: Path) -> Any:
        """What the path leads to, None when it leads nowhere. Raises `TooDeep` and `TooMuch`."""
        found = self._find(path)
        return None if found is _MISSING else found

    def _find(self, path: Path) -> Any:
        if path.variable not in self._variables:
            return _MISSING
        if path.variable not in self._read:
            self.characters += len(self._variables[path.variable])
            self._read[path.variable] = read(self._variables[path.variable])
        value = self._read[path.variable]
        in_array = False
        for step in path.steps:
            # Kuscia finds nothing behind two pairs of brackets in a row, so a template means the same there and here.
            value = _MISSING if in_array and not isinstance(step, Key) else self._step(value, step)
            in_array = not isinstance(step, Key)
        return value

    def _step(self, value: Any, step: Key | Index | Filter | IndexFrom) -> Any:
        if isinstance(step, Key):
            return value.get(step.name, _MISSING) if isinstance(value, dict) else _MISSING
        if not isinstance(value, list):
            return _MISSING
        if isinstance(step, Filter):
            # Nor behind a value with a dot.
            return _MISSING if "." in step.value else self._first(value, step)
        return _element(value, step.number if isinstance(step, Index) else self._index(step))

    def _first(self, array: list[Any], step: Filter) -> Any:
        place = (id(array), step.key)
        if place not in self._found:
            self.compared += len(array)
            if self.compared > MAX_COMPARED:  # each key that a filter names costs a pass over the array
                raise TooMuch
            index = self._found[place] = {}
            for element in array:
                if isinstance(element, dict) and (text := _comparable(element.get(step.key))) is not None:
                    index.setdefault(text, element)
        return self._found[place].get(step.value, _MISSING)

    def _index(self, step: IndexFrom) -> int | None:
        found = self._find(step.path)
        return int(found) if isinstance(found, str) and _INDEX_TEXT.fullmatch(found) else None


def _element(array: list[Any], index: int | None) -> Any:
    """From the end with a negative index, but not as far as the first element: Kuscia's rule."""
    if index is None or not -len(array) < index < len(array):
        return _MISSING
    return array[index]


def _comparable(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else None


def _write(value: Any, into: list[str], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise TooDeep
    if isinstance(value, dict):
        for count, key in enumerate(sorted(value)):
            into.extend(("," if count else "{", _quoted(key), ":"))
            _write(value[key], into, depth + 1)
        into.append("}" if value else "{}")
    elif isinstance(value, list):
        for count, element in enumerate(value):
            into.append("," if count else "[")
            _write(element, into, depth + 1)
        into.append("]" if value else "[]")
    elif isinstance(value, str):
        into.append(value if isinstance(value, Number) else _quoted(value))
    else:
        into.append("null" if value is None else "true" if value else "false")


def _quoted(text: str) -> str:
    return '"' + _FOR_HTML.sub(lambda match: f"\\u{ord(match.group()):04x}", escaped(text)) + '"'


def _no_constant(name: str) -> Any:
    raise ValueError(name)  # NaN and Infinity are no JSON
