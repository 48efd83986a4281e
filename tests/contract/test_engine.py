"""What every `Engine` does: the same bodies for a real engine and for the fake."""

from __future__ import annotations

import threading

import pytest

from nodes.engine import Engine, EngineRejected, PullEvent, RegistryAuth
from tests.contract.worlds import Target, World
from tests.services.process import comes_to_rest


def pull(engine: Engine, target: Target, auth: RegistryAuth | None = None) -> tuple[list[PullEvent], str, str]:
    """Pull to the end: the events, the digest, the status line."""
    with engine.pull(target.repository, tag_or_digest=target.tag, auth=auth) as stream:
        return [event for event in stream if event is not None], stream.digest, stream.status_line


def test_describes_itself(world: World) -> None:
    with world.connect() as engine:
        assert 0 < engine.ping() < 5
        info = engine.info()
    assert info.platform == "linux/amd64"
    assert info.name and info.engine_version and info.api_version and info.storage_driver and info.data_root
    assert info.cpus > 0 and info.memory_bytes > 100_000_000
    assert info.images == 0 and info.containers_running == 0


def test_knows_no_image_at_first(world: World) -> None:
    with world.connect() as engine:
        assert engine.list_images() == []
        assert engine.image_layers() == []
        assert engine.inspect_image(world.open("team/mid:1").reference) is None
        assert engine.remove_image(world.open("team/mid:1").reference) is False


def test_a_pull_tells_every_layer_and_ends_with_digest_and_status(world: World) -> None:
    target = world.open("team/mid:1")
    with world.connect() as engine:
        events, digest, status = pull(engine, target)
        image = engine.inspect_image(target.reference)
    assert digest == target.digest
    assert status.startswith("Downloaded newer image for ")
    assert events[0] == PullEvent("Pulling from team/mid")
    assert {event.layer for event in events} - {""} == set(target.layers)
    complete = [event.layer for event in events if event.status == "Pull complete"]
    assert complete == list(target.layers)
    assert image is not None
    assert f"{target.repository}@{target.digest}" in image.repo_digests
    assert image.repo_tags == (target.reference,)
    assert (image.os, image.architecture, len(image.diff_ids)) == ("linux", "amd64", len(target.layers))


def test_progress_counts_the_bytes_of_the_manifest(world: World) -> None:
    target = world.open("team/mid:1")
    with world.connect() as engine:
        events, _, _ = pull(engine, target)
    totals = {event.layer: event.total for event in events if event.total is not None}
    assert totals.items() <= dict(zip(target.layers, target.sizes, strict=True)).items()
    assert totals, "no event with a total"
    assert all(event.current <= event.total for event in events if event.current is not None and event.total)


def test_pulling_again_finds_it_up_to_date(world: World) -> None:
    target = world.open("team/tiny:1")
    with world.connect() as engine:
        pull(engine, target)
        events, digest, status = pull(engine, target)
    assert digest == target.digest
    assert status.startswith("Image is up to date for ")
    assert [event for event in events if event.layer] == []


def test_shared_layers_already_exist(world: World) -> None:
    first, second = world.open("team/mid:1"), world.open("team/mid:2")
    with world.connect() as engine:
        pull(engine, first)
        events, _, _ = pull(engine, second)
        chains = engine.image_layers()
    reused = [event.layer for event in events if event.status == "Already exists"]
    assert reused == [layer for layer in second.layers if layer in first.layers]
    assert len(reused) == 4
    assert sorted(len(chain) for chain in chains) == [5, 5]
    assert chains[0][:4] == chains[1][:4] and chains[0] != chains[1]


def test_pull_by_digest(world: World) -> None:
    target = world.open("team/tiny:1")
    with world.connect() as engine:
        _, digest, status = pull(engine, Target(target.repository, target.digest))
        image = engine.inspect_image(f"{target.repository}@{target.digest}")
    assert digest == target.digest and status
    assert image is not None


def test_a_missing_tag_is_refused_with_404(world: World) -> None:
    with world.connect() as engine, pytest.raises(EngineRejected) as refusal:
        pull(engine, world.open("team/mid:nosuch"))
    assert refusal.value.status == 404
    assert "manifest unknown" in refusal.value.evidence
    assert refusal.value.code == "engine_rejected"


