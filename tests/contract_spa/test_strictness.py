"""The replay itself: what differs from a recording in the least does not pass."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract_spa.matching import PLACEHOLDERS, differences, read_json
from tests.contract_spa.recordings import Story, stories
from tests.contract_spa.replay import NotAsRecorded, Replay

ROW = {
    "ID": "<id>", "CreatedAt": "<time>", "name": "a", "gpuCount": 2, "pricePerHour": 12.5, "isOnShelf": False,
    "children": None, "list": [{"value": 1}], "total": {"$each": "<text>", "$count": 2}, "msg": {"$contains": ["x: "]},
    "data": {"$matches": r"/a\?b=\w+"},
}  # fmt: skip
GOOD = {
    "ID": 5, "CreatedAt": "2026-11-22T01:26:57.123456+08:00", "name": "a", "gpuCount": 2, "pricePerHour": 12.5,
    "isOnShelf": False, "children": None, "list": [{"value": 1}], "total": ["a", "b"], "msg": "x: y", "data": "/a?b=c",
}  # fmt: skip
WRONG: dict[str, list[Any]] = {
    "ID": ["5", 5.0, True, 0, -1, None],
    "CreatedAt": ["2026-11-22T01:26:57", "2026-11-22 01:26:57Z", "2026-13-22T01:26:57Z", "2026-11-22", "", None, 1e9],
    "name": ["A", None, 5, ["a"]],
    "gpuCount": ["2", 2.0, True, 3, None],
    "pricePerHour": ["12.5", 12, None],
    "isOnShelf": ["false", 0, True, None],
    "children": [[], False, ""],
    "list": [None, {}, [], [{"value": "1"}], [{"Value": 1}], [{"value": 1}, {"value": 1}]],
    "total": [["a"], ["a", ""], ["a", None], None],
    "msg": ["x:", None, 5],
    "data": ["/a?b=", "x/a?b=c", None],
}


def test_an_answer_as_recorded_passes_whatever_the_order_of_its_keys() -> None:
    assert not list(differences(ROW, dict(reversed(GOOD.items()))))


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in WRONG.items() for value in values])
def test_another_type_or_value_fails_and_is_named(key: str, value: Any) -> None:
    faults = list(differences(ROW, {**GOOD, key: value}))
    assert faults and all(fault.startswith(f"body.{key}") for fault in faults)


@pytest.mark.parametrize("key", GOOD)
def test_a_key_that_is_missing_or_written_otherwise_fails(key: str) -> None:
    without = {name: value for name, value in GOOD.items() if name != key}
    assert list(differences(ROW, without)) == [f"body.{key}: is missing"]
    other = key.swapcase()
    assert set(differences(ROW, {**without, other: GOOD[key]})) == {
        f"body.{key}: is missing",
        f"body.{other}: was not recorded",
    }


@pytest.mark.parametrize(
    ("placeholder", "good", "bad"),
    [
        ("<uuid>", "9f926eca-3378-5c95-912b-5b1e89652904", ["9f926eca33785c95912b5b1e89652904", "", None, 5]),
        ("<text>", "a", ["", None, 5]),
        ("<token>", "a-b.c_d.e", ["a.b", "", "a b.c.d", None]),
        ("<milliseconds>", 1_795_000_000_000, [1_795_000_000, "1795000000000", 1.795e12, None]),
        ("<time>", "2026-11-22T01:26:57Z", ["2026-11-22T01:26:57 Z"]),
        ("<id>", 1, [0]),
    ],
)
def test_placeholders_are_strict(placeholder: str, good: Any, bad: list[Any]) -> None:
    assert not list(differences(placeholder, good))
    assert all(list(differences(placeholder, value)) for value in bad)


def test_every_placeholder_was_tried() -> None:
    assert set(PLACEHOLDERS) == {"<uuid>", "<text>", "<token>", "<milliseconds>", "<time>", "<id>"}


@pytest.mark.parametrize("content", [b'{"a": NaN}', b'{"a": 1, "a": 2}', b"", b"<html>"])
def test_what_is_no_json_fails(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_json(content)


def _told(step: dict[str, Any]) -> Any:
    return step["answer"]["body"]


def _other_status(step: dict[str, Any]) -> None:
    step["answer"]["status"] = 201


def _other_key(step: dict[str, Any]) -> None:
    data = _told(step)["data"]
    data["but"] = {"createdAt": "<time>", **data["but"]}


def _number_as_text(step: dict[str, Any]) -> None:
    _told(step)["data"]["but"]["ID"] = "<text>"


def _flag_as_number(step: dict[str, Any]) -> None:
    _told(step)["data"]["but"]["isOnShelf"] = 0


def _without_message(step: dict[str, Any]) -> None:
    del _told(step)["msg"]


def _other_message(step: dict[str, Any]) -> None:
    _told(step)["msg"] = "查询 成功"


def _other_header(step: dict[str, Any]) -> None:
    step["answer"]["headers"] = {"Content-Type": "application/problem+json"}


def _needless_header(step: dict[str, Any]) -> None:
    step["answer"]["headers"] = {"new-token": "<token>"}


CHANGES = (
    _other_status, _other_key, _number_as_text, _flag_as_number, _without_message, _other_message, _other_header,
    _needless_header,
)  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("kind", ["imageRegistry", "computeNode", "productSpec"])
def test_a_server_that_does_not_do_what_was_recorded_is_noticed(
    db: None, kind: str, change: Callable[[dict[str, Any]], None]
) -> None:
    """Recordings of another contract, against the real application."""
    story = next(story for story in stories() if story.name == kind)
    steps = copy.deepcopy(story.steps[:3])  # an empty list, a record, the record
    assert "/find" in steps[2]["request"]["path"]
    change(steps[2])
    with pytest.raises(NotAsRecorded, match=r"\[2\] as operator"):
        Replay(Story(kind, story.shapes, steps), prefix="", browser="zh").run()
