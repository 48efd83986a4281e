"""Writing and deleting rows so that simultaneous writers neither undo each other nor bring deleted rows back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import DatabaseError, IntegrityError, connections, models, transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext_lazy as _

from core.errors import Conflict, InUse, NotFound

_TOLD = 10  # users of a row that a refusal names


def bare_rows(rows: models.QuerySet[Any, Any]) -> list[tuple[Any, ...]]:
    """What the database answers to a `values_list`, as it is: SQLite has numbers for truth values and texts for times.

    For thousands of rows of numbers: Django converts each sum and each count again, which takes longer than the query.
    """
    try:
        sql, params = rows.query.sql_with_params()
    except EmptyResultSet:  # nothing can match: Django asks no database either
        return []
    return _fetch(rows.db, sql, params)


def joined_rows(
    rows: models.QuerySet[Any, Any], sums: models.QuerySet[Any, Any], statement: str
) -> list[tuple[Any, ...]]:
    """`bare_rows` of a statement that joins two queries, with a place `{}` for each: Django itself would sum up anew
    for each row, or only after it had joined all of them."""
    try:
        (first, of_first), (second, of_second) = (one.query.sql_with_params() for one in (rows, sums))
    except EmptyResultSet:
        return []
    return _fetch(rows.db, statement.format(first, second), (*of_first, *of_second))


def _fetch(database: str, sql: str, params: Iterable[Any]) -> list[tuple[Any, ...]]:
    with connections[database].cursor() as cursor:
        cursor.execute(sql, tuple(params))
        return list(cursor.fetchall())


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


def set_listed_rows(rows: models.QuerySet[Any], *, listed: bool) -> int:
    """List or unlist the rows, one by one, so that the audit log sees each. Returns how many changed."""
    changed = 0
    for row in rows.exclude(is_listed=listed):
        row.is_listed = listed
        save_row(row, fields=["is_listed"], duplicate="")
        changed += 1
    return changed


def delete_rows(model: type[models.Model], ids: Iterable[int]) -> int:
    """Delete, all or none. Raises `NotFound` for unknown ids and `InUse` naming what uses a row."""
    wanted = set(ids)
    with transaction.atomic():
        rows = list(model._default_manager.select_for_update().filter(pk__in=wanted).order_by("pk"))
        if len(rows) != len(wanted) or not rows:
            missing = ", ".join(str(pk) for pk in sorted(wanted - {row.pk for row in rows})) or "–"
            raise NotFound(_("There is no such record: %(ids)s") % {"ids": missing})
        for row in rows:
            _delete(row)
    return len(rows)


def some_of(users: list[str]) -> str:
    """The first of them, and how many more."""
    told = "; ".join(users[:_TOLD])
    more = len(users) - _TOLD
    return told if more <= 0 else _("%(told)s; and %(more)s more") % {"told": told, "more": more}


def _delete(row: models.Model) -> None:
    try:
        row.delete()
    except ProtectedError as error:
        raise _in_use(row, error.protected_objects) from None


def _in_use(row: models.Model, users: Iterable[models.Model]) -> InUse:
    """Each kind of user may have `freed_by`, the advice how to end that, and `names_of`, better names than `str`."""
    kinds: dict[type[models.Model], list[models.Model]] = {}
    for user in users:
        kinds.setdefault(type(user), []).append(user)
    names: list[str] = []
    for kind, items in kinds.items():
        names += getattr(kind, "names_of", _names_of)(items)
    advice = " ".join(sorted({str(kind.freed_by) for kind in kinds if hasattr(kind, "freed_by")}))
    names.sort()
    told = {"name": row, "users": some_of(names), "advice": advice}
    return InUse(_("“%(name)s” is in use by: %(users)s. %(advice)s") % told, users=names)


def _names_of(items: Iterable[models.Model]) -> list[str]:
    return [str(item) for item in items]
