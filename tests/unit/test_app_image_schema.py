"""What an AppImage may hold, and what is said of one that may not."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import translation
from hypothesis import given, settings

from appimages.notice_texts import notice_text
from appimages.schema import DocumentError, read_document
from core.documents import Plain
from tests.api.make import gives_example
from tests.support.app_images import document, documents


def container(**fields: Any) -> dict[str, Any]:
    found = document()
    found["deployTemplates"][0]["spec"]["containers"][0] |= fields
    return found


def faults(raw: Any, *, strict: bool = True) -> dict[str, str]:
    """Path → code."""
    with pytest.raises(DocumentError) as caught:
        read_document(raw, strict=strict)
    return {finding.path: finding.code for finding in caught.value.findings}


C = "deployTemplates[0].spec.containers[0]"


@pytest.mark.parametrize("strict", [True, False])
def test_the_smallest_is_canonical(strict: bool) -> None:
    read, _warnings = read_document(document(), strict=strict)
    assert read == document()


def test_what_is_empty_is_left_out_except_what_has_to_be_there() -> None:
    raw = container(
        command=[], env=[{"name": "A", "value": ""}], resources={"limits": {}}, workingDir="", args=["", "b"],
        configVolumeMounts=[{"mountPath": "", "subPath": ""}], livenessProbe={"exec": {"command": []}},
    )  # fmt: skip
    raw["image"] |= {"tag": "", "id": "", "sign": None}
    raw["configTemplates"] = {}
    raw["deployTemplates"][0] |= {"role": "", "replicas": 0, "networkPolicy": {"ingresses": []}}
    read, _warnings = read_document(raw, strict=True)
    assert read["image"] == {"name": raw["image"]["name"], "tag": ""}
    assert "configTemplates" not in read
    template = read["deployTemplates"][0]
    assert template.keys() == {"name", "replicas", "networkPolicy", "spec"} and template["replicas"] == 0
    assert template["networkPolicy"] == {"ingresses": []}
    assert template["spec"]["containers"] == [
        {
            "name": "app", "args": ["", "b"], "configVolumeMounts": [{"mountPath": "", "subPath": ""}],
            "env": [{"name": "A"}], "resources": {}, "livenessProbe": {"exec": {}},
        }
    ]  # fmt: skip


def test_config_templates_and_selectors_are_kept_though_they_are_empty() -> None:
    raw = document() | {"configTemplates": {"a.conf": ""}}
    term = {"topologyKey": "zone", "namespaceSelector": {}}
    raw["deployTemplates"][0]["spec"]["affinity"] = {
        "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
    }
    read, warnings = read_document(raw, strict=True)
    assert read == raw and not warnings


def test_every_fault_has_its_place() -> None:
    raw = container(
        name="", command="sh", ports=[{"name": "a"}, {"name": "b", "protocol": "UDP", "scope": "World", "port": 2**31}],
        resources={"limits": {"cpu": "1K"}, "requests": {"memory": 1.5}}, securityContext={"privileged": "yes"},
        livenessProbe={"httpGet": {"port": True}, "periodSeconds": "5"}, env=[None],
    )  # fmt: skip
    raw["image"] = {"tag": 1.1}
    raw["deployTemplates"].append({"name": "b", "replicas": -1, "spec": {"containers": []}})
    raw["configTemplates"] = {"a.conf": {"a": 1}}
    assert faults(raw) == {
        "image.name": "empty", "image.tag": "text", "configTemplates.a.conf": "text", f"{C}.name": "empty",
        f"{C}.command": "list", f"{C}.ports[1].protocol": "choice", f"{C}.ports[1].scope": "choice",
        f"{C}.ports[1].port": "number_range", f"{C}.resources.limits.cpu": "quantity",
        f"{C}.resources.requests.memory": "quantity", f"{C}.securityContext.privileged": "truth",
        f"{C}.livenessProbe.httpGet.port": "number", f"{C}.livenessProbe.periodSeconds": "number",
        f"{C}.env[0]": "object", "deployTemplates[1].replicas": "negative",
        "deployTemplates[1].spec.containers": "too_few",
    }  # fmt: skip


@pytest.mark.parametrize(
    "raw", [None, [], "text", 5, {}, {"image": {"name": "a"}}, {"image": None, "deployTemplates": None}]
)
@pytest.mark.parametrize("strict", [True, False])
def test_what_is_no_document(raw: Any, strict: bool) -> None:
    assert faults(raw, strict=strict)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (container(ports=[{"name": "a", "protocol": "TCP"}]), "protocol_tcp"),
        (container(bogus=1), "unknown_key"),
        (document(tag=Plain("null")), "null_text"),
    ],
)
def test_what_the_api_refuses_and_a_file_may_hold(raw: dict[str, Any], code: str) -> None:
    assert list(faults(raw).values()) == [code]
    read, warnings = read_document(container(workingDir="/") | raw, strict=False)
    assert code in {warning.code for warning in warnings}
    again, _warnings = read_document(read, strict=False)
    assert again == read


def test_a_file_that_lacks_what_must_be_there() -> None:
    """The API's messages cannot tell absent from empty, so there it is empty."""
    raw = container(
        configVolumeMounts=[{"mountPath": "/a"}], ports=[{"port": 1}], env=[{}], livenessProbe={"httpGet": {}}
    )
    del raw["image"]["tag"]
    missing = {
        "image.tag", f"{C}.configVolumeMounts[0].subPath", f"{C}.ports[0].name", f"{C}.env[0].name",
        f"{C}.livenessProbe.httpGet.port",
    }  # fmt: skip
    assert faults(raw, strict=False) == dict.fromkeys(missing, "missing")
    read, warnings = read_document(raw, strict=True)
    assert not warnings and read["image"]["tag"] == ""
    assert read["deployTemplates"][0]["spec"]["containers"][0]["ports"] == [{"name": "", "port": 1}]


