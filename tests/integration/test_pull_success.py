"""Pulls that go well, from every kind of registry, in both ways to run the product."""

from __future__ import annotations

import pytest

from tests.integration.pull_bed import PullBed, assert_truthful
from tests.services.engine import RealEngine
from tests.services.process import wait_until
from tests.services.registries import Registries
from tests.services.registry import Registry

pytestmark = pytest.mark.real


def repo_digest(engine: RealEngine, reference: str) -> str:
    """The engine's own word for what it has under that name."""
    image = engine.inspect(reference)
    assert image is not None, engine.references()
    repository = reference.rpartition(":")[0]
    [digest] = [text.partition("@")[2] for text in image["RepoDigests"] if text.startswith(repository + "@")]
    return digest


def give_access(bed: PullBed, kind: str, registry: Registry) -> None:
    known = {row["endpoint"] for row in bed.product.api("GET", "/api/registries/").json()["results"]}
    if registry.address in known:
        return
    if kind == "tls":
        bed.registry(registry.address, ca_certificate=registry.ca_pem)
    elif kind in ("basic", "token"):
        bed.registry(registry.address, username="puller", password=registry.users["puller"])


@pytest.mark.parametrize("kind", ["open", "basic", "token", "tls"])
def test_every_kind_of_registry(bed: PullBed, engine: RealEngine, registries: Registries, kind: str) -> None:
    engine.wipe()
    registry: Registry = getattr(registries, kind)
    give_access(bed, kind, registry)
    node, reference = bed.node(engine.unix_url), registry.reference("team/mid:1")
    image = registry.image("team/mid:1")
    pk = bed.pull(reference, node)
    watch = bed.watch(pk)
    done = watch.until()
    assert done["state"] == "succeeded", done
    assert_truthful(watch.snapshots, total=image.compressed_size)
    assert done["percent"] == 100
    assert done["bytes_downloaded"] == done["bytes_extracted"] == image.compressed_size
    assert [(layer["id"], layer["size"]) for layer in done["layers"]] == [
        (layer.short, layer.size) for layer in image.layers
    ]
    assert done["digest"] == image.digest == repo_digest(engine, reference)
    assert done["attempt"] == 1
    told = [code for code in bed.history(pk) if code != "downloaded"]  # too short to be seen in a quick pull
    assert told == ["requested", "claimed", "planned", "succeeded"]
    assert bed.snapshot(pk) == done | {"version": bed.snapshot(pk)["version"]}


def test_what_the_node_has_is_not_moved_again(bed: PullBed, engine: RealEngine, registries: Registries) -> None:
    engine.wipe()
    node, registry = bed.node(engine.unix_url), registries.open
    first, second = registry.image("team/mid:1"), registry.image("team/mid:2")
    assert bed.run(registry.reference("team/mid:1"), node)["state"] == "succeeded"
    known = {layer.digest for layer in first.layers}
    shared = sum(layer.size for layer in second.layers if layer.digest in known)
    assert shared > 0
    registry.clear_log()
    pk = bed.pull(registry.reference("team/mid:2"), node)
    watch = bed.watch(pk)
    done = watch.until()
    assert done["state"] == "succeeded"
    assert_truthful(watch.snapshots, total=second.compressed_size - shared, reused=shared)
    # the registry's own log agrees: only the new layers, and the config for us and for the engine
    moved = [layer for layer in second.layers if layer.digest not in known]
    assert registry.request_count("^GET .*/blobs/ ?") - registry.request_count(second.config.digest) == len(moved)

    again = bed.run(registry.reference("team/mid:2"), node)
    assert again["state"] == "succeeded"
    assert (again["bytes_total"], again["bytes_reused"]) == (0, second.compressed_size)
    assert again["bytes_total_exact"] is True
    assert "already_present" in bed.history(again["id"])

    # and placing will know it by the layers
    references = [registry.reference(f"team/mid:{tag}") for tag in "12"]
    wait_until(
        "the layers to be remembered",
        lambda: all(sizes and sizes.keys() <= layers_there(bed) for sizes in layer_sizes(bed, references)),
        timeout=60,
    )
    one, other = layer_sizes(bed, references)
    assert [sum(one.values()), sum(other.values())] == [first.compressed_size, second.compressed_size]
    assert sum(other[layer] for layer in one.keys() & other.keys()) == shared


