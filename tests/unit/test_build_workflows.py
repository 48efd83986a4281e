"""Workflows of applications: read as people wrote them, and written so that they read back."""

from __future__ import annotations

import os
import subprocess
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from builds.naming import RECIPE, build_arguments, recipe_of
from builds.workflows import Workflow, named_by, read_workflow, workflow_path, write_workflow
from core.documents import FileError

# As they are found: both keys of the old spelling, comments between the values, a suffix in the tags.
WRITTEN = """name: 'Build jupyter torch lab'
on:
  push:
    branches:
    - main
    - 'feat/**'
    paths:
    - 'src/jupyter-torch-lab/**'
  workflow_dispatch:
env:
  TARGET_REGISTORY: registry.example.com
  TARGET_NAMESPACE: lab
  WORKLOAD_TYPE: jupyter-torch-lab
  # Dockerfile: https://git.example.com/stacks
  BASE_REGISTORY: quay.io
  BASE_NAMESPACE: jupyter
  BASE_IMAGE: scipy-notebook
  BASE_TAG: 3.10
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
    - uses: actions/checkout@v3
    - name: Build and push
      uses: docker/build-push-action@v4
      with:
        context: "{{defaultContext}}:src/${{ env.WORKLOAD_TYPE }}"
        tags: |
          <target>/${{ env.BASE_IMAGE }}-qlora:${{ env.BASE_TAG }}-${{ env.APP_VERSION }}
""".replace("<target>", "${{ env.TARGET_REGISTORY }}/${{ env.TARGET_NAMESPACE }}")
MEANT = Workflow(
    application="jupyter-torch-lab",
    base_registry="quay.io",
    base_namespace="jupyter",
    base_image="scipy-notebook",
    base_tag="3.10",
    target_registry="registry.example.com",
    target_namespace="lab",
    suffix="qlora",
)


def warnings(text: str) -> list[str]:
    return [notice.code for notice in read_workflow(text.encode(), named="file").warnings]


def test_a_workflow_says_what_an_application_is() -> None:
    found = read_workflow(WRITTEN.encode(), named="file")
    assert found.workflow == MEANT
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("TARGET_REGISTORY: reg", "TARGET_REGISTRY: reg", {}),
        ("BASE_REGISTORY:", "BASE_REGISTRY:", {}),
        ("BASE_IMAGE }}-qlora", "BASE_IMAGE }}", {"suffix": ""}),
        ("BASE_IMAGE }}-qlora", "BASE_IMAGE }}-${{ env.WORKLOAD_TYPE }}", {"suffix": "jupyter-torch-lab"}),
        ("${{ env.BASE_IMAGE }}", "${{env.BASE_IMAGE}}", {}),
        ("  BASE_NAMESPACE: jupyter\n", "  BASE_NAMESPACE:\n", {"base_namespace": ""}),
        ("  BASE_REGISTORY: quay.io\n", "", {"base_registry": ""}),
        ("quay.io", "${{ env.TARGET_REGISTORY }}", {"base_registry": "registry.example.com"}),
        ("  WORKLOAD_TYPE: jupyter-torch-lab\n", "", {}),
        ('"{{defaultContext}}:src/${{ env.WORKLOAD_TYPE }}"', "./src/other/", {}),
        ("\n  push:", "\n  push: # why", {}),
    ],
)
def test_workflows_are_written_in_many_ways(old: str, new: str, changed: dict[str, str]) -> None:
    assert old in WRITTEN
    found = read_workflow(WRITTEN.replace(old, new).encode(), named="file")
    assert found.workflow == replace(MEANT, **changed)
    assert found.warnings == ()


def test_values_may_be_nearer_to_the_step() -> None:
    outer, _, rest = WRITTEN.partition("env:\n")
    values, _, jobs = rest.partition("jobs:\n  build:\n")
    inner = "".join(f"    {line}\n" for line in values.splitlines())
    text = (
        f"{outer}jobs:\n  first: x\n  build:\n    env:\n{inner}{jobs}    - run: x\n      env:\n        BASE_TAG: no\n"
    )
    assert read_workflow(text.encode(), named="file").workflow == MEANT


