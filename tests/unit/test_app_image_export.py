"""What is exported is imported as the same, by us and by readers that know YAML 1.1 only."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from appimages.exporting import export_json, export_yaml, manifest_of
from appimages.importing import InstallValues, read_file
from appimages.registering import split_reference
from appimages.schema import read_document
from imagelib.addresses import AddressError, parse
from tests.support.app_images import FILES, TRAPS, document, documents, file

VALUES = InstallValues(name="my-img", image_name="r.io/secretflow/sf", image_tag="1.10")


def read(text: str) -> list[tuple[str, dict[str, Any]]]:
    return [(item.name, item.document) for item in read_file(text.encode()).app_images]


@pytest.mark.parametrize("export", [export_yaml, export_json])
@pytest.mark.parametrize("path", sorted(FILES.iterdir()), ids=lambda path: path.name)
def test_files_that_were_imported(path: Any, export: Any) -> None:
    """Import → export → import gives the same, and the second export is the first one."""
    first = [(item.name, item.document) for item in read_file(path.read_bytes(), values=VALUES).app_images]
    text = export(first)
    assert read(text) == first and export(read(text)) == text


@settings(max_examples=60)
@given(st.lists(documents(), min_size=1, max_size=3))
def test_any_documents(raw: list[dict[str, Any]]) -> None:
    stored = [(f"a{number}", read_document(one, strict=False)[0]) for number, one in enumerate(raw)]
    for export in (export_yaml, export_json):
        text = export(stored)
        assert read(text) == stored
    # What a reader by the rules of YAML 1.1 makes of it, as Kuscia's does.
    loaded = list(yaml.load_all(export_yaml(stored), Loader=yaml.CSafeLoader))
    assert loaded == [manifest_of(name, one) for name, one in stored]


@pytest.mark.parametrize("text", TRAPS)
def test_texts_that_readers_change(text: str) -> None:
    stored = document(tag=text) | {"configTemplates": {text: text, f"{text}\nmore": f"{text}\n{text}"}}
    assert read(export_yaml([("a", stored)])) == [("a", stored)]
    assert yaml.safe_load(export_yaml([("a", stored)]))["spec"]["configTemplates"] == stored["configTemplates"]


def test_config_templates_are_blocks_that_people_can_read() -> None:
    [(name, stored)] = read(file("concrete.yaml").decode())
    text = export_yaml([(name, stored)])
    assert '    job.conf: |\n      {\n        "id": "{{.TASK_ID}}",\n' in text
    assert '    tag: "1.11.0b1"\n' in text and "!!" not in text and "&" not in text


def test_what_a_block_or_a_bare_key_would_not_say_is_in_quotes() -> None:
    text = export_yaml([("a", document() | {"configTemplates": {"y": "a\t\nb", "Off": "a \nb", "app.conf": "a\n  b"}})])
    assert '    "y": "a\\t\\nb"\n' in text and '    "Off": "a \\nb"\n' in text
    assert "    app.conf: |-\n      a\n        b\n" in text


def test_the_resource_is_complete() -> None:
    """Kuscia wants a working directory to be there."""
    stored = document()
    whole = json.loads(export_json([("a", stored)]))
    assert (whole["apiVersion"], whole["kind"]) == ("kuscia.secretflow/v1alpha1", "AppImage")
    assert whole["metadata"] == {"name": "a"}
    assert whole["spec"]["deployTemplates"][0]["spec"]["containers"][0]["workingDir"] == ""
    assert stored == document(), "the document itself stays as it is"


def test_several_are_documents_of_one_file_and_a_list_in_json() -> None:
    two = [("a", document()), ("b", document(tag="no"))]
    assert export_yaml(two).count("---\n") == 2 and "---" not in export_yaml(two[:1])
    assert json.loads(export_json(two))["kind"] == "List"


@pytest.mark.parametrize(
    ("reference", "name", "tag"),
    [
        ("secretflow/app", "secretflow/app", "latest"),
        ("app", "app", "latest"),
        ("app:v1", "app", "v1"),
        ("app:", "app", "latest"),
        ("r.io:5000/a/app:v1", "r.io:5000/a/app", "v1"),
        ("r.io:5000/a/app", "r.io:5000/a/app", "latest"),
        ("localhost:5000/app:v1", "localhost:5000/app", "v1"),
        ("private.registry.com/app:v1", "private.registry.com/app", "v1"),
        (f"app@sha256:{'a' * 64}", "app@sha256", "a" * 64),
        (f"r.io/a/app:v1@sha256:{'a' * 64}", "r.io/a/app:v1@sha256", "a" * 64),
    ],
)
def test_p56_references_as_they_were_typed(reference: str, name: str, tag: str) -> None:
    assert split_reference(reference) == (name, tag)
    assert parse(f"{name}:{tag}").canonical == parse(reference).canonical


@pytest.mark.parametrize(
    "reference", ["", "App:v1", "/app:v1", "app/", "a//b:v1", "https://r.io/app", "app:v1 ", "user:pw@r.io/app"]
)
def test_references_that_are_none(reference: str) -> None:
    with pytest.raises(AddressError):
        split_reference(reference)
