"""JSON with its numbers as they are written, so that a tag that looks like one keeps its text."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from core.documents.errors import refused
from core.documents.plain import Plain
from core.documents.tree import Tree
from core.documents.yaml_text import DEEPEST


def read_json(text: str) -> list[Tree] | None:
    """The one document of a file, or None if this is no JSON. Raises `FileError` for what JSON allows and we do not."""
    try:
        value = json.loads(
            text, parse_int=Plain, parse_float=Plain, parse_constant=_constant, object_pairs_hook=_object
        )
    except RecursionError:
        raise refused("too_deep", limit=DEEPEST) from None
    except json.JSONDecodeError:
        return None
    if _depth(value) > DEEPEST:
        raise refused("too_deep", limit=DEEPEST)
    return [Tree(value, 1)]


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level and depth <= DEEPEST:
        depth += 1
        inner = [item.values() if isinstance(item, dict) else item for item in level if isinstance(item, (dict, list))]
        level = [item for items in inner for item in items]
    return depth


def _constant(text: str) -> NoReturn:
    raise refused("constant", text=text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise refused("twice", document=1, key=key)
        found[key] = value
    return found