def test_a_missing_working_directory_is_worth_a_warning() -> None:
    _read, warnings = read_document(document(), strict=False)
    assert [(warning.path, warning.code) for warning in warnings] == [(f"{C}.workingDir", "working_dir")]
    assert read_document(container(workingDir=""), strict=False) == (document(), ())


def test_values_without_quotes_are_what_their_place_wants() -> None:
    raw = container(
        env=[{"name": Plain("YES"), "value": Plain("012")}],
        resources={"limits": {"cpu": Plain("0.50"), "memory": Plain("1e3"), "gpu": 1}},
        livenessProbe={"httpGet": {"port": Plain("8080")}, "tcpSocket": {"port": "8080"}, "periodSeconds": Plain("5")},
        securityContext={"privileged": Plain("yes"), "runAsUser": Plain("4294967296")},
        workingDir=Plain("/1"), ports=Plain("null"),
    )  # fmt: skip
    raw["image"]["tag"] = Plain("1.10")
    read, warnings = read_document(raw, strict=False)
    found = read["deployTemplates"][0]["spec"]["containers"][0]
    assert (read["image"]["tag"], found["env"]) == ("1.10", [{"name": "YES", "value": "012"}])
    assert found["resources"] == {"limits": {"cpu": "0.50", "memory": "1e3", "gpu": "1"}}
    assert found["livenessProbe"] == {"httpGet": {"port": 8080}, "tcpSocket": {"port": "8080"}, "periodSeconds": 5}
    assert found["securityContext"] == {"privileged": True, "runAsUser": 2**32}
    assert "ports" not in found and not warnings
    assert type(read["image"]["tag"]) is str is type(found["workingDir"])


@pytest.mark.parametrize("number", ["012", "1_000", "0x10", "1.0", "1e3", "9" * 50, "true", ""])
def test_numbers_that_readers_disagree_about(number: str) -> None:
    raw = document()
    raw["deployTemplates"][0]["replicas"] = Plain(number)
    assert faults(raw) == {"deployTemplates[0].replicas": "number"}


@pytest.mark.parametrize("text", ["\ud800", "a\udfff"])
def test_half_characters(text: str) -> None:
    assert faults(container(command=[text])) == {f"{C}.command[0]": "half_character"}


@settings(max_examples=60)
@given(documents())
def test_reading_what_was_read_changes_nothing(raw: dict[str, Any]) -> None:
    read, _warnings = read_document(raw, strict=False)
    assert read_document(read, strict=False)[0] == read
    assert read_document(read, strict=True) == (read, ())


def test_every_fault_is_said_in_both_languages_with_an_example() -> None:
    codes = {
        "missing": {}, "empty": {}, "text": {}, "number": {}, "number_range": {"limit": 5}, "negative": {},
        "truth": {}, "list": {},
        "object": {}, "too_few": {}, "quantity": {}, "choice": {"choices": "HTTP, GRPC"}, "half_character": {},
    }  # fmt: skip
    for code, params in codes.items():
        for language in ("en", "zh-hans"):
            with translation.override(language):
                said = notice_text(code, path=f"{C}.ports[0].protocol", params=params)
                assert "protocol: HTTP" in said and gives_example(said, chinese=language != "en")
                assert gives_example(notice_text(code, path="a[0]", params=params), chinese=language != "en")