def layer_sizes(bed: PullBed, references: list[str]) -> list[dict[int, int]]:
    """What the product remembers of each image."""
    query = """
        SELECT layer.layer, layer.size FROM pulls_imagelayer layer JOIN pulls_pulledimage image
        ON image.id = layer.image_id WHERE image.reference =
    """
    return [dict(bed.rows(f"{query} '{reference}'")) for reference in references]


def layers_there(bed: PullBed) -> set[int]:
    return {layer for (layer,) in bed.rows("SELECT layer FROM pulls_nodelayer")}


@pytest.mark.parametrize("tag", ["1", "docker"])
def test_an_index_is_resolved_for_the_nodes_platform(
    embedded: PullBed, engine: RealEngine, registries: Registries, tag: str
) -> None:
    engine.wipe()
    registry = registries.open
    index = registry.image(f"team/multi:{tag}")
    member = index.for_platform("linux/amd64")
    done = embedded.run(registry.reference(f"team/multi:{tag}"), embedded.node(engine.unix_url))
    assert done["state"] == "succeeded", done
    assert done["bytes_total"] == member.compressed_size
    # what the tag names is the index, and that is what the engine reports as well
    assert done["digest"] == index.digest == repo_digest(engine, registry.reference(f"team/multi:{tag}"))


def test_a_machine_that_was_replaced_by_another_kind_gets_what_it_runs(
    embedded: PullBed, engine: RealEngine, registries: Registries
) -> None:
    """The platform of the last probe only saves time; the engine's own word counts."""
    engine.wipe()
    node, registry = embedded.node(engine.unix_url), registries.open
    change = f"ComputeNode.objects.filter(pk={node}).update(platform='linux/arm64')"
    done = embedded.product.manage("shell", "-c", f"from nodes.models import ComputeNode; {change}")
    assert done.returncode == 0, done.stderr
    index = registry.image("team/multi:1")
    pulled = embedded.run(registry.reference("team/multi:1"), node)
    assert pulled["state"] == "succeeded", pulled
    assert pulled["bytes_total"] == index.for_platform("linux/amd64").compressed_size


def test_a_digest_is_pulled_and_named(embedded: PullBed, engine: RealEngine, registries: Registries) -> None:
    engine.wipe()
    registry = registries.open
    image = registry.image("team/tiny:1")
    reference = f"{registry.reference('team/tiny:1')}@{image.digest}"
    done = embedded.run(reference, embedded.node(engine.unix_url))
    assert done["state"] == "succeeded", done
    assert done["digest"] == image.digest == repo_digest(engine, registry.reference("team/tiny:1"))


def test_many_small_layers(embedded: PullBed, engine: RealEngine, registries: Registries) -> None:
    engine.wipe()
    image = registries.open.image("team/many:1")
    pk = embedded.pull(registries.open.reference("team/many:1"), embedded.node(engine.tcp_url))
    watch = embedded.watch(pk)
    done = watch.until()
    assert done["state"] == "succeeded", done
    assert_truthful(watch.snapshots, total=image.compressed_size)
    assert len(done["layers"]) == len(image.layers)


@pytest.mark.parametrize(
    ("image", "code"), [("team/armonly:1", "platform_missing"), ("team/armplain:1", "platform_mismatch")]
)
def test_another_platform_is_refused_before_a_byte_moves(
    embedded: PullBed, engine: RealEngine, registries: Registries, image: str, code: str
) -> None:
    engine.wipe()
    engine_pulls = engine.log().count("/images/create")
    done = embedded.run(registries.open.reference(image), embedded.node(engine.unix_url))
    assert (done["state"], done["error"]["code"], done["attempt"]) == ("failed", code, 1)
    assert done["error"]["cause"] and done["error"]["advice"]
    assert engine.references() == []
    assert engine.log().count("/images/create") == engine_pulls
