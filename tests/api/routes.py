"""All routes of the project, read from the URL resolver, so that no test can forget one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from core.dialects import gva, problem

_CATCH_ALL = (problem.not_found, gva.not_found)
_ARGUMENT = re.compile(r"\(\?P<(\w+)>[^)]*\)|<(?:\w+:)?(\w+)>")
_METHODS = ("get", "post", "put", "patch", "delete")


def all_routes() -> list[tuple[str, str]]:
    """`("GET", "api/images/{pk}/")` and so on; the admin's own pages are not among them."""
    return sorted({(method, path) for path, view in _views("", get_resolver()) for method in _methods(view)})


def admin_paths() -> list[str]:
    """Paths of the admin's pages, arguments as `{name}`."""
    return sorted({path for path, _view in _views("", get_resolver(), admin=True)})


def _views(prefix: str, resolver: URLResolver, *, admin: bool = False) -> Iterator[tuple[str, Any]]:
    for item in resolver.url_patterns:
        path = prefix + _readable(str(item.pattern))
        if isinstance(item, URLResolver):
            yield from _views(path, item, admin=admin)
        elif isinstance(item, URLPattern) and item.callback not in _CATCH_ALL and path.startswith("admin/") is admin:
            yield path, item.callback


def _readable(pattern: str) -> str:
    named = _ARGUMENT.sub(lambda match: "{" + (match[1] or match[2]) + "}", pattern)
    return named.removeprefix("^").removesuffix("$").removesuffix("\\Z").replace("\\.", ".")


def _methods(view: Any) -> list[str]:
    if actions := getattr(view, "actions", None):
        return [method.upper() for method in actions if method in _METHODS]
    if kind := getattr(view, "cls", None):
        return [method.upper() for method in _METHODS if hasattr(kind, method)]
    return ["GET"]
