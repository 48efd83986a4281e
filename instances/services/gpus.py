"""What people decide about cards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core.errors import NotFound
from core.operators import require_operator
from instances.models import Gpu


def set_cordoned(*, user: Any, ids: Iterable[int], cordoned: bool) -> int:
    """Take cards out of placing, or give them back to it, all or none; what is on them stays. Returns how many changed.

    Raises `PermissionRefused` and `NotFound`.
    """
    require_operator(user)
    wanted = set(ids)
    with transaction.atomic():
        rows = list(Gpu.objects.select_for_update().filter(pk__in=wanted).order_by("pk"))
        if len(rows) != len(wanted):
            raise NotFound(_("This GPU is no longer there."))
        changed = [row for row in rows if row.is_cordoned != cordoned]
        for row in changed:  # one by one, so that the audit log sees each
            row.is_cordoned = cordoned
            row.save(update_fields=["is_cordoned"])
    return len(changed)