def test_the_context_names_the_application_too() -> None:
    text = WRITTEN.replace("  WORKLOAD_TYPE: jupyter-torch-lab\n", "").replace(
        '"{{defaultContext}}:src/${{ env.WORKLOAD_TYPE }}"', "./src/other/"
    )
    found = read_workflow(text.encode(), named="file")
    assert found.workflow.application == "other"
    assert [(notice.code, notice.params) for notice in found.warnings] == [("paths_other", {"path": "src/other/**"})]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("quay.io", "${{ secrets.REGISTRY }}", "value_elsewhere"),
        ("quay.io", "${{ env.NOWHERE }}", "value_elsewhere"),
        ("BASE_IMAGE }}-qlora", "BASE_IMAGE }}-${{ env.ENV_DETIL }}", "value_elsewhere"),
        ("  BASE_TAG: 3.10\n", "", "value_missing"),
        ("  BASE_TAG: 3.10\n", "  BASE_TAG: [3.10]\n", "value_missing"),
        ("-${{ env.APP_VERSION }}", "", "tags_unknown"),
        ("        tags: |\n", "        labels: |\n", "tags_unknown"),
        ("docker/build-push-action@v4", "other/action@v1", "tags_unknown"),
        ("    - main\n", "    - master\n", "branches_other"),
        ("src/jupyter-torch-lab/**", "src/**", "paths_other"),
    ],
)
def test_what_is_not_taken_over_is_said(old: str, new: str, code: str) -> None:
    assert old in WRITTEN
    assert warnings(WRITTEN.replace(old, new)) == [code]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "no_workflow"),
        ("- a", "no_workflow"),
        ("a: 1\n---\nb: 1", "no_workflow"),
        ("a: [", "no_yaml"),
        ("a: 1\na: 2", "twice"),
        ("a: !x 1", "tag"),
    ],
)
def test_other_files_are_no_workflows(text: str, code: str) -> None:
    with pytest.raises(FileError) as refused:
        read_workflow(text.encode(), named="file")
    assert [notice.code for notice in refused.value.notices] == [code]


@pytest.mark.parametrize(
    "text",
    [
        "on: push",
        "on:\n  push:\n    paths: src/x/**\nenv: x\njobs:\n  a:\n    steps: x",
        "on:\n  push:\n    paths: ['docs/**', 'src/**', 'src/$x/**']\njobs: x",
        "env:\n  WORKLOAD_TYPE: ${{ github.ref_name }}",
        WRITTEN.replace("  WORKLOAD_TYPE: jupyter-torch-lab\n", "")
        .replace("{{defaultContext}}:", "")
        .replace("    - 'src/jupyter-torch-lab/**'\n", ""),
    ],
)
def test_a_workflow_that_does_not_say_its_application_is_called_after_it(text: str) -> None:
    assert read_workflow(text.encode(), named="file").workflow.application == "file"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (".github/workflows/build-push-x.yaml", "x"),
        (".github/workflows/build-push-x.y.yml", "x.y"),
        (".github/workflows/test.yaml", ""),
        (".github/workflows/a/build-push-x.yaml", ""),
        ("x/.github/workflows/build-push-x.yaml", ""),
    ],
)
def test_workflows_have_their_folder(path: str, name: str) -> None:
    assert named_by(path) == name
    assert named_by(workflow_path("a.b-c")) == "a.b-c"


def test_a_written_workflow_has_the_two_conditions_and_no_secret() -> None:
    text = write_workflow(MEANT)
    assert '    branches:\n    - "main"\n    - "feat/**"\n' in text
    assert '    paths:\n    - "src/jupyter-torch-lab/**"\n' in text
    assert "password: ${{ secrets.REGISTRY_PASSWORD }}" in text
    assert "${{ env.BASE_IMAGE }}-qlora:${{ env.BASE_TAG }}-${{ env.APP_VERSION }}" in text
    assert '"APP_VERSION=${GITHUB_SHA}" >> "${GITHUB_ENV}"' in text
    assert "org.opencontainers.image.created=${{ env.MADE_AT }}\n" in text
    assert "${{ env.TARGET_REGISTORY }}/${{ env.BASE_IMAGE }}" in write_workflow(replace(MEANT, target_namespace=""))


