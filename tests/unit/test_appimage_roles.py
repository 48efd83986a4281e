"""P63: which deploy template is for a role, the seven cases that Kuscia tests, and what else its rule says."""

from __future__ import annotations

from typing import Any

import pytest

from appimages.roles import NoTemplate, choose_template

WITH_EMPTY = {
    "deployTemplates": [
        {"name": "server", "role": "server"},
        {"name": "both", "role": "server,client"},
        {"name": "anybody", "role": ""},
    ]
}
WITHOUT_EMPTY = {"deployTemplates": WITH_EMPTY["deployTemplates"][:2]}


@pytest.mark.parametrize(
    ("document", "role", "name"),
    [
        (WITH_EMPTY, "server", "server"),
        (WITH_EMPTY, "client", "both"),
        (WITH_EMPTY, "", "anybody"),
        (WITH_EMPTY, "unknown", "anybody"),
        (WITHOUT_EMPTY, "", "server"),
    ],
    ids=["1", "2", "3", "4", "5"],
)
def test_p63_a_template_is_found(document: dict[str, Any], role: str, name: str) -> None:
    assert choose_template(document, role)["name"] == name


@pytest.mark.parametrize(
    ("document", "role", "roles"),
    [(WITHOUT_EMPTY, "unknown", ("server", "client")), ({"deployTemplates": []}, "", ())],
    ids=["6", "7"],
)
def test_p63_no_template_is_found(document: dict[str, Any], role: str, roles: tuple[str, ...]) -> None:
    with pytest.raises(NoTemplate) as raised:
        choose_template(document, role)
    assert (raised.value.role, raised.value.roles) == (role, roles)


def test_of_several_templates_without_a_role_the_last_is_taken() -> None:
    document = {"deployTemplates": [{"name": "a"}, {"name": "b", "role": ""}, {"name": "c", "role": "x"}]}
    assert choose_template(document, "y")["name"] == "b"


def test_blanks_belong_to_the_name_of_a_role() -> None:
    document = {"deployTemplates": [{"name": "a", "role": "server, client"}, {"name": "b"}]}
    assert choose_template(document, "client")["name"] == "b"
    assert choose_template(document, " client")["name"] == "a"


def test_a_document_without_templates_has_none() -> None:
    with pytest.raises(NoTemplate):
        choose_template({}, "server")
