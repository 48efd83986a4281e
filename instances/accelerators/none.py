"""The backend of containers without devices: `instances.accelerator.Backend`. Pure.

A node whose engine gives its cards to whoever wants them shows all of them to an image that asks for all, as the usual
base images do (spec-vgpu.md §4.1): a container that was granted none must say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from instances.accelerator import Grant, Parts, Refused

NAME = "none"
RESERVED_TARGETS: tuple[str, ...] = ()
_NOTHING_SHOWN = {"NVIDIA_VISIBLE_DEVICES": "void"}


def parts_of(
    _grant: Grant,
    *,
    directory: str,
    image_environment: Mapping[str, str],
    user_environment: Mapping[str, str],
    cache: str,
) -> Parts:
    """Nothing, and no way to more. Raises `Refused`."""
    refuse_reserved(user_environment)
    return Parts(environment=_NOTHING_SHOWN)


def refuse_reserved(names: Iterable[str]) -> None:
    """What decides which cards are shown. All else is the user's: there is no limit that it could lift."""
    for name in names:
        if name in _NOTHING_SHOWN:
            raise Refused("reserved_variable", name=name)
