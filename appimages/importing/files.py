"""A whole file: all of its AppImages, or all of its faults. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from appimages.importing.manifests import FoundAppImage, ManifestReader, manifests_of
from appimages.importing.placeholders import InstallValues, Placeholders
from core.documents import FileError, Notice, refused, text_of, trees_of

MOST_APP_IMAGES = 1000


@dataclass(frozen=True, slots=True)
class ReadFile:
    app_images: tuple[FoundAppImage, ...]
    warnings: tuple[Notice, ...]


def read_file(data: bytes, *, values: InstallValues | None = None) -> ReadFile:
    """The AppImages of a YAML or JSON file as canonical documents. Raises `FileError` with everything that is wrong."""
    values = values or InstallValues()
    placeholders = Placeholders(text_of(data))
    trees = trees_of(placeholders.text)
    reader = ManifestReader(placeholders, values)
    found = [reader.read(manifest) for tree in trees for manifest in manifests_of(tree)]
    app_images = [item for item in found if item is not None]
    errors = reader.errors + _repeated(app_images)
    if not found:
        raise refused("nothing")
    if len(found) > MOST_APP_IMAGES:
        raise refused("too_many_app_images", limit=MOST_APP_IMAGES)
    if errors:
        raise FileError(errors)
    unused = [Notice("value_unused", path=kind) for kind in sorted(values.given() - reader.used)]
    return ReadFile(tuple(app_images), (*unused, *reader.warnings))


def _repeated(app_images: list[FoundAppImage]) -> list[Notice]:
    first: dict[str, FoundAppImage] = {}
    repeated = []
    for item in app_images:
        if first.setdefault(item.name, item) is not item:
            where = first[item.name].number
            repeated.append(
                Notice("name_twice", item.number, item.line, "metadata.name", {"name": item.name, "first": where})
            )
    return repeated
