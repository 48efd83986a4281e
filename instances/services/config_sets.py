"""What operators do with config sets and secret sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core.errors import InvalidInput, NotFound
from core.fields import MASK
from core.operators import require_operator
from core.rows import delete_rows, save_row
from instances.accelerator import Refused
from instances.models import ConfigSet, SecretSet
from instances.recipes.environment import check_variable
from instances.refusal_texts import sentence

MOST_VALUES = 1000


def save_config_set(*, user: Any, values: Mapping[str, Any], row: ConfigSet | None = None) -> ConfigSet:
    """Create or change. `values["values"]` replaces all of them. Raises `InvalidInput`, `Conflict`, `NotFound`."""
    require_operator(user)
    row = row or ConfigSet()
    with transaction.atomic():
        _hold(row)
        row.name = values.get("name", row.name)
        if "values" in values:
            _check(values["values"])
            row.values = _few(values["values"])
        _save(row, {"name", "values"}, _("Another config set has this name already."))
    return row


def save_secret_set(*, user: Any, values: Mapping[str, Any], row: SecretSet | None = None) -> SecretSet:
    """Create or change. Of `values["values"]` a text replaces the one of that name and an empty one removes it; the
    mask, or a name left out, keeps what is stored. Raises `InvalidInput`, `Conflict`, `NotFound`, `SecretUnreadable`.
    """
    require_operator(user)
    row = row or SecretSet()
    _check(values.get("values", {}))
    given = {name: text for name, text in values.get("values", {}).items() if text != MASK}
    with transaction.atomic():
        _hold(row)
        row.name = values.get("name", row.name)
        if given:
            kept = {**row.reveal(), **given}
            row.seal(_few({name: text for name, text in kept.items() if text}))
        _save(row, {"name", "keys", "sealed"}, _("Another secret set has this name already."))
    return row


def _hold(row: ConfigSet | SecretSet) -> None:
    """Until the transaction ends: what others stored meanwhile is neither overlooked nor undone."""
    if row._state.adding:
        return
    rows: Any = type(row)._default_manager.select_for_update()
    try:
        row.refresh_from_db(from_queryset=rows)
    except ObjectDoesNotExist:
        raise NotFound(_("Somebody deleted “%(name)s” in this moment.") % {"name": row}) from None


def delete_config_sets(*, user: Any, ids: Iterable[int]) -> int:
    """What runs keeps what it has got."""
    require_operator(user)
    return delete_rows(ConfigSet, ids)


def delete_secret_sets(*, user: Any, ids: Iterable[int]) -> int:
    require_operator(user)
    return delete_rows(SecretSet, ids)


def _check(values: Mapping[str, str]) -> None:
    for name, text in values.items():
        try:
            check_variable(name, text)
        except Refused as refused:
            raise InvalidInput({"values": sentence(refused.code, refused.params)}) from None


def _few(values: Mapping[str, str]) -> Any:
    """Those that a set is to have."""
    if len(values) > MOST_VALUES:
        raise InvalidInput({"values": _("A set has at most %(most)s values.") % {"most": MOST_VALUES}})
    return dict(values)


def _save(row: ConfigSet | SecretSet, fields: set[str], duplicate: Any) -> None:
    try:
        row.clean_fields()
    except ValidationError as error:
        raise InvalidInput(dict(error.message_dict)) from None
    save_row(row, fields=fields, duplicate=duplicate)
