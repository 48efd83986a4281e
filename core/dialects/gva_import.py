"""Importing a sheet: every row is checked as `createX` and `updateX` check it, and all rows are stored, or none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

from django.core.exceptions import ValidationError as ModelValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from core.dialects.gva_records import RecordViews
from core.dialects.gva_sheet_kinds import SheetKind, chunks
from core.dialects.problem import flatten, translate
from core.errors import DomainError, InvalidInput
from core.sheets.cells import value_read_back
from core.sheets.errors import Faults, SheetRefused
from core.sheets.reader import SheetRow, read_rows


@dataclass(frozen=True, slots=True)
class Counts:
    created: int = 0
    changed: int = 0
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class _Change:
    """What is to be stored: a new record, or some columns of the one with this id."""

    row: int
    pk: int | None
    values: Mapping[str, Any]


def import_sheet(kind: SheetKind, request: Request, file: IO[bytes]) -> Counts:
    """Store the rows of the sheet. Raises `SheetRefused` that names rows, columns and rules; then nothing is stored."""
    views, faults = kind.views_for(request), Faults()
    rows = list(_distinct(kind, read_rows(file, kind.columns), faults))
    if not rows and not faults.count:
        raise SheetRefused(_("The sheet has no rows below its header."))
    changes = [change for some in chunks(rows) for change in _changes(kind, views, some, faults)]
    faults.raise_any()
    with transaction.atomic():
        for some in chunks(changes):
            _store(kind, views, some, faults)
        faults.raise_any()
    created = sum(change.pk is None for change in changes)
    return Counts(created, len(changes) - created, len(rows) - len(changes))


def _distinct(kind: SheetKind, rows: Iterator[SheetRow], faults: Faults) -> Iterator[SheetRow]:
    """The rows without those that cannot be read, or that say the same record as an earlier one."""
    first: dict[tuple[str, ...], int] = {}
    for row in rows:
        for header, rule in row.faults:
            faults.add(row.number, header, rule)
        if row.faults:
            continue
        key = kind.key_of(row.values)
        if all(key) and key in first:  # without a name it is the name that is missing
            faults.add(row.number, _key_headers(kind), _("the same as in row %(row)s") % {"row": first[key]})
            continue
        first[key] = row.number
        yield row


def _changes(kind: SheetKind, views: RecordViews, rows: Sequence[SheetRow], faults: Faults) -> Iterator[_Change]:
    """What has to be stored for these rows; one query whatever their number."""
    stored = _stored(kind, views, rows)
    create, update = views.form(), views.form(partial=True)
    for row in rows:
        record = stored.get(kind.key_of(row.values))
        if record is None:
            form, given = create, {key: value for key, value in row.values.items() if value not in (None, "")}
        else:
            form, given = update, _differing(kind, row, record)
        try:
            values = form.run_validation(given)
        except ValidationError as error:
            _explain(kind, row.number, error.detail, faults)
            continue
        if record is None or values:
            yield _Change(row.number, record and record["ID"], values)


def _stored(kind: SheetKind, views: RecordViews, rows: Sequence[SheetRow]) -> Mapping[tuple[str, ...], Any]:
    """The records that these rows mean, by key."""
    keys = {kind.key_of(row.values) for row in rows}
    leading = next(iter(kind.key))
    condition = {f"{views.columns[leading]}__in": {key[0] for key in keys if "\0" not in key[0]}}
    found = {kind.key_of(record): record for record in views.represent(views.records().filter(**condition))}
    return {key: record for key, record in found.items() if key in keys}


def _differing(kind: SheetKind, row: SheetRow, record: Mapping[str, Any]) -> dict[str, Any]:
    """The cells that say something else than an export would. An empty number or flag keeps what is stored."""
    return {
        column.key: row.values[column.key]
        for column in kind.columns
        if row.values[column.key] is not None
        and row.values[column.key] != value_read_back(column.kind, record[column.key])
    }


def _store(kind: SheetKind, views: RecordViews, changes: Sequence[_Change], faults: Faults) -> None:
    ids = [change.pk for change in changes if change.pk]
    locked = {record.pk: record for record in views.visible().select_for_update().filter(pk__in=ids).order_by("pk")}
    for change in changes:
        record = locked.get(change.pk)
        if change.pk and record is None:
            faults.add(change.row, "", _("somebody deleted this record in this moment"))
            continue
        try:
            views.save(change.values, record)
        except (DomainError, ModelValidationError) as error:
            _explain_refusal(kind, change.row, translate(error), faults)


def _explain(kind: SheetKind, row: int, errors: Any, faults: Faults) -> None:
    for fault in flatten(errors):
        faults.add(row, kind.header_of(fault["field"]), fault["message"])


def _explain_refusal(kind: SheetKind, row: int, error: Exception, faults: Faults) -> None:
    """What a service said."""
    if isinstance(error, InvalidInput):
        _explain(kind, row, error.fields, faults)
    else:
        faults.add(row, "", error)


def _key_headers(kind: SheetKind) -> str:
    return " + ".join(kind.header_of(name) for name in kind.key)