def test_a_written_workflow_follows_the_folder_and_the_branch() -> None:
    text = write_workflow(MEANT, folder="images/c++ [a]", branch="develop+1")
    workflow = yaml.safe_load(text)
    push = workflow[True]["push"]  # YAML 1.1 takes "on" for a truth
    assert push["branches"] == ["main", "feat/**", r"develop\+1"]
    assert push["paths"] == [r"images/c\+\+ \[a\]/**", workflow_path(MEANT.application)]
    assert workflow["env"]["FOLDER"] == "images/c++ [a]"
    assert workflow["jobs"]["build"]["steps"][-1]["with"]["context"] == "./${{ env.FOLDER }}"
    assert read_workflow(text.encode(), named="x").workflow == MEANT
    whole = yaml.safe_load(write_workflow(MEANT, folder="", branch="feat/x"))
    assert (whole[True]["push"]["branches"], whole[True]["push"]["paths"][0]) == (["main", "feat/**"], "**")


@pytest.mark.parametrize("folder", [None, "src/jupyter-torch-lab", 'images/it\'s "it"', ""])
def test_a_written_workflow_finds_out_when_the_commit_was_made_and_what_of(tmp_path: Path, folder: str | None) -> None:
    """The product knows an image that the workflow made of a commit: the label follows from what the file says now."""
    workflow = yaml.safe_load(write_workflow(MEANT, folder=folder))
    [script] = [step["run"] for step in workflow["jobs"]["build"]["steps"] if "run" in step]
    author = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    env = {**os.environ, "GIT_COMMITTER_DATE": "2026-11-26T03:00:00+08:00", "GIT_CONFIG_GLOBAL": os.devnull}
    for command in (["init", "-q"], [*author, "commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run(["git", *command], cwd=tmp_path, env=env, check=True)
    env |= {"GITHUB_SHA": "HEAD", "GITHUB_ENV": str(tmp_path / "env"), **workflow["env"]}
    for tag in (MEANT.base_tag, "edited"):
        subprocess.run(["bash", "-e", "-c", script], cwd=tmp_path, env={**env, "BASE_TAG": tag}, check=True)
    base = {name: getattr(MEANT, name) for name in ("base_registry", "base_namespace", "base_image", "base_tag")}
    recipes = [
        recipe_of(build_arguments(**{**base, "base_tag": tag}), "src/jupyter-torch-lab" if folder is None else folder)
        for tag in (MEANT.base_tag, "edited")
    ]
    version = "APP_VERSION=HEAD\nMADE_AT=2026-11-25T19:00:00Z\nRECIPE="
    assert (tmp_path / "env").read_text() == "".join(f"{version}{recipe}\n" for recipe in recipes)
    assert f"{RECIPE}=${{{{ env.RECIPE }}}}\n" in write_workflow(MEANT)


word = st.from_regex(r"[a-z0-9]{1,6}([._-][a-z0-9]{1,4}){0,2}", fullmatch=True)
path = st.lists(word, max_size=3).map("/".join)
host = st.sampled_from(["", "quay.io", "localhost:5000", "[::1]:5000"])
tag = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,12}", fullmatch=True) | st.sampled_from(
    ["1.10", "null", "true", "~"]
)
workflows = st.builds(
    Workflow,
    application=word,
    base_registry=host,
    base_namespace=path,
    base_image=word,
    base_tag=tag,
    target_registry=host.filter(bool),
    target_namespace=path,
    suffix=st.just("") | word,
)


@given(workflows)
def test_what_is_written_reads_back(workflow: Workflow) -> None:
    text = write_workflow(workflow)
    found = read_workflow(text.encode(), named="file")
    assert found.warnings == ()
    if not workflow.base_registry:
        workflow = replace(workflow, base_registry="docker.io", base_namespace=workflow.base_namespace or "library")
    assert asdict(found.workflow) == asdict(workflow)
    assert write_workflow(found.workflow) == text
