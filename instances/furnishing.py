"""What the container of an AppImage needs besides what every container needs: its image as named, and its files."""

from __future__ import annotations

from core.jobs import JobState
from instances.models import Operation
from instances.outcome import OperationFailed
from instances.recipes.template import ALWAYS, NEVER, Template
from nodes.engine import ContainerInfo, Engine, EngineRejected, ImageInfo


def needs_pull(operation: Operation, template: Template, image: ImageInfo | None) -> bool:
    """By the template's pull policy. Raises `OperationFailed` for an image that is not there and never to be pulled."""
    if image is None and template.pull_policy == NEVER:
        raise OperationFailed("image_never_pulled")
    if template.pull_policy == ALWAYS:
        return operation.pull is None or operation.pull.state != JobState.SUCCEEDED or image is None
    return image is None


def check_image(template: Template, image: ImageInfo) -> None:
    """Raises `OperationFailed` unless the image is the one that the AppImage names. Engines differ in what they call an
    id: some mean the image's configuration, some the manifest, so either will do."""
    digests = [text.partition("@")[2] for text in image.repo_digests]
    if template.image_id and template.image_id not in (image.id, *digests):
        raise OperationFailed("image_id_mismatch", expected=template.image_id, actual=image.id)


def put_files(engine: Engine, container: ContainerInfo, template: Template) -> None:
    """Before the container runs; doing it again changes nothing."""
    if not template.files and not template.directories:
        return
    try:
        files = {path: text.encode() for path, text in template.files.items()}
        engine.put_files(container.id, files, directories=template.directories)
    except EngineRejected as error:
        raise OperationFailed("files_not_placed", evidence=error.evidence) from error
