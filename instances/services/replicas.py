"""Places for the containers of a deployment: those of a replica are on one node."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from django.db import transaction

from instances.accelerator import Refused
from instances.placement import Rejection
from instances.recipes.recipe import Recipe
from instances.services.asking import Ask, Part, answer_to, no_room
from instances.services.reserving import reserve
from instances.spec import Options

_TRIED = 8  # nodes, for each replica


def nodes_for(ask: Ask, *, replicas: int, places: Sequence[int]) -> list[int]:
    """The nodes to lock, in the order of ids: those named, else as many of the best ones as the replicas may need. The
    rest of the fleet need not wait. Raises `NoRoom`."""
    return sorted(places or [found.node for found in answer_to(ask).fits[: _TRIED + replicas]])


def options_of(recipe: Recipe) -> Options:
    """Raises `Refused`."""
    return Options(restart_policy=recipe.restart_policy)


def reserve_replica(ask: Ask, part: Sequence[Part], names: Iterator[str]) -> None:
    """All its containers on one of the nodes of `ask`. Within a transaction that has locked those. Raises `NoRoom`."""
    asks = [replace(ask, name=next(names), part=one, options=options_of(one.recipe)) for one in part]
    why = []
    for candidate in answer_to(asks[0]).fits[:_TRIED]:
        try:
            with transaction.atomic():
                for one in asks:
                    reserve(one, candidate.node, "")
            return
        except Refused as refused:
            why.append(Rejection(candidate.node, candidate.name, refused.code, refused.params))
    raise no_room(why)
