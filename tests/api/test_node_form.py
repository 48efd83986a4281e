"""The admin's form of a node: what is typed is judged, what is stored already is not judged again."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine

from nodes.admin_forms import NodeForm
from tests.api import make
from tests.services.certs import Authority

pytestmark = pytest.mark.django_db


@pytest.fixture
def expired() -> Any:
    with time_machine.travel("2020-01-01T00:00:00Z"):
        return Authority("old").issue("client", client=True)


def form_of(node: Any, **typed: Any) -> NodeForm:
    blank = NodeForm(instance=node)
    data = {name: blank[name].value() for name in blank.fields}
    data = {name: value for name, value in data.items() if value is not None and value is not False}
    return NodeForm({**data, "labels": "{}", **typed}, instance=node)


def test_an_expired_certificate_that_is_typed_is_refused(expired: Any) -> None:
    form = form_of(make.node(), client_cert=expired.cert, client_key=expired.key)
    assert not form.is_valid()
    assert "2020-01-08" in str(form.errors["client_cert"])


@pytest.mark.parametrize("path", make.BAD_DIRECTORIES)
def test_a_library_directory_must_be_a_clean_path(path: str) -> None:  # P19
    form = form_of(make.node(), hami_core=path)
    assert set(form.errors) == {"hami_core"}


@pytest.mark.parametrize("path", ["/opt/hami", ""])
def test_clean_ones_and_none_are_fine(path: str) -> None:
    form = form_of(make.node(), hami_core=path)
    assert form.is_valid(), form.errors


def test_a_stored_one_of_older_rules_does_not_lock_its_node() -> None:
    form = form_of(make.node(hami_core="/opt//hami"), remark="renamed")
    assert form.is_valid(), form.errors


def test_one_that_expired_since_does_not_lock_its_node(expired: Any) -> None:
    node = make.node(client_cert=expired.cert.strip())
    form = form_of(node, remark="renamed")
    assert form.is_valid(), form.errors
