"""What operators do with config sets and secret sets."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import Conflict, InvalidInput, NotFound, PermissionRefused
from instances.models import ConfigSet, SecretSet
from instances.services import save_config_set, save_secret_set

pytestmark = pytest.mark.django_db


def test_secret_sets_keep_what_is_masked_or_left_out(people, ulrich) -> None:
    row = save_secret_set(user=people, values={"name": "keys", "values": {"a": "1", "b": "2", "c": "3"}})
    row = save_secret_set(user=people, values={"values": {"a": "******", "b": "", "d": "4"}}, row=row)
    assert SecretSet.objects.get().reveal() == {"a": "1", "c": "3", "d": "4"} and row.keys == ["a", "c", "d"]
    with pytest.raises(PermissionRefused):
        save_secret_set(user=ulrich, values={"name": "mine"})
    for bad in ({"name": "Keys"}, {"name": "ok", "values": {"a=b": "x"}}):
        with pytest.raises(InvalidInput):
            save_secret_set(user=people, values=bad)
    with pytest.raises(Conflict):
        save_config_set(user=people, values={"name": save_config_set(user=people, values={"name": "x"}).name})


@pytest.mark.parametrize(("save", "kind"), [(save_config_set, ConfigSet), (save_secret_set, SecretSet)])
def test_who_has_an_older_picture_of_a_set_undoes_nothing(people, save: Any, kind: Any) -> None:
    older = kind.objects.get(pk=save(user=people, values={"name": "first", "values": {"a": "1"}}).pk)
    newer = kind.objects.get()
    save(user=people, values={"name": "second", "values": {"a": "2"}}, row=newer)
    save(user=people, values={"values": {}} if kind is SecretSet else {}, row=older)
    save(user=people, values={"name": "third"}, row=older)
    row = kind.objects.get()
    assert (row.name, row.reveal() if kind is SecretSet else row.values) == ("third", {"a": "2"}) and older == row
    row.delete()
    with pytest.raises(NotFound):
        save(user=people, values={"name": "fourth"}, row=older)
    assert not kind.objects.exists()


def test_a_set_has_so_many_values_and_no_more(people) -> None:
    most = {f"A{number}": "x" for number in range(1000)}
    row = save_secret_set(user=people, values={"name": "keys", "values": most})
    with pytest.raises(InvalidInput) as refused:
        save_secret_set(user=people, values={"values": {"B": "x"}}, row=row)
    assert list(refused.value.fields) == ["values"] and SecretSet.objects.get().reveal() == most
    row = save_secret_set(user=people, values={"values": {"B": "x", "A0": ""}}, row=SecretSet.objects.get())
    assert len(row.keys) == 1000 and "B" in row.keys
    with pytest.raises(InvalidInput):
        save_config_set(user=people, values={"name": "x", "values": {**most, "B": "x"}})
