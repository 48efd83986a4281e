"""Where an answer differs from its recording: keys, JSON types and values are strict, the order of keys is free.

A recording says what varies by placeholders (`"<id>"`) and by objects with one of these keys: `$contains`, a text with
all of these parts; `$matches`, a text of this form; `$each`, a list of `$count` such elements.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")
_JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")
_BOUND = re.compile(r"<[\w ]+>")


def is_id(got: Any) -> bool:
    return type(got) is int and got > 0


def is_time(got: Any) -> bool:
    """RFC 3339 with an offset: without one the browser would read it in its own zone."""
    if not isinstance(got, str) or not _RFC_3339.fullmatch(got):
        return False
    try:
        return datetime.fromisoformat(got.replace("Z", "+00:00")).tzinfo is not None
    except ValueError:
        return False


def is_uuid(got: Any) -> bool:
    try:
        return isinstance(got, str) and str(UUID(got)) == got
    except ValueError:
        return False


PLACEHOLDERS: Mapping[str, Callable[[Any], bool]] = {
    "<id>": is_id,
    "<time>": is_time,
    "<uuid>": is_uuid,
    "<text>": lambda got: isinstance(got, str) and got != "",
    "<token>": lambda got: isinstance(got, str) and bool(_JWT.fullmatch(got)),
    "<milliseconds>": lambda got: type(got) is int and got > 10**12,
}


def differences(expected: Any, got: Any, at: str = "body") -> Iterator[str]:
    """One line for each place where `got` is not as recorded."""
    if isinstance(expected, dict):
        yield from _of_object(expected, got, at)
    elif isinstance(expected, list):
        yield from _of_list(expected, got, at)
    elif isinstance(expected, str) and _BOUND.fullmatch(expected):
        if not PLACEHOLDERS[expected](got):
            yield f"{at}: {got!r} is no {expected}"
    elif type(got) is not type(expected) or got != expected:
        yield f"{at}: {got!r} instead of {expected!r}"


def _of_object(expected: dict[str, Any], got: Any, at: str) -> Iterator[str]:
    if "$contains" in expected:
        if not isinstance(got, str) or not all(str(part) in got for part in expected["$contains"]):
            yield f"{at}: {got!r} does not contain all of {expected['$contains']}"
    elif "$matches" in expected:
        if not isinstance(got, str) or not re.fullmatch(expected["$matches"], got):
            yield f"{at}: {got!r} does not match {expected['$matches']}"
    elif "$each" in expected:
        yield from _of_list([expected["$each"]] * expected["$count"], got, at)
    elif not isinstance(got, dict):
        yield f"{at}: {got!r} is no object"
    else:
        yield from (f"{at}.{key}: is missing" for key in expected if key not in got)
        yield from (f"{at}.{key}: was not recorded" for key in got if key not in expected)
        for key in expected.keys() & got.keys():
            yield from differences(expected[key], got[key], f"{at}.{key}")


def _of_list(expected: list[Any], got: Any, at: str) -> Iterator[str]:
    if not isinstance(got, list):
        yield f"{at}: {got!r} is no list"
    elif len(got) != len(expected):
        yield f"{at}: {len(got)} elements instead of {len(expected)}"
    else:
        for index, (one, other) in enumerate(zip(expected, got, strict=True)):
            yield from differences(one, other, f"{at}[{index}]")


def read_json(content: bytes) -> Any:
    """JSON as the standard has it: no NaN, and no key twice."""
    return json.loads(content, object_pairs_hook=_without_duplicates, parse_constant=_refuse)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError(f"A key is there twice: {[key for key, _ in pairs]}")
    return found


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
