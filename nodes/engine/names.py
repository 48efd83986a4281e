"""Names of containers and volumes, and the filters that find them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .errors import EngineRejected

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}")


def is_name(text: str) -> bool:
    """Whether an engine could know it, as a name or an id. What is none might become another route of the API."""
    return _NAME.fullmatch(text) is not None


def demand_container(text: str) -> str:
    """The id or name as it is. Raises what an engine would raise for one that it does not know."""
    if not is_name(text):
        raise EngineRejected(404, f"No such container: {text}")
    return text


def label_filters(labels: Mapping[str, str]) -> list[str]:
    """An empty value stands for any."""
    return [f"{name}={value}" if value else name for name, value in labels.items()]
