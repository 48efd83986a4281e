"""What a kind of record declares to have the three Excel buttons."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request

from core.dialects.gva_records import RecordViews
from core.sheets.archive import MAX_BYTES
from core.sheets.columns import MAX_ROWS, Column, Kind
from core.sheets.errors import SheetRefused
from core.sheets.writer import write_records, write_template

_CHUNK = 500  # rows that are read from the database at once
_NEVER_TOO_LARGE = 50  # rows: not even with every text at its longest


@dataclass(frozen=True, slots=True)
class SheetKind:
    """`template` is how the front end calls it. Rows are read, checked and saved by `views`, as the other routes do.

    `key` maps the keys of the columns that tell one record from another to what makes typed texts comparable.
    """

    template: str
    title: Any
    views: type[RecordViews]
    columns: Sequence[Column]
    key: Mapping[str, Callable[[str], str]]

    def views_for(self, request: Request) -> RecordViews:
        """The views of this kind of record, asked by `request.user`."""
        views = self.views()
        views.request = request
        return views

    def header_of(self, key: str) -> str:
        """The header of the column with this key, or of the model's column with this name; else empty."""
        key = next((name for name, source in self.views.columns.items() if source == key), key)
        return next((str(column.title) for column in self.columns if column.key == key), "")

    def key_of(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """What a row is found by."""
        return tuple(comparable(values[name]) for name, comparable in self.key.items())


def export_file(kind: SheetKind, request: Request) -> Any:
    """A workbook with all rows that the user may see, newest first as on the page."""
    views = kind.views_for(request)
    refuse_too_many(views)
    return write_records(kind.title, kind.columns, _records(views))


def refuse_too_many(views: RecordViews) -> None:
    """Raises `SheetRefused` for more rows than could be imported again."""
    count = views.visible().count()
    if count > MAX_ROWS:
        text = _("There are %(count)s records; a sheet has room for %(limit)s. Programs read them page by page.")
        raise SheetRefused(text % {"count": count, "limit": MAX_ROWS})


def refuse_too_large(kind: SheetKind, request: Request) -> None:
    """Raises `SheetRefused` for a file that could not be imported again. Few rows never make one."""
    if kind.views_for(request).visible().count() < _NEVER_TOO_LARGE:
        return
    size = export_file(kind, request).getbuffer().nbytes
    if size > MAX_BYTES:
        text = _("The sheet would have %(size)s MB; it may have %(limit)s MB. Programs read the records page by page.")
        raise SheetRefused(text % {"size": round(size / 1024**2, 1), "limit": MAX_BYTES // 1024**2})


def template_file(kind: SheetKind) -> Any:
    """An empty sheet with a second one that explains the columns."""
    fields = kind.views.form().fields
    return write_template(kind.title, kind.columns, {column.key: _rule(column, fields) for column in kind.columns})


def _records(views: RecordViews) -> Iterator[Mapping[str, Any]]:
    ids = list(views.visible().order_by("-created_at", "-pk").values_list("pk", flat=True)[:MAX_ROWS])
    for some in chunks(ids):
        found = {row["ID"]: row for row in views.represent(views.records().filter(pk__in=some))}
        yield from (found[pk] for pk in some if pk in found)


def chunks(items: Iterable[Any]) -> Iterator[list[Any]]:
    """Lists of so many items as one query asks for."""
    rest = iter(items)
    while some := list(islice(rest, _CHUNK)):
        yield some


def _rule(column: Column, fields: Mapping[str, serializers.Field]) -> str:
    """What belongs into a column, as its form says or checks it."""
    field = fields[column.key]
    if field.help_text:
        return str(field.help_text)
    rules = [_("Required.") if field.required else _("Optional.")]
    match column.kind:
        case Kind.FLAG:
            rules.append(_("yes or no."))
        case Kind.INTEGER | Kind.NUMBER:
            rules.append(_("A whole number.") if column.kind is Kind.INTEGER else _("A number."))
        case Kind.SECRET:
            rules.append(_("Never exported: ****** keeps the stored one, an empty cell deletes it."))
    longest = getattr(field, "max_length", None)
    if longest:
        rules.append(_("At most %(limit)s characters.") % {"limit": longest})
    return " ".join(rules)
