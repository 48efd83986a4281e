"""Names of AppImages."""

from __future__ import annotations

import re

# Kuscia's own rule, which lets dots pass that Kubernetes then refuses ("a..b").
PATTERN = r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?"
_KUSCIA = re.compile(PATTERN)
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


def passes_kuscia(name: str) -> bool:
    return _KUSCIA.fullmatch(name) is not None


def is_name(name: str) -> bool:
    """Whether Kuscia accepts and stores it: at most 63 letters a-z, digits, `-` and `.`, each part within letters."""
    return passes_kuscia(name) and all(map(_LABEL.fullmatch, name.split(".")))
