"""Which backend is responsible: the only module that knows them by name. Pure."""

from __future__ import annotations

from instances.accelerator import Backend, CardBackend
from instances.accelerators import none, nvidia_hami

# Of the cards in our tables: all of one kind so far. A second one needs a column there that tells, and a choice here.
CARDS: CardBackend = nvidia_hami
_NOTHING: Backend = none


def backend_for(*, devices: int) -> Backend:
    """Of a demand or a grant of so many devices."""
    return CARDS if devices else _NOTHING
