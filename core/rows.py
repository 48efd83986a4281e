"""Writing one row so that simultaneous writers neither undo each other nor bring deleted rows back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import DatabaseError, IntegrityError, models, transaction
from django.utils.translation import gettext_lazy as _

from core.errors import Conflict, NotFound


def save_row(row: models.Model, *, fields: Iterable[str], duplicate: Any) -> None:
    """Insert a new row, or write just `fields` of an existing one.

    Raises `Conflict` with the sentence `duplicate` when a uniqueness constraint objects (it decides when two requests
    passed validation at the same time), and `NotFound` when somebody deleted the row meanwhile.
    """
    try:
        with transaction.atomic():
            if row._state.adding:
                row.save()
            else:
                row.save(update_fields={*fields, "updated_at"})
    except IntegrityError as error:
        raise Conflict(duplicate, code="duplicate") from error
    except DatabaseError:
        if type(row)._default_manager.filter(pk=row.pk).exists():
            raise
        raise NotFound(_("Somebody deleted “%(name)s” in this moment.") % {"name": row}) from None
