"""Kuscia's codes and texts for what can go wrong with an AppImage."""

from __future__ import annotations

from appimages.names import PATTERN
from core.dialects.kuscia import INVALID, UNEXPECTED, Refusal

CREATE_FAILED, QUERY_FAILED, UPDATE_FAILED, DELETE_FAILED = 13100, 13101, 13102, 13103
BATCH_QUERY_FAILED, MISSING, EXISTS, LIST_FAILED = 13104, 13105, 13106, 13107
_RESOURCE = "appimages.kuscia.secretflow"
_PANIC = "doBizProcess panic, err: runtime error: invalid memory address or nil pointer dereference"


def invalid(message: str) -> Refusal:
    return Refusal(INVALID, message)


def unreadable(message: object) -> Refusal:
    return Refusal(UNEXPECTED, str(message), bare=True)


def panic() -> Refusal:
    """What Kuscia answers to `null` in a list."""
    return unreadable(_PANIC)


def not_found_text(name: str) -> str:
    return f'{_RESOURCE} "{name}" not found'


def exists_text(name: str) -> str:
    return f'{_RESOURCE} "{name}" already exists'


def invalid_name(name: str) -> Refusal:
    rule = f'regex used for validation is "^{PATTERN}$" '
    return invalid(f'Field "appimage_id" is invalid, invalid value: "{name}": {rule}')


def refused_by_store(name: str, path: str, reason: str) -> str:
    """What Kubernetes says of an object that breaks a rule of its definition."""
    return f'AppImage.kuscia.secretflow "{name}" is invalid: {path}: {reason}'
