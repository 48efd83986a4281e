"""Where the configuration files of a role go, and what they are filled with."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.utils.translation import override

from appimages.files import MAX_CHARACTERS, FilesError, NoTemplateForMount, files_of_role, place_of
from appimages.roles import NoTemplate
from appimages.template_texts import files_error_text


def container(*mounts: tuple[str, str], name: str = "main", **more: Any) -> dict[str, Any]:
    listed = [{"mountPath": path, "subPath": key} for path, key in mounts]
    return {"name": name, "workingDir": "/srv", "configVolumeMounts": listed, **more}


def document(*containers: dict[str, Any], **templates: str) -> dict[str, Any]:
    other = {"name": "other", "role": "other", "spec": {"containers": [container(("x", "x"))]}}
    return {
        "configTemplates": templates,
        "deployTemplates": [other, {"name": "mine", "role": "me", "spec": {"containers": list(containers)}}],
    }


def files(*containers: dict[str, Any], variables: dict[str, str] | None = None, **templates: str) -> Any:
    return files_of_role(document(*containers, **templates), role="me", variables=variables or {})


def error(*containers: dict[str, Any], **templates: str) -> FilesError:
    with pytest.raises(FilesError) as raised:
        files(*containers, **templates)
    return raised.value


@pytest.mark.parametrize(
    ("path", "working_dir", "place"),
    [
        ("conf/a.json", "/srv", "/srv/conf/a.json"),
        ("./conf/a.json", "/srv/", "/srv/conf/a.json"),
        ("conf/a.json", "", "/conf/a.json"),
        ("conf", "srv", "/srv/conf"),
        ("/etc/a.json", "/srv", "/etc/a.json"),
        ("//etc//a.json", "/srv", "/etc/a.json"),
        ("a..json", "/srv", "/srv/a..json"),
        ("", "/srv", None),
        ("/", "/srv", None),
        (".", "/", None),
        ("../a.json", "/srv", None),
        ("a/../b", "/srv", None),
        ("a", "/srv/..", None),
        ("a\0b", "/srv", None),
    ],
)
def test_relative_paths_start_at_the_working_directory(path: str, working_dir: str, place: str | None) -> None:
    assert place_of(path, working_dir) == place


def test_every_container_of_the_role_gets_its_files_in_order() -> None:
    found = files(
        container(("a", "one"), ("/b", "two")), container(("a", "one"), name="side"), one="1{{.X}}", two="2{{.NO}}",
        variables={"X": "x"},
    )  # fmt: skip
    assert [(file.container, file.path, file.config_template, file.text) for file in found.files] == [
        ("main", "/srv/a", "one", "1x"),
        ("main", "/b", "two", "2"),
        ("side", "/srv/a", "one", "1x"),
    ]
    assert (found.deploy_template, list(found.unresolved), found.directories) == ("mine", ["NO"], [])


def test_a_containers_own_variables_fill_its_files_and_given_ones_count_more() -> None:
    env = [
        {"name": "lower", "value": "l"},
        {"name": "X", "value": "own"},
        {"name": "S", "valueFrom": {"secretKeyRef": {}}},
    ]
    text = "{{.LOWER}} {{.X}} {{.S}}"
    own, given = (
        files(container(("a", "one"), env=env), one=text, variables=variables) for variables in ({}, {"x": "given"})
    )
    assert (own.files[0].text, list(own.unresolved)) == ("l own ", ["S"])
    assert given.files[0].text == "l given "


def test_a_containers_own_variables_refer_to_each_other() -> None:
    env = [
        {"name": "HOST", "value": "h"},
        {"name": "URL", "value": "http://$(HOST)/$(SET)$$(HOST)"},
        {"name": "S", "valueFrom": {"secretKeyRef": {}}},
        {"name": "LOGIN", "value": "me:$(S)"},
        {"name": "S", "value": "plain"},
        {"name": "LATE", "value": "$(S)"},
    ]
    found = files(container(("a", "one"), env=env), one="{{.URL}} {{.LOGIN}} {{.LATE}}")
    assert found.files[0].text == "http://h/$(SET)$(HOST)  plain"
    assert list(found.unresolved) == ["LOGIN"], "what is made of a value that is not known here is not known either"


def test_variables_with_too_many_references_are_refused_at_their_place() -> None:
    many = [{"name": "A", "value": "$(B)" * 10_000}, {"name": "B", "value": "$(A)"}]
    found = error(container(("a", "one"), env=many), one="1")
    place = "deployTemplates[1].spec.containers[0].env[1].value"
    assert (found.code, found.field, found.params) == ("too_many_references", place, {"limit": 10_000})
    with override("en"):
        assert "more than 10000 references such as $(NAME)" in files_error_text(found)


def test_variables_that_grow_without_end_are_refused_at_their_place() -> None:
    growing = [{"name": f"V{n}", "value": f"$(V{n - 1})" * 10 if n else "x" * 1000} for n in range(9)]
    found = error(container(("a", "one")), container(("a", "one"), env=growing), one="1")
    place = "deployTemplates[1].spec.containers[1].env[3].value"
    assert (found.code, found.field, found.params) == ("too_much_expanded", place, {"limit": 1_000_000})
    with override("en"):
        assert "$(NAME)" in files_error_text(found) and "1000000" in files_error_text(found)


def test_a_mount_that_names_no_template_is_an_empty_directory() -> None:
    found = files(container(("a", "no")), one="1")
    assert (found.files, found.directories) == ([], [NoTemplateForMount("main", "/srv/a", "no")])


@pytest.mark.parametrize(
    ("mount", "code", "field"),
    [
        (("../a", "one"), "bad_mount_path", "mountPath"),
        (("a", "/one"), "bad_sub_path", "subPath"),
        (("a", "x/../one"), "bad_sub_path", "subPath"),
    ],
)
def test_paths_that_lead_elsewhere_are_refused_at_their_place(mount: tuple[str, str], code: str, field: str) -> None:
    found = error(container(("a", "one"), mount), one="1")
    place = f"deployTemplates[1].spec.containers[0].configVolumeMounts[1].{field}"
    assert (found.code, found.field) == (code, place)


def test_the_fault_of_a_template_is_told_with_its_name_line_and_column() -> None:
    found = error(container(("a", "one")), one="a\n{{.X")
    assert (found.code, found.field) == ("bad_template", "configTemplates.one")
    with override("en"):
        assert "Line 2, column 1" in files_error_text(found)


def test_a_large_template_is_not_read_a_thousand_times() -> None:
    mounts = [(f"f{number}", "one") for number in range(1000)]
    assert error(container(*mounts), one="{{if .NO}}" + "x" * (MAX_CHARACTERS // 500) + "{{end}}").code == "too_much"
    assert len(files(container(*mounts), one="x" * (MAX_CHARACTERS // 1000)).files) == 1000


def test_short_templates_with_long_values_are_counted_by_what_they_become() -> None:
    with pytest.raises(FilesError) as raised:
        files(container(("a", "one"), ("b", "one")), one="{{.X}}", variables={"X": "x" * (MAX_CHARACTERS // 2 + 1)})
    assert raised.value.code == "too_much"


def test_a_large_value_is_not_read_a_thousand_times() -> None:
    mounts = [(f"f{number}", "one") for number in range(1000)]
    small, large = (json.dumps({"a": "x" * (MAX_CHARACTERS // share)}) for share in (1100, 900))
    assert len(files(container(*mounts), one="{{{.X.b}}}", variables={"X": small}).files) == 1000
    with pytest.raises(FilesError) as raised:
        files(container(*mounts), one="{{{.X.b}}}", variables={"X": large})
    assert raised.value.code == "too_much"


def test_a_document_without_a_template_for_the_role_says_so() -> None:
    with pytest.raises(NoTemplate):
        files_of_role(document(), role="nobody", variables={})
