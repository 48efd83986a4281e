"""Two new rows, the second of which points at the first: stored together, and unless somebody has the name already."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, IntegrityError, connections, models, transaction

_AT_ONCE = """
    WITH made AS (
        INSERT INTO {table} ({columns}) VALUES ({places}) ON CONFLICT ({unique}) DO NOTHING RETURNING {key} AS made
    )
    INSERT INTO {part} ({part_columns}) SELECT made, {part_places} FROM made RETURNING {part_keys}
"""


def insert_pair(row: models.Model, part: models.Model, *, link: str, unique: str) -> bool:
    """Insert both, or none if another row has the same value in `unique`. `part` points at `row` by `link`.

    For rows that clients make in great numbers. On PostgreSQL it is one statement, so that nobody waits for the server
    four times; like Django's bulk operations it calls no signals.
    """
    if connections[DEFAULT_DB_ALIAS].vendor == "postgresql":
        return _insert_at_once(row, part, link, unique)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            setattr(part, link, row)
            part.save(force_insert=True)
    except IntegrityError:
        if type(row)._default_manager.filter(**{unique: getattr(row, unique)}).exists():
            return False
        raise
    return True


def _insert_at_once(row: models.Model, part: models.Model, link: str, unique: str) -> bool:
    statement = _statement(type(row), type(part), link, unique)
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(statement, [*_values(row), *_values(part, link)])
        made = cursor.fetchone()
    if made is None:
        return False
    row.pk, part.pk = made
    setattr(part, link, row)
    for one in (row, part):
        one._state.adding, one._state.db = False, DEFAULT_DB_ALIAS
    return True


def _values(row: models.Model, link: str = "") -> list[Any]:
    database = connections[DEFAULT_DB_ALIAS]
    return [field.get_db_prep_save(field.pre_save(row, True), database) for field in _fields(type(row), link)]


@cache
def _fields(model: type[models.Model], link: str) -> list[Any]:
    return [field for field in model._meta.concrete_fields if not field.primary_key and field.name != link]


@cache
def _statement(model: type[models.Model], part: type[models.Model], link: str, unique: str) -> str:
    names = {
        "table": _name(model._meta.db_table),
        "columns": _columns(_fields(model, "")),
        "places": _places(_fields(model, "")),
        "unique": _columns([model._meta.get_field(unique)]),
        "key": _columns([model._meta.pk]),
        "part": _name(part._meta.db_table),
        "part_columns": _columns([part._meta.get_field(link), *_fields(part, link)]),
        "part_places": _places(_fields(part, link)),
        "part_keys": _columns([part._meta.get_field(link), part._meta.pk]),
    }
    return _AT_ONCE.format(**names)


def _columns(fields: list[Any]) -> str:
    return ", ".join(_name(field.column) for field in fields)


def _places(fields: list[Any]) -> str:
    return ", ".join(["%s"] * len(fields))


def _name(text: str) -> str:
    return str(connections[DEFAULT_DB_ALIAS].ops.quote_name(text))