def test_a_private_image_needs_credentials(world: World) -> None:
    target = world.private()
    with world.connect() as engine:
        with pytest.raises(EngineRejected) as nobody:
            pull(engine, target)
        with pytest.raises(EngineRejected) as wrong:
            pull(engine, target, RegistryAuth(world.login.username, "wr0ng-password"))
        assert engine.inspect_image(target.reference) is None
        _, digest, _ = pull(engine, target, world.login)
    assert (nobody.value.status, wrong.value.status) == (500, 500)
    assert "no basic auth credentials" in nobody.value.evidence
    assert "unauthorized" in wrong.value.evidence
    assert "wr0ng-password" not in str(wrong.value)
    assert digest == target.digest


def test_credentials_are_good_for_one_pull_only(world: World) -> None:
    target = world.private()
    with world.connect() as engine:
        pull(engine, target, world.login)
        engine.remove_image(target.reference)
        with pytest.raises(EngineRejected, match="no basic auth credentials"):
            pull(engine, target)


def test_a_broken_layer_is_an_error_inside_the_stream(world: World) -> None:
    target = world.open("team/broken:1")
    seen: list[PullEvent | None] = []
    with (
        world.connect() as engine,
        engine.pull(target.repository, tag_or_digest=target.tag, auth=None) as stream,
        pytest.raises(EngineRejected) as error,
    ):
        for event in stream:
            seen.append(event)
    assert error.value.status is None
    assert "unknown blob" in error.value.evidence
    assert seen[0] == PullEvent("Pulling from team/broken")
    assert stream.status_line == ""
    with world.connect() as engine:
        assert engine.inspect_image(target.reference) is None


def test_close_stops_the_download(world: World) -> None:
    target = world.slow()
    with world.connect() as engine:
        stream = engine.pull(target.repository, tag_or_digest=target.tag, auth=None)
        next(event for event in stream if event and event.status == "Downloading")
        stream.close()
        stream.close()
        assert list(stream) == []
        comes_to_rest("the download", world.delivered)
        assert engine.inspect_image(target.reference) is None


def test_close_from_another_thread_ends_the_iteration(world: World) -> None:
    target = world.slow()
    with world.connect() as engine, engine.pull(target.repository, tag_or_digest=target.tag, auth=None) as stream:
        next(event for event in stream if event and event.status == "Downloading")
        threading.Timer(0.3, stream.close).start()
        for _ in stream:
            pass
    assert stream.status_line == "", "it did not wait for the image"


def test_the_end_of_a_connection_ends_its_pulls(world: World) -> None:
    target = world.slow()
    with world.connect() as engine:
        stream = engine.pull(target.repository, tag_or_digest=target.tag, auth=None)
        next(event for event in stream if event and event.status == "Downloading")
    comes_to_rest("the download", world.delivered)
    assert list(stream) == []
    with world.connect() as engine:
        assert engine.inspect_image(target.reference) is None


def test_names(world: World) -> None:
    target = world.open("team/tiny:1")
    with world.connect() as engine:
        pull(engine, target)
        engine.tag(target.reference, "example.test/other/name", "9")
        names = {name for image in engine.list_images() for name in image.repo_tags}
        assert names == {target.reference, "example.test/other/name:9"}
        assert engine.remove_image("example.test/other/name:9") is True
        assert [image.repo_tags for image in engine.list_images()] == [(target.reference,)]
        assert engine.remove_image(target.reference) is True
        assert engine.list_images() == []


def test_tagging_what_is_not_there_is_refused(world: World) -> None:
    with world.connect() as engine, pytest.raises(EngineRejected) as refusal:
        engine.tag("example.test/no/image:1", "example.test/other", "1")
    assert refusal.value.status == 404


def test_distribution_asks_the_registry(world: World) -> None:
    target = world.private()
    with world.connect() as engine:
        found = engine.distribution(target.reference, auth=world.login)
        with pytest.raises(EngineRejected) as refusal:
            engine.distribution(target.reference, auth=None)
        with pytest.raises(EngineRejected) as missing:
            engine.distribution(world.open("team/mid:nosuch").reference, auth=None)
    assert found.digest == target.digest
    assert found.platforms == ("linux/amd64",)
    assert "no basic auth credentials" in refusal.value.evidence
    assert missing.value.status == 404


def test_disk_space(world: World) -> None:
    with world.connect() as engine:
        pull(engine, world.open("team/tiny:1"))
        space = engine.disk_free()
    assert space is not None
    assert 0 < space.free <= space.total
