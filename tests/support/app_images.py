"""AppImages for tests: the smallest one, any one at all, and the files that Kuscia's own are like."""

from __future__ import annotations

import types
import typing
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from appimages.schema.part import Part
from appimages.schema.parts import AppImageSpec
from appimages.schema.values import Integer, Integer64, Name, Port, Protocol, Quantity, Scope, Text, Truth

FILES = Path(__file__).resolve().parents[1] / "fixtures" / "app_images"
# Texts that a YAML reader likes to take for something else, or to change.
TRAPS = [
    "1.10", "012", "no", "on", "Y", "12:30", "1e3", "0x1f", "2024-01-02", "null", "~", "", " ", "=", "<<", "- a",
    "a: b",
    "a #b", "{{.TASK_ID}}", "{{{.A.b[0].c}}}", "%a", "@a", "`", "a\n", "a\n\n", "\na", "a\n b\n", "a \nb", "\ta\n",
    "a\r\nb", "a\u2028b\n",
    "a\x85b\n", "\ufeff", "\0", "\x1b", "😀\n", "'",
    '"', "\\", "---", "...", "# a\nb", "a\n---\nb\n", "|", ">", "!!int 3", "&a", "*a", "中文\n行\n",
]  # fmt: skip
_TEXTS = st.sampled_from(TRAPS) | st.text(max_size=20)
_KINDS: dict[Any, st.SearchStrategy[Any]] = {
    Text: _TEXTS,
    Name: _TEXTS.filter(bool),
    Integer: st.integers(-(2**31), 2**31 - 1),
    Integer64: st.integers(-(2**63), 2**63 - 1),
    Truth: st.booleans(),
    Port: st.integers(0, 65535) | _TEXTS,
    Quantity: st.sampled_from(["100m", "1.5", "512Mi", "1e3", "0.1", "-1", "010"]),
    Protocol: st.sampled_from(["HTTP", "GRPC"]),
    Scope: st.sampled_from(["Cluster", "Domain", "Local"]),
}


def document(**image: str) -> dict[str, Any]:
    """The smallest."""
    return {
        "image": {"name": "registry.example.com/team/app", "tag": "v1", **image},
        "deployTemplates": [{"name": "app", "spec": {"containers": [{"name": "app"}]}}],
    }


def file(name: str) -> bytes:
    return (FILES / name).read_bytes()


def documents() -> st.SearchStrategy[dict[str, Any]]:
    """Any document that the schema allows, with every field that it knows."""
    return _part(AppImageSpec)


def _part(kind: type[Part]) -> st.SearchStrategy[dict[str, Any]]:
    hints = typing.get_type_hints(kind, include_extras=True)
    required, optional = {}, {}
    for name, field in kind.model_fields.items():
        (required if field.is_required() else optional)[field.alias or name] = _value(hints[name])
    return st.fixed_dictionaries(required, optional=optional)


def _value(hint: Any) -> st.SearchStrategy[Any]:
    if hint in _KINDS:
        return _KINDS[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _value(arguments[0])
    if origin is list:
        return st.lists(_value(arguments[0]), max_size=2)
    if origin is dict:
        return st.dictionaries(_value(arguments[0]), _value(arguments[1]), max_size=3)
    if origin is typing.Annotated:  # a limit around another kind: at least one, not negative, another name
        inner = arguments[0]
        if typing.get_origin(inner) is list:
            return st.lists(_value(typing.get_args(inner)[0]), min_size=1, max_size=2)
        return st.integers(0, 2**31 - 1) if inner is int else _value(inner)
    return st.deferred(lambda: _part(hint))
