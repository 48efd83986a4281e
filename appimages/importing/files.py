"""A whole file: all of its AppImages, or all of its faults. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from appimages.importing.errors import FileError, Notice, refused
from appimages.importing.json_text import read_json
from appimages.importing.manifests import FoundAppImage, ManifestReader, manifests_of
from appimages.importing.placeholders import InstallValues, Placeholders
from appimages.importing.tree import Tree
from appimages.importing.yaml_text import read_yaml

LARGEST = 5 * 1024 * 1024
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


def text_of(data: bytes) -> str:
    """UTF-8, with or without a mark in front. Raises `FileError`."""
    if len(data) > LARGEST:
        raise refused("too_large", limit=LARGEST >> 20)
    if b"\0" in data:
        raise refused("nul")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refused("encoding", line=data.count(b"\n", 0, error.start) + 1) from None


def trees_of(text: str) -> list[Tree]:
    """JSON is tried where a file looks like it; what is none may still be YAML in braces."""
    if text.lstrip()[:1] in ("{", "["):
        trees = read_json(text)
        if trees is not None:
            return trees
    return read_yaml(text)


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
