"""Writing the workflow of an application. It names secrets of the repository; none that is stored here is in it."""

from __future__ import annotations

import json
import re
from string import Template

from builds.naming import RECIPE, build_arguments
from builds.workflows.facts import BRANCHES, SOURCES, Workflow, workflow_path

# Values are in double quotes, as JSON writes them: nothing in them can be anything else than text.
_FORM = Template("""name: $title

on:
  push:
    branches:
$branches
    paths:
    - $sources
    - $itself
  workflow_dispatch:

env:
  TARGET_REGISTORY: $target_registry
  TARGET_NAMESPACE: $target_namespace
  WORKLOAD_TYPE: $application
  BASE_REGISTORY: $base_registry
  BASE_NAMESPACE: $base_namespace
  BASE_IMAGE: $base_image
  BASE_TAG: $base_tag
$place
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
    - name: Check out
      uses: actions/checkout@v4
    - name: Name the version
      run: |
        echo "APP_VERSION=$${GITHUB_SHA}" >> "$${GITHUB_ENV}"
        made=$$(TZ=UTC git show --no-patch --format=%cd --date=format-local:%Y-%m-%dT%H:%M:%SZ "$${GITHUB_SHA}")
        echo "MADE_AT=$${made}" >> "$${GITHUB_ENV}"
        recipe=$$(python3 -c '$recipe')
        echo "RECIPE=$${recipe}" >> "$${GITHUB_ENV}"
    - name: Set up Buildx
      uses: docker/setup-buildx-action@v3
    - name: Log in
      uses: docker/login-action@v3
      with:
        registry: $${{ env.TARGET_REGISTORY }}
        username: $${{ secrets.REGISTRY_USERNAME }}
        password: $${{ secrets.REGISTRY_PASSWORD }}
    # Build secrets of the application are not in here. Store them among the repository's, and name them below "with:",
    # "secrets: |", one a line: PIP_TOKEN=$${{ secrets.PIP_TOKEN }}. A private base takes a step like the last one,
    # with the registry of the base.
    - name: Build and push
      uses: docker/build-push-action@v6
      with:
        context: $context
        push: true
        build-args: |
          BASE_REGISTORY=$${{ env.BASE_REGISTORY }}
          BASE_REGISTRY=$${{ env.BASE_REGISTORY }}
          BASE_NAMESPACE=$${{ env.BASE_NAMESPACE }}
          BASE_IMAGE=$${{ env.BASE_IMAGE }}
          BASE_TAG=$${{ env.BASE_TAG }}
        labels: |
          org.opencontainers.image.title=$${{ env.WORKLOAD_TYPE }}
          org.opencontainers.image.revision=$${{ github.sha }}
          org.opencontainers.image.source=$${{ github.server_url }}/$${{ github.repository }}
          org.opencontainers.image.created=$${{ env.MADE_AT }}
          $label=$${{ env.RECIPE }}
        tags: |
          $tag
""")

# As `builds.naming.recipe_of` has it, of what the workflow builds with: whoever edits its `env` changes the label.
_RECIPE = (
    "import hashlib, json, os; e = os.environ; "
    'a = {{"BASE_" + n: e["BASE_" + n] for n in ("REGISTORY", "NAMESPACE", "IMAGE", "TAG")}}; '
    'a["BASE_REGISTRY"] = a["BASE_REGISTORY"]; '
    "r = json.dumps([a, {folder}], sort_keys=True); "
    "print(hashlib.sha256(r.encode()).hexdigest()[:32])"
)


_SPECIAL = re.compile(r"[\\*?+\[\]!]")  # in filters of branches and paths


def write_workflow(workflow: Workflow, *, folder: str | None = None, branch: str = "") -> str:
    """YAML that `read_workflow` reads back as the same, Docker Hub written out. `folder`: where the files are if not in
    the usual one; empty is the whole repository. `branch`: one whose pushes are built besides the usual ones."""
    usual = f"{SOURCES}/{workflow.application}"
    folder = usual if folder is None else folder
    branches = [*BRANCHES, *([_literal(branch)] if branch and not _is_built(branch) else [])]
    base = build_arguments(
        base_registry=workflow.base_registry,
        base_namespace=workflow.base_namespace,
        base_image=workflow.base_image,
        base_tag=workflow.base_tag,
    )
    return _FORM.substitute(
        title=_quoted("Build " + re.sub(r"[-_.]+", " ", workflow.application)),
        branches="\n".join(f"    - {_quoted(one)}" for one in branches),
        sources=_quoted(f"{_literal(folder)}/**" if folder else "**"),
        itself=_quoted(workflow_path(workflow.application)),
        place="" if folder == usual else f"  FOLDER: {_quoted(folder)}\n",
        context=f"{SOURCES}/${{{{ env.WORKLOAD_TYPE }}}}" if folder == usual else "./${{ env.FOLDER }}",
        recipe=_RECIPE.format(folder=f'"{SOURCES}/" + e["WORKLOAD_TYPE"]' if folder == usual else 'e["FOLDER"]'),
        label=RECIPE,
        target_registry=_quoted(workflow.target_registry),
        target_namespace=_quoted(workflow.target_namespace),
        application=_quoted(workflow.application),
        base_registry=_quoted(base["BASE_REGISTORY"]),
        base_namespace=_quoted(base["BASE_NAMESPACE"]),
        base_image=_quoted(base["BASE_IMAGE"]),
        base_tag=_quoted(base["BASE_TAG"]),
        tag=_tag(workflow),
    )


def _tag(workflow: Workflow) -> str:
    """An empty namespace would leave two slashes."""
    parts = ["TARGET_REGISTORY", *(["TARGET_NAMESPACE"] if workflow.target_namespace else []), "BASE_IMAGE"]
    name = "/".join(f"${{{{ env.{part} }}}}" for part in parts)
    suffix = f"-{workflow.suffix}" if workflow.suffix else ""
    return f"{name}{suffix}:${{{{ env.BASE_TAG }}}}-${{{{ env.APP_VERSION }}}}"


def _is_built(branch: str) -> bool:
    return any(branch == one or (one.endswith("**") and branch.startswith(one[:-2])) for one in BRANCHES)


def _literal(text: str) -> str:
    """For a filter, which reads some characters as patterns."""
    return _SPECIAL.sub(r"\\\g<0>", text)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
