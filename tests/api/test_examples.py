"""Every wrong field is answered with its name, the rule and an example, in both languages, by every surface."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from rest_framework import serializers
from rest_framework.test import APIClient

from builds.application_serializers import ApplicationDetailSerializer, GitImportAsked, HintsAsked
from builds.build_serializers import BuildAsked
from builds.submission_serializers import SubmissionAsked, WebhookTargetSerializer
from core.dialects.gva_records import RecordViews
from core.examples import example_for, with_example
from imagelib.models import ImageRegistry, RegistryEndpoint
from imagelib.serializers import AddressSerializer, ImageSerializer, NameAndTagSerializer, RegistrySerializer
from imagelib.tokens import LoginSerializer
from instances.config_set_serializers import ConfigSetSerializer, SecretSetSerializer
from instances.deployment_serializers import RunAsked
from instances.instance_serializers import InstanceAsked, InstanceCreated
from instances.serializers import SpecSerializer
from nodes.models import ComputeNode
from nodes.serializers import NodeSerializer
from pulls.serializers import PullAsked
from tests.api import make
from tests.api.gva_client import log_in, refused

LANGUAGES = ("en", "zh-CN")
_NUMBERS = ("cpu", "memory", "system_disk", "data_disk", "gpu_count", "gpu_memory_gb")
NODE = {"name": "a", "docker_address": make.DEAD_ENGINE, **dict.fromkeys(_NUMBERS, "1")}
WRONG: tuple[Any, ...] = ({"a": ["b"]}, "\0", None)  # of no field's type, no text, and nothing at all
FORMS: tuple[tuple[str, type[serializers.Serializer]], ...] = (
    ("/api/images/", ImageSerializer),
    ("/api/images/check/", AddressSerializer),
    ("/api/resolve/", NameAndTagSerializer),
    ("/api/registries/", RegistrySerializer),
    ("/api/nodes/", NodeSerializer),
    ("/api/pulls/", PullAsked),
    ("/api/builds/", BuildAsked),
    ("/api/specs/", SpecSerializer),
    ("/api/instances/", InstanceCreated),
    ("/api/instances/preview/", InstanceAsked),
    ("/api/appimages/app/run/", RunAsked),
    ("/api/config-sets/", ConfigSetSerializer),
    ("/api/secret-sets/", SecretSetSerializer),
    ("/api/submissions/", SubmissionAsked),
    ("/api/webhook-targets/", WebhookTargetSerializer),
    ("/api/applications/", ApplicationDetailSerializer),
    ("/api/applications/hints/", HintsAsked),
    ("/api/applications/import/", GitImportAsked),
    ("/api/token/", LoginSerializer),
)


def gva_creations() -> Iterator[tuple[str, type[RecordViews]]]:
    """Every `create…` route of the gva dialect: a record that is added later is tested too."""

    def views(resolver: URLResolver) -> Iterator[tuple[str, type[RecordViews]]]:
        for item in resolver.url_patterns:
            if isinstance(item, URLResolver) and not str(item.pattern):
                yield from views(item)
            elif isinstance(item, URLPattern) and "/create" in str(item.pattern):
                yield f"/{item.pattern}", item.callback.cls  # type: ignore[attr-defined]

    return views(get_resolver())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("path", "form"), FORMS)
def test_every_field_of_the_native_api(
    as_operator: APIClient, path: str, form: type[serializers.Serializer], language: str
) -> None:
    names = {name for name, field in form().fields.items() if not field.read_only}
    missing, named = set(names), set()
    for value in WRONG:
        answer = as_operator.post(path, dict.fromkeys(names, value), HTTP_ACCEPT_LANGUAGE=language)
        for fault in make.problem(answer, 400)["errors"]:
            named.add(fault["field"].partition(".")[0])
            assert make.gives_example(fault["message"], chinese=language != "en"), (value, fault)
    assert names and named == missing


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("path", "views"), list(gva_creations()))
def test_every_field_of_the_gva_dialect(operator: User, path: str, views: type[RecordViews], language: str) -> None:
    spa = log_in("olga", language=language)
    names = set(views.form().fields)
    faults = refused(spa.post(path, dict.fromkeys(names, WRONG[0]))).split("; ")
    for name in names:
        [fault] = [text for text in faults if re.search(rf"\b{name}: ", text)]
        assert make.gives_example(fault, chinese=language != "en"), fault


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"name": ""}, "name: This field may not be blank. For example: team-a-1"),
        ({"name": "x" * 256}, "name: Ensure this field has no more than 255 characters. For example: team-a-1"),
        ({"isOnShelf": "yes"}, "isOnShelf: Must be a valid boolean. For example: true"),
        ({"remark": "a\0b"}, "remark: Null characters are not allowed. For example: for team A"),
    ],
)
def test_the_gva_dialect_gives_the_example_of_the_column_behind_its_key(
    operator: User, values: dict[str, Any], named: str
) -> None:
    answer = log_in("olga").post("/imageRegistry/createImageRegistry", {"name": "a", "address": "nginx"} | values)
    assert refused(answer).endswith(named)


@pytest.mark.parametrize("language", LANGUAGES)
def test_rules_of_the_models_get_an_example_too(as_operator: APIClient, language: str) -> None:
    make.registry(name="taken")
    values = {"name": "taken", "endpoint": "new.example.com"}
    [fault] = make.problem(as_operator.post("/api/registries/", values, HTTP_ACCEPT_LANGUAGE=language), 400)["errors"]
    assert fault["field"] == "name" and make.gives_example(fault["message"], chinese=language != "en")


def test_a_field_that_does_not_exist_gets_no_example_of_its_own(as_operator: APIClient) -> None:
    body = {"image": 1, "nodes": [1], "node": 1}  # "node" exists elsewhere, as a filter
    [fault] = make.problem(as_operator.post("/api/pulls/", body), 400)["errors"]
    assert fault["message"].endswith("Known fields: image, reference, nodes, source, source_node, archive.")


@pytest.mark.parametrize("language", LANGUAGES)
def test_filters(as_operator: APIClient, language: str) -> None:
    for path, name in [
        ("/api/nodes/", "status"),
        ("/api/nodes/", "is_listed"),
        ("/api/images/", "created_after"),
        ("/api/images/", "supports_vgpu"),
        ("/api/registries/", "is_default"),
        ("/api/pulls/", "state"),
        ("/api/pulls/", "node"),
        ("/api/pulls/", "active"),
        ("/api/builds/", "state"),
        ("/api/builds/", "application"),
        ("/api/builds/", "active"),
        ("/api/instances/", "state"),
        ("/api/submissions/", "decision"),
        ("/api/submissions/", "mine"),
        ("/api/notices/", "unread"),
        ("/api/instances/", "image"),
        ("/api/instances/", "created_after"),
        ("/api/applications/", "source"),
    ]:
        answer = as_operator.get(path, {name: "perhaps"}, HTTP_ACCEPT_LANGUAGE=language)
        [fault] = make.problem(answer, 400)["errors"]
        assert fault["field"] == name and make.gives_example(fault["message"], chinese=language != "en"), fault


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("model", "values", "named"),
    [
        (ComputeNode, {"ssh_port": "70000", **NODE}, "22"),
        (ComputeNode, {"cpu": "many"}, "64"),
        (ComputeNode, {"public_ip": "300.1.1.1"}, "203.0.113.7"),
        (ComputeNode, {"name": ""}, "team-a-1"),
        (ImageRegistry, {"stall_after": "1"}, "120"),
        (RegistryEndpoint, {"name": "x" * 256}, "team-a-1"),
    ],
)
def test_admin_forms(operator: User, model: Any, values: dict[str, str], named: str, language: str) -> None:
    pages = Client(HTTP_ACCEPT_LANGUAGE=language)
    pages.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    page = pages.post(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add"), values)
    faults = page.context["adminform"].form.errors
    field = next(iter(values))  # the others are right
    assert faults[field][0].endswith(f"{'For example: ' if language == 'en' else '例如：'}{named}"), faults
    assert all(make.gives_example(text, chinese=language != "en") for texts in faults.values() for text in texts)


class TestChoosing:
    def test_what_is_not_in_the_table_goes_by_its_kind(self) -> None:
        kinds: dict[str, Callable[[], serializers.Field]] = {
            "true": serializers.BooleanField,
            "8": serializers.IntegerField,
            "2.5": lambda: serializers.DecimalField(max_digits=5, decimal_places=2),
            '{"a": "b"}': serializers.DictField,
        }
        for example, kind in kinds.items():
            assert example_for("nowhere", kind()) == example
        assert example_for("nowhere") == "" and example_for("cpu", serializers.CharField()) == "64"

    @pytest.mark.parametrize(
        "rule",
        [
            "Give a number, for example 5.", "Example: a.", "Examples: a, b.", "Give a time such as 2026.",
            "请填写整数，例如 5。", "请填写形如 2026 的时间。", "It starts with -----BEGIN CERTIFICATE-----.",
        ],
    )  # fmt: skip
    def test_a_rule_that_gives_one_keeps_it(self, rule: str) -> None:
        assert with_example(rule, "x") == rule

    def test_nothing_is_added_when_nothing_fits(self) -> None:
        assert with_example("Wrong.", "") == "Wrong."
