"""The build that unit tests of the worker play with: an application, its base, and how to look at the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from builds.models import Application, ApplicationVersion, Build, BuildSecret
from builds.reading import log_page
from builds.trees import entries_of, revision_of
from imagelib.models import RegistryEndpoint
from nodes.models import ComputeNode
from tests.api import make
from tests.support.fake_registry import FakeImage

HOST = "127.0.0.1:1"  # refuses at once: what its registry has is asked through the engine
BASE = FakeImage.sized(f"{HOST}/base/notebook", "3.11", [2_000_000, 1_000_000])
DOCKERFILE = """ARG BASE_REGISTRY
ARG BASE_NAMESPACE
ARG BASE_IMAGE
ARG BASE_TAG
FROM ${BASE_REGISTRY}/${BASE_NAMESPACE}/${BASE_IMAGE}:${BASE_TAG}
COPY requirements.txt /tmp/
RUN echo installing && echo done
"""
FILES = {"Dockerfile": DOCKERFILE, "requirements.txt": "numpy==2.0.0\n"}


def application(owner: Any = None, *, files: Mapping[str, str] | None = None, **values: Any) -> Application:
    """One whose files are kept here, in one version. All share one endpoint unless they get a `target_registry`."""
    target = values.pop("target_registry", None) or target_registry()
    others = Application.objects.count()
    usual = {
        "name": f"app-{others + 1}", "owner": owner, "base_registry": HOST, "base_namespace": "base",
        "base_image": "notebook", "base_tag": "3.11", "target_namespace": "team",
        "suffix": f"s{others + 1}" if others else "",
    }  # fmt: skip
    app = Application.objects.create(**{**usual, "target_registry": target, **values})
    add_version(app, FILES if files is None else files)
    return app


def add_version(app: Application, files: Mapping[str, str]) -> ApplicationVersion:
    number = app.versions.count() + 1
    revision = revision_of(entries_of(files)) if files else ""
    version = ApplicationVersion.objects.create(application=app, number=number, files=dict(files), revision=revision)
    Application.objects.filter(pk=app.pk).update(version=number)
    return version


def target_registry(**values: Any) -> RegistryEndpoint:
    found = RegistryEndpoint.objects.filter(endpoint=HOST).first()
    return found or make.registry(endpoint=HOST, **values)


def secret(app: Application, name: str, value: str) -> None:
    BuildSecret.objects.create(application=app, name=name, value=value)


def builder(**values: Any) -> ComputeNode:
    return make.node(**{"labels": {"builder": "yes"}, "status": "connected", **values})


def lines(job: Build) -> list[list[Any]]:
    """The whole log, as readers get it."""
    found: list[list[Any]] = []
    position = 0
    while (page := log_page(job, start=position))["lines"]:
        found += page["lines"]
        position = page["next"]
    return found


def kinds(job: Build) -> list[str]:
    return [line[2] for line in lines(job)]


def texts(job: Build) -> str:
    return "\n".join(str(line[3]) for line in lines(job))
