"""An application as the two folders of a repository: its files, and the workflow that builds them."""

from __future__ import annotations

from builds.models import Application, SourceKind
from builds.packing import pack
from builds.services.application_files import files_of, programs_of
from builds.workflows import SOURCES, Workflow, workflow_path, write_workflow


def workflow_of(application: Application) -> str:
    """YAML. It names the secrets of the repository that it will be in; ours stay here."""
    host, _, namespace = application.target_registry.endpoint.partition("/")
    of_git = application.source == SourceKind.GIT
    return write_workflow(
        Workflow(
            application=application.name,
            base_registry=application.base_registry,
            base_namespace=application.base_namespace,
            base_image=application.base_image,
            base_tag=application.base_tag,
            target_registry=host,
            target_namespace="/".join(part for part in (namespace, application.target_namespace) if part),
            suffix=application.suffix,
        ),
        folder=application.git_path if of_git else None,
        branch=application.git_branch if of_git else "",
    )


def export_application(application: Application) -> bytes:
    """A ZIP archive; of an application in a repository the workflow alone."""
    files = {f"{SOURCES}/{application.name}/{path}": text for path, text in files_of(application).items()}
    files[workflow_path(application.name)] = workflow_of(application)
    programs = {f"{SOURCES}/{application.name}/{path}" for path in programs_of(application)}
    return pack({path: text.encode() for path, text in files.items()}, programs=programs)
