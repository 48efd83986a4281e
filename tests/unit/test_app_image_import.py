"""Reading Kuscia's files: nothing of them is lost, and what is wrong with one is said with its place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from appimages.importing import FileError, InstallValues, Notice, ReadFile, read_file
from appimages.importing.files import MOST_APP_IMAGES
from appimages.notice_texts import notice_text
from core.documents import LARGEST
from core.documents.yaml_text import MOST_CHARACTERS, MOST_VALUES
from tests.api.make import gives_example
from tests.support.app_images import FILES, document, file

VALUES = InstallValues(name="my-img", image_name="r.io/secretflow/sf", image_tag="1.10")
HEAD = "apiVersion: kuscia.secretflow/v1alpha1\nkind: AppImage\n"
SPEC = """\
spec:
  image: {name: n, tag: t}
  deployTemplates: [{name: d, spec: {containers: [{name: c, workingDir: /}]}}]
"""
SMALL = f"{HEAD}metadata: {{name: a}}\n{SPEC}"


def by_name(found: ReadFile) -> dict[str, dict[str, Any]]:
    return {item.name: item.document for item in found.app_images}


def container(found: dict[str, Any]) -> dict[str, Any]:
    first: dict[str, Any] = found["deployTemplates"][0]["spec"]["containers"][0]
    return first


def notices(text: str | bytes, **values: str) -> list[Notice]:
    with pytest.raises(FileError) as caught:
        read_file(text.encode() if isinstance(text, str) else text, values=InstallValues(**values))
    return list(caught.value.notices)


def codes(text: str | bytes) -> list[str]:
    return [notice.code for notice in notices(text)]


def in_both_languages(notice: Notice) -> list[str]:
    said = []
    for language in ("en", "zh-hans"):
        with translation.override(language):
            said.append(notice_text(notice.code, path=notice.path, params=notice.params))
    assert said[0].isprintable() and said[0] != said[1]
    return said


def test_p52_concrete_values() -> None:
    found = read_file(file("concrete.yaml"))
    read = by_name(found)["secretflow-image"]
    assert not found.warnings
    assert len(container(read)["ports"]) == 7 and read["image"]["tag"] == "1.11.0b1"
    lines = file("concrete.yaml").decode().split("job.conf: |\n")[1].split("  deployTemplates")[0]
    config = "".join(line.removeprefix("      ") for line in lines.splitlines(keepends=True))
    assert read["configTemplates"] == {"job.conf": config} and "{{.TASK_ID}}" in config


def test_p53_a_template_of_two_app_images() -> None:
    found = read_file(file("two_documents.yaml"), values=VALUES)
    read = by_name(found)
    assert list(read) == ["my-img", "secretflow-nsjail-image"] and not found.warnings
    assert [one["image"] for one in read.values()] == [{"name": "r.io/secretflow/sf", "tag": "1.10"}] * 2
    assert container(read["secretflow-nsjail-image"])["securityContext"] == {"privileged": True}
    assert "metricProbe" not in container(read["my-img"])
    assert '"http://reporter.example.svc/progress?job={{.TASK_ID}}"' in read["my-img"]["configTemplates"]["job.conf"]


@pytest.mark.parametrize(("given_id", "image_id"), [(None, {}), ("sha256:1", {"id": "sha256:1"})])
def test_p54_a_template_with_an_id(given_id: str | None, image_id: dict[str, str]) -> None:
    values = InstallValues(image_name="r.io/psi", image_tag="v1", image_id=given_id)
    read = by_name(read_file(file("psi.yaml"), values=values))["psi-image"]
    assert read["image"] == {"name": "r.io/psi", "tag": "v1", "sign": "abc", **image_id}
    assert container(read)["ports"] == [{"name": "psi", "port": 54509, "protocol": "HTTP", "scope": "Cluster"}]


def test_p55_variables_of_a_shell_are_no_placeholders() -> None:
    values = InstallValues(image_name="r.io/proxy", image_tag="v1")
    read = by_name(read_file(file("dataproxy.yaml"), values=values))["dataproxy-image"]
    assert container(read)["command"][2] == "java ${JAVA_OPTS} -Dprofile=${PROFILE} -jar ./proxy.jar"
    assert container(read)["ports"] == [{"name": "grpc", "port": 8023, "protocol": "GRPC", "scope": "Domain"}]
    assert "{{.SERVING_ID}}" in read["configTemplates"]["serving.conf"]


def test_placeholders_without_dots_stay_as_they_are_in_config_templates() -> None:
    read = by_name(read_file(file("without_dots.yaml"), values=VALUES))["my-img"]
    assert read["image"] == {"name": "r.io/secretflow/sf", "tag": "1.10", "id": "abc", "sign": "abc"}
    assert '"image": "{{IMAGE_NAME}}"' in read["configTemplates"]["job.conf"]


def test_other_placeholders_survive_wherever_they_are() -> None:
    read = by_name(read_file(file("fate.yaml")))["fate-image"]
    assert container(read)["command"][2].endswith("-a {{.CLUSTER_IP}}") and read["image"]["tag"] == "0.0.1"
    read = by_name(read_file(file("rendered_sample.yaml")))["nginx-image"]
    assert "{{{.ALLOCATED_PORTS.ports[name=web].port}}}" in read["configTemplates"]["nginx.conf"]
    assert read["image"] == {"name": "nginx", "tag": "latest"}


def test_the_full_sample_with_its_protocol() -> None:
    found = read_file(file("full_sample.yaml"))
    server, client = by_name(found)["app-template"]["deployTemplates"]
    assert (server["role"], client["role"]) == ("server", "client")
    assert server["networkPolicy"] == {"ingresses": [{"from": {"roles": ["client"]}, "ports": [{"port": "global"}]}]}
    first = server["spec"]["containers"][0]
    assert first["ports"] == [{"name": "global", "port": 8080, "protocol": "TCP", "scope": "Cluster"}]
    assert first["startupProbe"] == {
        "httpGet": {"path": "/health", "port": 8080},
        "periodSeconds": 10,
        "failureThreshold": 30,
    }
    lines = file("full_sample.yaml").decode().splitlines()
    assert [(warning.code, warning.document) for warning in found.warnings] == [("protocol_tcp", 1)] * 2
    assert [lines[(warning.line or 0) - 1].strip() for warning in found.warnings] == ["protocol: TCP"] * 2
    assert found.warnings[0].path == "spec.deployTemplates[0].spec.containers[0].ports[0].protocol"


def test_files_that_lack_things() -> None:
    found = read_file(file("without_working_dir.yaml"))
    assert [warning.code for warning in found.warnings] == ["working_dir"]
    assert by_name(found)["fate-serving"]["image"]["tag"] == "1.10"
    found = read_file(file("bare.yaml"))
    assert [(warning.code, warning.path) for warning in found.warnings] == [
        ("metadata_dropped", "metadata.annotations")
    ]
    assert by_name(found)["ss-lr"]["image"]["tag"] == "012"
    assert container(by_name(found)["ss-lr"]) == {"name": "ss-lr", "workingDir": "/work"}
    read = by_name(read_file(file("monitored.yaml")))["exporter-image"]
    assert container(read)["metricProbe"] == {"path": "/metrics", "port": "metric"}


def test_what_a_cluster_prints() -> None:
    found = read_file(file("dumped.yaml"))
    read = by_name(found)["kept-image"]
    assert not found.warnings and read["image"]["tag"] == "2024-01-02"
    template = read["deployTemplates"][0]
    assert "networkPolicy" not in template
    term = template["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term["nodeSelectorTerms"][0]["matchExpressions"][0]["values"] == ["1"]
    one = container(read)
    assert one["resources"] == {"limits": {"cpu": "1500m", "nvidia.com/gpu": "1"}}
    assert one["env"][0]["valueFrom"] == {"fieldRef": {"fieldPath": "status.podIP"}}
    assert one["env"][1] == {"name": "YES", "value": "no"}
    assert one["envFrom"] == [{"secretRef": {"name": "keys", "optional": True}}]
    assert one["livenessProbe"] == {"tcpSocket": {"port": "web"}, "terminationGracePeriodSeconds": 30}


@pytest.mark.parametrize("kind", ["List", "AppImageList"])
def test_lists_in_json_and_in_yaml(kind: str) -> None:
    text = file("dumped_list.json").replace(b'"List"', f'"{kind}"'.encode())
    read = by_name(read_file(text))
    assert list(read) == ["one", "two"] and read["one"]["image"]["tag"] == "1.10"
    assert container(read["one"])["resources"] == {"limits": {"cpu": "0.5", "memory": "1073741824"}}
    assert "workingDir" not in container(read["one"])
    in_yaml = f"apiVersion: v1\nkind: {kind}\nitems:\n" + "".join(
        f"- {json.dumps(item)}\n" for item in json.loads(text)["items"]
    )
    assert by_name(read_file(in_yaml.encode())) == read


@pytest.mark.parametrize(
    "tag", ["1.10", "012", "no", "on", "12:30", "2024-01-02", "20240101", "0x10", "1e3", "1_000", "true", "1.0"]
)
def test_tags_keep_their_text(tag: str) -> None:
    for written in (tag, f"'{tag}'", f'"{tag}"', f"!!str {tag}"):
        found = read_file(SMALL.replace("tag: t", f"tag: {written}").encode())
        assert by_name(found)["a"]["image"]["tag"] == tag and not found.warnings
    filled = read_file(SMALL.replace("tag: t", "tag: {{.IMAGE_TAG}}").encode(), values=InstallValues(image_tag=tag))
    assert by_name(filled)["a"]["image"]["tag"] == tag
    if tag[0] in "12" and tag.replace(".", "").isdigit():
        in_json = json.dumps(
            {
                "apiVersion": "kuscia.secretflow/v1alpha1",
                "kind": "AppImage",
                "metadata": {"name": "a"},
                "spec": document(),
            }
        )
        assert by_name(read_file(in_json.replace('"v1"', tag).encode()))["a"]["image"]["tag"] == tag


def test_a_null_that_may_be_a_tag() -> None:
    found = read_file(SMALL.replace("tag: t", "tag: null").encode())
    assert by_name(found)["a"]["image"]["tag"] == "null"
    assert [(warning.code, warning.line) for warning in found.warnings] == [("null_text", 5)]
    assert codes(SMALL.replace("tag: t", "tag: ")) == codes(SMALL.replace("tag: t", "tag: ~")) == ["missing"]


def test_values_never_change_the_structure() -> None:
    text = SMALL.replace("name: n, tag: t", 'name: "{{.IMAGE_NAME}}", tag: {{ .IMAGE_TAG }}')
    evil = 'x"}, deployTemplates: [], a: {b: "'
    read = by_name(
        read_file(text.encode(), values=InstallValues(image_name=evil, image_tag="t\n  evil: 1 # {{.SF_NAME}}"))
    )
    assert read["a"]["image"] == {"name": evil, "tag": "t\n  evil: 1 # {{.SF_NAME}}"}
    assert len(read["a"]["deployTemplates"]) == 1


def test_three_braces_are_a_templates_own() -> None:
    text = SMALL.replace("workingDir: /", 'args: ["{{{.IMAGE_NAME}}} {{ .IMAGE_NAME }}"], workingDir: /')
    read = by_name(read_file(text.encode(), values=InstallValues(image_name="n")))
    assert container(read["a"])["args"] == ["{{{.IMAGE_NAME}}} n"]


def test_what_placeholders_lack_is_listed() -> None:
    [missing, other] = notices(file("two_documents.yaml"))
    assert missing.code == other.code == "value_missing"
    assert missing.params["placeholders"] == "{{.SF_IMAGE_NAME}}, {{.SF_IMAGE_TAG}}, {{.SF_NAME}}"
    assert other.params["placeholders"] == "{{.SF_IMAGE_NAME}}, {{.SF_IMAGE_TAG}}" and other.document == 2
    [unknown] = notices(SMALL.replace("tag: t", "tag: {{.METRIC_PORT}}"))
    assert (unknown.code, unknown.line) == ("placeholder", 5)


def test_values_that_nothing_asked_for_are_told() -> None:
    found = read_file(SMALL.encode(), values=InstallValues(name="b", image_id="x"))
    assert [(warning.code, warning.path) for warning in found.warnings] == [
        ("value_unused", "image_id"),
        ("value_unused", "name"),
    ]


def test_aliases_stand_for_what_they_name() -> None:
    text = SMALL.replace("[{name: c, workingDir: /}]", "[&c {name: c, workingDir: /}, *c]")
    assert (
        by_name(read_file(text.encode()))["a"]["deployTemplates"][0]["spec"]["containers"]
        == [{"name": "c", "workingDir": "/"}] * 2
    )


def many(count: int) -> str:
    return "---\n".join(SMALL.replace("name: a}", f"name: a{number}}}") for number in range(count))


def bomb() -> str:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 9)]
    return "\n".join(["l0: &l0 [a, b, c, d, e, f, g, h, i]", *levels])


LONG = MOST_CHARACTERS // 17 - 5


def long_texts(text: str) -> str:
    """Seventeen times to the end of the third line, and once more in the fourth."""
    return f"a: &a {text}\nb: &b [*a, *a, *a, *a]\nc: [*b, *b, *b]\nd: *a\n"


def test_values_for_placeholders_count_wherever_an_alias_stands() -> None:
    """The file itself is small; what installing it would make is not."""
    text = SMALL.replace("[{name: c, workingDir: /}]", "[&c {name: c, workingDir: /, args: [&a 'ARGS', *a]}, *c]")
    words = "{{SF_IMAGE_NAME}}" * (MOST_CHARACTERS // 4 // 400)
    values = InstallValues(image_name="x" * 400)
    assert read_file(text.replace("ARGS", "{{SF_IMAGE_NAME}}").encode(), values=values).app_images
    with pytest.raises(FileError) as caught:
        read_file(text.replace("ARGS", words + "{{SF_IMAGE_NAME}}" * 200).encode(), values=values)
    assert [notice.code for notice in caught.value.notices] == ["too_long"]


def chain() -> str:
    return "\n".join(["l0: &l0 [a]", *(f"l{n}: &l{n} [*l{n - 1}]" for n in range(1, 100))])


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("", "nothing", None),
        ("---\n# nothing\n---\n", "nothing", None),
        ("apiVersion: v1\nkind: List\nitems: []\n", "nothing", None),
        ("a: [", "no_yaml", 2),
        ("a: b\n c: d\n", "no_yaml", 2),
        ('{"a": ', "no_yaml", 2),
        ("a: b\nc: \x07", "character", None),
        (b"a: b\nc: \xff", "encoding", 2),
        ("a: \0", "nul", None),
        (b"a" * (LARGEST + 1), "too_large", None),
        (bomb(), "too_many", 6),
        ("- a\n" * MOST_VALUES, "too_many", MOST_VALUES),
        pytest.param(long_texts("x" * LONG), "too_long", 4, id="long text"),
        pytest.param(long_texts(f"{{? {'x' * LONG} : y}}"), "too_long", 4, id="long key"),
        (chain(), "too_deep", 49),
        ("[" * 60 + "]" * 60, "too_deep", None),
        ("- " * 60 + "a", "too_deep", 1),
        ("[" * 1_000_000, "too_deep", None),
        ('{"a":' * 200 + "1" + "}" * 200, "too_deep", None),
        ("a: &a [*a]", "alias", 1),
        ("a: *b", "alias", 1),
        ("a:\n  !!python/object/apply:os.system [ls]", "tag", 2),
        ("a: !!python/name:os.system x", "tag", 1),
        ("a: !local x", "tag", 1),
        ("a: !!set {b}", "tag", 1),
        ("a: !!binary eA==", "tag", 1),
        ("? [a]\n: b", "key", 1),
        ("a: 1\nb: 2\na: 3", "twice", 3),
        ('{"a": 1, "a": 2}', "twice", None),
        ("a:\n  <<: {b: 1}", "merge", 2),
        ('{"a": Infinity}', "constant", None),
        ("text", "no_object", 1),
        ("[1]", "no_object", None),
        ("apiVersion: v1\nkind: ConfigMap", "kind", 2),
        ("apiVersion: v1\nkind: List\nitems:\n- kind: Pod", "kind", 4),
        ("kind: AppImage\napiVersion: apps/v1", "api_version", 2),
        ("kind: AppImage", "api_version", 1),
        (SMALL.replace("name: a}", "name: A_b}"), "name", 3),
        (SMALL.replace("name: a}", "name: a..b}"), "name", 3),
        (SMALL.replace("{name: a}", "{}"), "name_missing", 3),
        (SMALL.replace("metadata: {name: a}\n", ""), "name_missing", 1),
        (f"{HEAD}metadata: {{name: a}}", "missing", 1),
        (f"{SMALL}---\n{SMALL}", "name_twice", 8),
        (many(MOST_APP_IMAGES + 1), "too_many_app_images", None),
    ],
)  # fmt: skip
def test_files_that_are_refused(text: str | bytes, code: str, line: int | None) -> None:
    [notice] = notices(text)
    assert (notice.code, notice.line) == (code, line)
    english, chinese = in_both_languages(notice)
    if code != "too_large":
        assert gives_example(english) and gives_example(chinese, chinese=True)


def test_all_faults_of_all_documents_are_told_at_once() -> None:
    second = SMALL.replace("name: a}", "name: b}").replace("workingDir: /", "ports: [{name: x, scope: World}]")
    found = notices(f"{SMALL.replace('tag: t', 'tag: [t]')}---\n{second}---\nkind: Pod\n")
    assert [(notice.code, notice.document, notice.line) for notice in found] == [
        ("text", 1, 5),
        ("choice", 2, 13),
        ("kind", 3, 15),
    ]
    assert found[1].path == "spec.deployTemplates[0].spec.containers[0].ports[0].scope"


def test_warnings_are_said_in_both_languages() -> None:
    for code, params in {
        "unknown_key": {}, "protocol_tcp": {}, "null_text": {"text": "null"}, "working_dir": {}, "metadata_dropped": {},
        "value_unused": {}, "value_missing": {"placeholders": "{{.SF_NAME}}"}, "placeholder": {},
    }.items():  # fmt: skip
        assert in_both_languages(Notice(code, params=params))


def test_unknown_keys_are_left_out_and_told() -> None:
    text = SMALL.replace("workingDir: /", "workingDir: /, stdin: true") + "extra: 1\nstatus: {a: 1}\n"
    found = read_file(text.encode())
    assert container(by_name(found)["a"]) == {"name": "c", "workingDir": "/"}
    assert {warning.path for warning in found.warnings} == {"extra", "spec.deployTemplates[0].spec.containers[0].stdin"}


PIECES = [
    HEAD, SPEC, SMALL, "metadata: {name: a}\n", "---\n", "...\n", "- ", "? ", ": ", "&a ", "*a", "!!str ", "!x ",
    "{{.SF_NAME}}", "{{{.A}}}", "|\n", ">-\n", "[", "]", "{", "}", ",", '"', "'", "\t", " ", "\n", "\r\n", "#",
    "%YAML 1.2\n", "%TAG ! x\n", "\\", "\ufeff", "\x85", "\u2028", "null", "~", "<<: ", "kind: List\nitems:\n- ",
    '"\\ud800"', "0", "é", "😀",
]  # fmt: skip


def pieces() -> Iterator[st.SearchStrategy[bytes]]:
    yield st.binary(max_size=200)
    yield st.lists(st.sampled_from(PIECES), max_size=20).map(lambda parts: "".join(parts).encode())
    whole = sorted(path.read_bytes() for path in FILES.iterdir())
    yield st.tuples(st.sampled_from(whole), st.integers(0, 4000), st.integers(0, 50), st.sampled_from(PIECES)).map(
        lambda part: part[0][: part[1]] + part[3].encode() + part[0][part[1] + part[2] :]
    )


@settings(max_examples=300)
@given(st.one_of(*pieces()))
def test_any_bytes_are_read_or_refused_with_a_sentence(data: bytes) -> None:
    try:
        read_file(data, values=VALUES)
    except FileError as error:
        assert error.notices
        for notice in error.notices:
            assert notice_text(notice.code, path=notice.path, params=notice.params)
