"""The recordings: what the front end sends, and what it must get. Written by hand, from what it was seen to need.

A file is a story: its `steps` happen in order, in an empty database with two people. A step is an exchange of `request`
and `answer`, sent by one of `senders.json` or each of several, once or `times`; or something `given` (`world.py`).
`keep` remembers parts of an answer for later steps.

In requests and answers `{name.part}` stands for something that was kept (alone in a text: with its type), `{"zh",
"en"}` for one of the two by language, and `{"$like": name, "but": {…}}` for something that was kept, or one of the
file's `shapes`, with some keys replaced. What varies in an answer is written as `matching.py` says; in `headers` null
stands for one that must not be there. A request has a `body` (JSON), a `text` (a body as it stands), a `sheet` (rows
of a file to upload), a `file` (one that was kept), or nothing; the answer's `sheet` is that of a file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_DIRECTORY = Path(__file__).parent / "recordings"
_KEPT = re.compile(r"\{([\w ]+(?:\.\w+)*)\}")


@dataclass(frozen=True)
class Story:
    name: str
    shapes: Mapping[str, Any]
    steps: list[dict[str, Any]]


def _read(path: Path) -> Any:
    return json.loads(path.read_text())


def stories() -> list[Story]:
    files = sorted(path for path in _DIRECTORY.glob("*.json") if path.stem != "senders")
    return [Story(path.stem, found.get("shapes", {}), found["steps"]) for path in files for found in [_read(path)]]


def senders() -> Mapping[str, Mapping[str, str]]:
    """Headers of each kind of sender, as observed in a browser."""
    found: Mapping[str, Mapping[str, str]] = _read(_DIRECTORY / "senders.json")
    return found


def fill(template: Any, names: Mapping[str, Any], language: str) -> Any:
    """The template with everything put in that it names."""
    if isinstance(template, str):
        whole = _KEPT.fullmatch(template)
        return (
            fill(_named(whole[1], names), names, language)
            if whole
            else _KEPT.sub(lambda match: str(_named(match[1], names)), template)
        )
    if isinstance(template, list):
        return [fill(item, names, language) for item in template]
    if not isinstance(template, dict):
        return template
    if template.keys() == {"zh", "en"}:
        return fill(template[language], names, language)
    if "$like" in template:
        return fill(names[template["$like"]], names, language) | fill(template["but"], names, language)
    return {key: fill(value, names, language) for key, value in template.items()}


def _named(path: str, names: Mapping[str, Any]) -> Any:
    value: Any = names
    for part in path.split("."):
        value = value[part]
    return value
