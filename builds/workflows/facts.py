"""What a workflow says of an application, and where both are kept in a repository."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

FOLDER: Final = ".github/workflows"
SOURCES: Final = "src"  # its folders are the applications
BRANCHES: Final = ("main", "feat/**")  # whose pushes are built

_PATH = re.compile(r"\.github/workflows/build-push-([^/]+)\.ya?ml")


@dataclass(frozen=True, slots=True)
class Workflow:
    """`target_registry` is a host. A value that a workflow does not say is empty."""

    application: str
    base_registry: str
    base_namespace: str
    base_image: str
    base_tag: str
    target_registry: str
    target_namespace: str
    suffix: str


def workflow_path(application: str) -> str:
    return f"{FOLDER}/build-push-{application}.yaml"


def named_by(path: str) -> str:
    """The application that a workflow's file is called after; empty: the path is not of a workflow."""
    match = _PATH.fullmatch(path)
    return match[1] if match else ""
