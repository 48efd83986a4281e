"""Hints in the reader's language, for files that are stored or still being typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from builds.dockerfiles import find_hints
from builds.hint_texts import hint_text
from builds.models import Application
from builds.naming import base_reference, build_arguments
from imagelib.addresses import AddressError

_BASE = ("base_registry", "base_namespace", "base_image", "base_tag")


def hints_for(files: Mapping[str, str], *, base: Mapping[str, str]) -> list[dict[str, Any]]:
    """`base` has the four parts of the image that the application starts from; without a name there is none."""
    known = bool(base["base_image"] and base["base_tag"])
    arguments = build_arguments(**base) if known else {}
    hints = find_hints(files, arguments=arguments, base=_reference(base) if known else "")
    return [
        {
            "path": hint.path,
            "line": hint.line,
            "severity": hint.severity.value,
            "code": hint.code,
            "message": hint_text(hint),
        }
        for hint in hints
    ]


def base_of(application: Application) -> dict[str, str]:
    return {name: getattr(application, name) for name in _BASE}


def _reference(base: Mapping[str, str]) -> str:
    try:
        return base_reference(**base)
    except AddressError:
        return ""
