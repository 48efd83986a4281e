"""Reading JSON of which nothing is certain. Pure.

What has the wrong type counts as left out, texts are cut and made storable, numbers kept in range.
"""

from __future__ import annotations

from typing import Any

from .errors import EngineError

SHORT = 64  # characters: versions, storage drivers, platforms
LONG = 1000  # names of images, paths
MOST_BYTES = 1 << 60


def text(value: object, limit: int = SHORT) -> str:
    """Without NUL and halves of surrogate pairs: JSON may hold both, databases neither."""
    if not isinstance(value, str):
        return ""
    return value[:limit].replace("\0", "?").encode("utf-8", "replace").decode()


def texts(value: object, limit: int = LONG) -> tuple[str, ...]:
    return tuple(text(item, limit) for item in items(value) if isinstance(item, str))


def number(value: object, most: int = MOST_BYTES) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return min(max(value, 0), most)


def items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def demand_object(answer: object, what: str) -> dict[str, Any]:
    """Raises EngineError(engine_not_docker) for anything else."""
    if not isinstance(answer, dict):
        raise no_engine(what)
    return answer


def demand_list(answer: object) -> list[dict[str, Any]]:
    """A list of objects. Raises EngineError(engine_not_docker) for anything else."""
    if not isinstance(answer, list):
        raise no_engine("a list")
    return [demand_object(item, "a list") for item in answer]


def demand_id(answer: object, what: str) -> str:
    """The `Id` of an object, unaltered. Raises EngineError(engine_not_docker) without one."""
    found = demand_object(answer, what).get("Id")
    if not isinstance(found, str) or not found or found != text(found, LONG):
        raise EngineError("engine_not_docker", f"it describes {what} without an id")
    return found


def no_engine(what: str) -> EngineError:
    return EngineError("engine_not_docker", f"the answer for {what} has another shape than an engine's")
