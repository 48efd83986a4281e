"""Lists that name much: the same part again and again, indices of indices, more than anybody would save."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pulls.archive_listing import MOST_ENTRIES, ArchivedImage, Listing

CONFIG = b'{"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": ["sha256:1", "sha256:2"]}}'
MANIFEST = {"config": {"digest": "sha256:c"}, "layers": [{"digest": "sha256:l"}]}


def images_of(files: dict[str, Any]) -> tuple[list[ArchivedImage], int]:
    """And how many glances it took."""
    glances: list[int] = []
    texts = {path: part if isinstance(part, bytes) else json.dumps(part).encode() for path, part in files.items()}
    return Listing(texts, glance=lambda: glances.append(1)).images(), len(glances)


def saved(entries: int) -> dict[str, Any]:
    return {"manifest.json": [{"Config": "c.json", "RepoTags": [f"a:{n}"]} for n in range(entries)], "c.json": CONFIG}


def oci(**parts: Any) -> dict[str, Any]:
    blobs = {f"blobs/sha256/{name}": part for name, part in parts.items() if name != "index"}
    return {"index.json": parts["index"], "blobs/sha256/c": CONFIG, "blobs/sha256/m": MANIFEST, **blobs}


def index(*names: str, tag: str = "") -> dict[str, Any]:
    named = {"annotations": {"org.opencontainers.image.ref.name": tag}} if tag else {}
    return {"manifests": [{"digest": f"sha256:{name}", **named} for name in names]}


def test_a_configuration_is_read_once_however_often_it_is_named() -> None:
    images, glances = images_of(saved(25))
    assert [image.names for image in images] == [(f"a:{n}",) for n in range(25)]
    assert len({id(image.info) for image in images}) == 1 and images[0].info.diff_ids == ("sha256:1", "sha256:2")
    assert glances == 25


def test_a_manifest_is_read_once_however_often_it_is_named() -> None:
    images, glances = images_of(oci(index=index(*["m"] * 25)))
    assert len(images) == 25 and {id(image.info) for image in images} == {id(images[0].info)}
    paths = [image.paths for image in images]
    assert paths[0] == ("blobs/sha256/c", ("blobs/sha256/l",))
    assert len({id(one[1]) for one in paths if one}) == 1
    assert glances == 25


def test_indices_of_indices_are_looked_through_once() -> None:
    """Else each level would take twelve times as long as the one below it."""
    levels = {"a": index(*["b"] * 12), "b": index(*["d"] * 12), "d": index(*["m"] * 12)}
    images, glances = images_of(oci(index=index(*["a"] * 12), **levels))
    assert (len(images), glances) == (12, 48)


def test_an_index_that_has_two_names_is_looked_through_for_both() -> None:
    entries = index("a", tag="x:1")["manifests"] + index("a", tag="x:2")["manifests"]
    images, _glances = images_of(oci(index={"manifests": entries}, a=index("m")))
    assert [image.names for image in images] == [("x:1",), ("x:2",)]


def test_indices_that_lead_back_or_too_deep_have_nothing() -> None:
    assert images_of(oci(index=index("a"), a=index("a")))[0] == []
    chain = {"a": index("b"), "b": index("d"), "d": index("e")}
    assert images_of(oci(index=index("a"), **chain, e=index("m")))[0] == []
    assert len(images_of(oci(index=index("b"), **chain, e=index("m")))[0]) == 1


@pytest.mark.parametrize("kind", ["docker", "oci", "nested"])
def test_more_entries_than_anybody_saves_are_refused(kind: str) -> None:
    def made(entries: int) -> dict[str, Any]:
        if kind == "docker":
            return saved(entries)
        if kind == "oci":
            return oci(index=index(*["m"] * entries))
        named = [index("a", tag=f"x:{n}")["manifests"][0] for n in range(entries // 10)]
        return oci(index={"manifests": named}, a=index(*["m"] * 9))  # ten for each name

    images, glances = images_of(made(MOST_ENTRIES))
    assert glances == MOST_ENTRIES and len(images) in (MOST_ENTRIES, MOST_ENTRIES * 9 // 10)
    with pytest.raises(ValueError, match="more than 1000 entries"):
        images_of(made(MOST_ENTRIES + 10))


def test_it_can_be_stopped_at_each_entry() -> None:
    class Enough(Exception):
        pass

    def glance() -> None:
        raise Enough

    texts = {path: part if isinstance(part, bytes) else json.dumps(part).encode() for path, part in saved(1).items()}
    with pytest.raises(Enough):
        Listing(texts, glance=glance).images()
