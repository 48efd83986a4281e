"""How many requests may wait for engines at the same time. Sixteen threads answer them in a process: some are left."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from core.slots import Slots

reads = Slots(
    most=8,
    most_each=4,
    full=_("This server asks too many compute nodes at the moment. Try again in a few seconds."),
    full_each=_("This compute node is asked too much at the moment. Try again in a few seconds."),
    retry_after=3,
)
examinations = Slots(
    most=3,
    most_each=1,
    full=_("This server examines several compute nodes already. Try again in a minute."),
    full_each=_("This compute node is being examined already. Try again in a minute."),
    retry_after=60,
)
