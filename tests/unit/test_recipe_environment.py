"""The variables of a container: where they come from, which of them count, and which are secret."""

from __future__ import annotations

from typing import Any

import pytest

from instances.recipes.environment import (
    Environment,
    config_sets_of,
    environment_of,
    secret_sets_of,
    variables_of,
)
from instances.recipes.filling import fill, secret_sets_wanted
from instances.recipes.template import Given, SecretWanted, Template
from tests.unit.test_recipes import code_of

SETS = {"plain": {"A": "1", "B": "2"}}


def test_variables_come_from_sets_and_from_the_container() -> None:
    container = {
        "envFrom": [
            {"prefix": "P_", "configMapRef": {"name": "plain"}},
            {"configMapRef": {"name": "absent", "optional": True}},
            {"prefix": "S_", "secretRef": {"name": "keys"}},
        ],
        "env": [
            {"name": "OWN", "value": "x"},
            {"name": "P_B", "value": "mine"},
            {"name": "ONE", "valueFrom": {"configMapKeyRef": {"name": "plain", "key": "A"}}},
            {"name": "NONE", "valueFrom": {"configMapKeyRef": {"name": "plain", "key": "Z", "optional": True}}},
            {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "token"}}},
            {"name": "EMPTY"},
        ],
    }
    assert (config_sets_of(container), secret_sets_of(container)) == ({"plain", "absent"}, {"keys"})
    found = variables_of(container, SETS)
    assert found == (
        Given("P_A", "1"), Given("P_B", "2"), SecretWanted("keys", prefix="S_"), Given("OWN", "x", True),
        Given("P_B", "mine", True), Given("ONE", "1"), SecretWanted("keys", key="token", name="TOKEN"),
        Given("EMPTY", "", True),
    )  # fmt: skip
    made = environment_of(found, {"keys": {"token": "s"}}, told={"TOLD": "1"})
    assert made.open == {"P_A": "1", "P_B": "mine", "OWN": "x", "ONE": "1", "EMPTY": "", "TOLD": "1"}
    assert made.values == {**made.open, "S_token": "s", "TOKEN": "s"}
    assert made.hidden == {"S_token", "TOKEN"} and made.secrets == ["s", "s"]


CONFIG, SECRET = {"configMapRef": {"name": "plain"}}, {"secretRef": {"name": "keys"}}


@pytest.mark.parametrize(
    ("sources", "own", "value", "hidden"),
    [
        ([CONFIG, SECRET], {}, "secret", True),
        ([SECRET, CONFIG], {}, "1", False),
        ([CONFIG, SECRET], {"value": "own"}, "own", False),
        ([SECRET, CONFIG], {"valueFrom": {"secretKeyRef": {"name": "keys", "key": "other"}}}, "2nd", True),
        ([CONFIG, SECRET], {"valueFrom": {"configMapKeyRef": {"name": "plain", "key": "B"}}}, "2", False),
        ([CONFIG], {"valueFrom": {"secretKeyRef": {"name": "keys", "key": "Z", "optional": True}}}, "1", False),
    ],
)
def test_the_last_source_of_a_name_counts(
    sources: list[dict[str, Any]], own: dict[str, Any], value: str, hidden: bool
) -> None:
    container = {"envFrom": sources, "env": [{"name": "A", **own}] if own else []}
    found = environment_of(variables_of(container, SETS), {"keys": {"A": "secret", "other": "2nd"}}, told={})
    assert (found.values["A"], "A" in found.hidden) == (value, hidden)


def test_nothing_counts_more_than_what_a_container_is_told() -> None:
    wanted = (SecretWanted("keys"), Given("B", "2"))
    found = environment_of(wanted, {"keys": {"A": "secret"}}, told={"A": "told", "B": "told"})
    assert found == Environment({"A": "told", "B": "told"}, frozenset())


@pytest.mark.parametrize(
    ("container", "code"),
    [
        ({"envFrom": [{"configMapRef": {"name": "absent"}}]}, "no_config_set"),
        ({"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "plain", "key": "Z"}}}]}, "no_config_key"),
        ({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]}, "unknown_value_source"),
    ],
)
def test_variables_that_cannot_be(container: dict[str, Any], code: str) -> None:
    assert code_of(lambda: variables_of(container, SETS))[0] == code


def test_secrets_are_added_when_the_container_is_made() -> None:
    wanted = (SecretWanted("keys", prefix="S_"), Given("S_b", "own"), SecretWanted("keys", key="a", name="ONE"))
    sets = {"keys": {"a": "secret", "b": "other"}}
    found = environment_of(wanted, sets, told={})
    assert found.values == {"S_a": "secret", "S_b": "own", "ONE": "secret"}
    assert found.hidden == {"S_a", "ONE"}, "what the container sets itself is no secret"

    def of(one: SecretWanted) -> Environment:
        return environment_of((one,), sets, told={})

    for none in (SecretWanted("none", optional=True), SecretWanted("keys", key="z", name="N", optional=True)):
        assert of(none) == Environment()
    assert code_of(lambda: of(SecretWanted("none")))[0] == "no_secret_set"
    assert code_of(lambda: of(SecretWanted("keys", key="z", name="N")))[0] == "no_secret_key"
    assert code_of(lambda: of(SecretWanted("keys", prefix="=")))[0] == "bad_variable_name"


def test_templates_of_before_had_no_order() -> None:
    """Whole sets lost against the container's own variables, and those against single keys."""
    stored: Any = {
        "container": "c", "environment": {"A": "own", "B": "own"},
        "secrets": [
            {"set": "keys", "prefix": "", "key": "B", "name": "B", "optional": False},
            {"set": "keys", "prefix": "", "key": "", "name": "", "optional": False},
        ],
    }  # fmt: skip
    template = Template.of(stored)
    assert secret_sets_wanted(template) == {"keys"}
    found = fill(template, {"keys": {"A": "1", "B": "2", "C": "3"}}).environment
    assert (found.values, found.hidden) == ({"A": "own", "B": "2", "C": "3"}, {"B", "C"})


def test_values_refer_to_what_stands_before_them() -> None:
    container = {
        "envFrom": [CONFIG, SECRET],
        "env": [
            {"name": "ADDRESS", "value": "$(HOST):$(WEB) $(A)"},
            {"name": "HOST", "value": "late"},
            {"name": "URL", "value": "http://$(ADDRESS)/$(HOST)$$(HOST)$(B)"},
            {"name": "HOST", "value": "$(HOST)r"},
            {"name": "LOGIN", "value": "user:$(KEY)"},
            {"name": "CONNECTION", "value": "$(LOGIN)@$(HOST)"},
            {"name": "KEY", "value": "no secret"},
            {"name": "AFTER", "value": "$(KEY)"},
        ],
    }
    sets = {"plain": {"A": "$(WEB)", "B": "2"}}
    found = environment_of(variables_of(container, sets), {"keys": {"KEY": "s3cret"}}, told={"WEB": "80"})
    assert found.open == {
        "WEB": "80", "A": "$(WEB)", "B": "2", "ADDRESS": "$(HOST):80 $(WEB)", "HOST": "later",
        "URL": "http://$(HOST):80 $(WEB)/late$(HOST)2", "KEY": "no secret", "AFTER": "no secret",
    }  # fmt: skip
    assert found.hidden == {"LOGIN", "CONNECTION"}, "a secret is in them"
    assert (found.values["LOGIN"], found.values["CONNECTION"]) == ("user:s3cret", "user:s3cret@later")
