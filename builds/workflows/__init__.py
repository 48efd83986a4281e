"""GitHub workflows that build one application each: `.github/workflows/build-push-<application>.yaml`. Pure."""

from builds.workflows.facts import FOLDER, SOURCES, Workflow, named_by, workflow_path
from builds.workflows.reading import FoundWorkflow, read_workflow
from builds.workflows.writing import write_workflow

__all__ = [
    "FOLDER",
    "SOURCES",
    "FoundWorkflow",
    "Workflow",
    "named_by",
    "read_workflow",
    "workflow_path",
    "write_workflow",
]
