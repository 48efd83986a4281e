"""Reading a workflow: its `env`, and the name that it gives to the image."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from builds.workflows.facts import BRANCHES, SOURCES, Workflow
from core.documents import Notice, refused, text_of, trees_of

# The first spelling is the one that all have; values under the others count where it is missing.
_SPELLINGS = {
    "target_registry": ("TARGET_REGISTORY", "TARGET_REGISTRY"),
    "target_namespace": ("TARGET_NAMESPACE",),
    "base_registry": ("BASE_REGISTORY", "BASE_REGISTRY"),
    "base_namespace": ("BASE_NAMESPACE",),
    "base_image": ("BASE_IMAGE",),
    "base_tag": ("BASE_TAG",),
}
_WORKLOAD = "WORKLOAD_TYPE"
_MAY_BE_EMPTY = frozenset({"base_registry", "base_namespace", "target_namespace"})
_REFERENCE = re.compile(r"\$\{\{\s*env\.([A-Za-z_]\w*)\s*\}\}")
_TAG = re.compile(r"\$\{BASE_IMAGE\}(?:-(?P<suffix>[^:]+))?:\$\{BASE_TAG\}-\$\{APP_VERSION\}\s*\Z")
_CONTEXT = re.compile(rf"(?:\./)?{SOURCES}/([^/$]+)/?")
_FOLDER = re.compile(rf"{SOURCES}/([^/*$]+)/\*\*")
_BUILDER = "docker/build-push-action"


@dataclass(frozen=True, slots=True)
class FoundWorkflow:
    """`warnings` are about what is not taken over; `builds.workflow_texts` has the sentences of their codes."""

    workflow: Workflow
    warnings: tuple[Notice, ...]


def read_workflow(data: bytes, *, named: str) -> FoundWorkflow:
    """`named`: the application that the file is called after, for a workflow that does not say it. Raises `FileError`
    for what is no workflow."""
    documents = trees_of(text_of(data))
    if len(documents) != 1 or not isinstance(documents[0].value, dict):
        raise refused("no_workflow")
    return _Reader(documents[0].value).read(named)


class _Reader:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.warnings: list[Notice] = []
        self.variables: dict[str, str] = {}
        for block in _environments(document):
            for name, value in block.items():
                self.variables.setdefault(name, value if isinstance(value, str) else "")

    def read(self, named: str) -> FoundWorkflow:
        build = _inputs_of_build(self.document)
        application = self._application(build) or named
        values = {name: self._value(name, spellings) for name, spellings in _SPELLINGS.items()}
        workflow = Workflow(application=application, suffix=self._suffix(build), **values)
        self._look_at_triggers(application)
        return FoundWorkflow(workflow, tuple(self.warnings))

    def _application(self, build: Mapping[str, Any]) -> str:
        name = self._resolved(self.variables.get(_WORKLOAD, ""))
        if name and "${" not in name:
            return name
        if match := _CONTEXT.fullmatch(self._resolved(_text(build.get("context")))):
            return match[1]
        for path in _paths(self.document):
            if match := _FOLDER.fullmatch(path):
                return match[1]
        return ""

    def _value(self, name: str, spellings: tuple[str, ...]) -> str:
        written = next((self.variables[key] for key in spellings if self.variables.get(key)), "")
        value = self._resolved(written)
        if "${" in value:
            self._warn("value_elsewhere", name=spellings[0])
            return ""
        if not value and name not in _MAY_BE_EMPTY:
            self._warn("value_missing", name=spellings[0])
        return value

    def _resolved(self, text: str) -> str:
        """With the values of `${{ env.X }}`; what else is in braces stays."""
        return _REFERENCE.sub(lambda match: self.variables.get(match[1]) or match[0], text).strip()

    def _suffix(self, build: Mapping[str, Any]) -> str:
        """What stands between `BASE_IMAGE` and `:` in the first tag."""
        lines = [line.strip() for line in _text(build.get("tags")).split("\n") if line.strip()]
        found = _TAG.search(_REFERENCE.sub(r"${\1}", lines[0])) if lines else None
        if found is None:
            self._warn("tags_unknown")
            return ""
        suffix = re.sub(r"\$\{(\w+)\}", lambda match: self.variables.get(match[1], match[0]), found["suffix"] or "")
        if "$" in suffix:
            self._warn("value_elsewhere", name="tags")
            return ""
        return suffix

    def _look_at_triggers(self, application: str) -> None:
        push = _push(self.document)
        branches = push.get("branches")
        if isinstance(branches, list) and set(map(str, branches)) != set(BRANCHES):
            self._warn("branches_other", branches=", ".join(map(str, branches))[:200])
        paths = _paths(self.document)
        if paths and f"{SOURCES}/{application}/**" not in paths:
            self._warn("paths_other", path=f"{SOURCES}/{application}/**")

    def _warn(self, code: str, **params: str) -> None:
        self.warnings.append(Notice(code, params=params))


def _environments(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The outermost first."""
    blocks = [document, *_jobs(document)]
    blocks += [step for job in _jobs(document) for step in _steps(job)]
    return (block["env"] for block in blocks if isinstance(block.get("env"), dict))


def _jobs(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    jobs = document.get("jobs")
    return [job for job in jobs.values() if isinstance(job, dict)] if isinstance(jobs, dict) else []


def _steps(job: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    steps = job.get("steps")
    return [step for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []


def _inputs_of_build(document: Mapping[str, Any]) -> Mapping[str, Any]:
    for job in _jobs(document):
        for step in _steps(job):
            if _text(step.get("uses")).startswith(_BUILDER) and isinstance(step.get("with"), dict):
                inputs: Mapping[str, Any] = step["with"]
                return inputs
    return {}


def _push(document: Mapping[str, Any]) -> Mapping[str, Any]:
    triggers = document.get("on")
    push = triggers.get("push") if isinstance(triggers, dict) else None
    return push if isinstance(push, dict) else {}


def _paths(document: Mapping[str, Any]) -> list[str]:
    paths = _push(document).get("paths")
    return [path for path in paths if isinstance(path, str)] if isinstance(paths, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
