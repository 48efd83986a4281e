"""Finds the texts that an installed package hands to gettext, in its Python files and templates."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

from django.utils.translation.template import templatize

_SINGLE = {"_", "gettext", "gettext_lazy", "gettext_noop"}
_PLURAL = {"ngettext", "ngettext_lazy"}
_CONTEXT = {"pgettext", "pgettext_lazy"}
# What `templatize` makes of a template: calls with string literals, the rest blanked out.
_CALL = re.compile(
    r"""(?<!\w)(_|gettext|ngettext|pgettext|npgettext)\(\s*(u?(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|.)*?)\)"""
)


def package_directory(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent


def texts_of(directory: Path, *, skip: tuple[str, ...] = ()) -> set[tuple[str | None, str]]:
    """`(context, text)` of every message below `directory`; plural messages by their singular."""
    found: set[tuple[str | None, str]] = set()
    for path in sorted(directory.rglob("*")):
        if any(part in skip for part in path.relative_to(directory).parts):
            continue
        if path.suffix == ".py":
            found.update(_of_python(path.read_text()))
        elif path.suffix in (".html", ".txt") and "templates" in path.parts:
            found.update(_of_template(path.read_text(), str(path)))
    return found


def _of_python(source: str) -> Iterator[tuple[str | None, str]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            yield from _of_call(node)


def _of_call(node: ast.Call) -> Iterator[tuple[str | None, str]]:
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    strings = [part.value for part in node.args if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    if name in _SINGLE | _PLURAL and strings and node.args and isinstance(node.args[0], ast.Constant):
        yield None, strings[0]
    elif name in _CONTEXT and len(strings) >= 2:
        yield strings[0], strings[1]


def _of_template(source: str, origin: str) -> Iterator[tuple[str | None, str]]:
    for match in _CALL.finditer(templatize(source, origin=origin)):
        call = f"{match[1]}({match[2]})"
        try:
            tree = ast.parse(call, mode="eval").body
        except SyntaxError:
            continue
        if isinstance(tree, ast.Call):
            yield from _of_call(tree)
