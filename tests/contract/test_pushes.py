"""Pushes: the fake promises only what a real engine keeps."""

from __future__ import annotations

import os

import pytest

from nodes.engine import CLASSIC, Engine, EngineRejected, PushEvent, RegistryAuth
from tests.contract.test_builds import BASE, TAG, built, spec
from tests.contract.worlds import Target, World
from tests.services.process import comes_to_rest, wait_until


def named(engine: Engine, source: Target, target: Target) -> int:
    """The source pulled and given the target's name; how many layers it has."""
    with engine.pull(source.repository, tag_or_digest=source.tag, auth=None) as stream:
        assert list(stream)
    engine.tag(source.reference, target.repository, target.tag)
    return len(source.layers)


def pushed(engine: Engine, target: Target, auth: RegistryAuth | None = None) -> tuple[list[PushEvent], str, int]:
    with engine.push(target.repository, tag=target.tag, auth=auth) as stream:
        return [event for event in stream if event is not None], stream.digest, stream.size


def refused(engine: Engine, target: Target, auth: RegistryAuth | None = None) -> EngineRejected:
    with (
        engine.push(target.repository, tag=target.tag, auth=auth) as stream,
        pytest.raises(EngineRejected) as error,
    ):
        list(stream)
    assert stream.digest == ""
    return error.value


def layers(events: list[PushEvent], status: str) -> set[str]:
    return {event.layer for event in events if event.status == status}


def test_what_was_pushed_is_in_the_registry(world: World) -> None:
    """With a layer that no registry can have; an engine remembers what it has seen where, beyond the images."""
    target = world.fresh(private=True)
    with world.connect() as engine:
        wanted = spec(CLASSIC, world.open("team/tiny:1"))
        built(engine, wanted, BASE + "COPY file /file\n", file=os.urandom(3_000_000))
        engine.tag(TAG, target.repository, target.tag)
        events, digest, size = pushed(engine, target, world.login)
        there = engine.distribution(target.reference, auth=world.login)
        image = engine.inspect_image(target.reference)
    assert digest == there.digest and size > 0
    assert image is not None and f"{target.repository}@{digest}" in image.repo_digests
    assert events[0].layer == ""
    assert len(layers(events, "Preparing")) == len(image.diff_ids)
    new = {event.layer for event in events if event.status == "Pushing" and event.total and event.current is not None}
    assert new and new <= layers(events, "Pushed") <= layers(events, "Preparing")


def test_layers_that_are_there_already(world: World) -> None:
    target = world.fresh(private=True)
    with world.connect() as engine:
        count = named(engine, world.open("team/mid:1"), target)
        _, first, _ = pushed(engine, target, world.login)
        events, second, _ = pushed(engine, target, world.login)
    assert first == second
    assert len(layers(events, "Layer already exists")) == count
    assert not layers(events, "Pushed")


def test_layers_of_another_repository_of_the_registry(world: World) -> None:
    target = world.fresh()
    with world.connect() as engine:
        count = named(engine, world.open("team/mid:1"), target)
        events, digest, _ = pushed(engine, target)
    assert digest
    assert len({event.layer for event in events if event.status.startswith("Mounted from ")}) == count


def test_without_rights(world: World) -> None:
    target = world.fresh(private=True)
    with world.connect() as engine:
        named(engine, world.open("team/tiny:1"), target)
        nobody = refused(engine, target)
        wrong = refused(engine, target, RegistryAuth(world.login.username, "not the password"))
        with pytest.raises(EngineRejected):
            engine.distribution(target.reference, auth=world.login)
    assert (nobody.status, nobody.evidence) == (None, "no basic auth credentials")
    assert (wrong.status, wrong.evidence) == (None, "unauthorized: authentication required")


def test_an_image_that_is_not_there(world: World) -> None:
    target, other = world.fresh(), world.fresh()
    with world.connect() as engine:
        named(engine, world.open("team/tiny:1"), other)
        missing = refused(engine, target)
        untagged = refused(engine, Target(other.repository, "2"))
    assert missing.evidence == f"An image does not exist locally with the tag: {target.repository}"
    assert untagged.evidence == f"tag does not exist: {other.repository}:2"


def test_a_registry_that_is_gone(world: World) -> None:
    target = Target("127.0.0.1:1/me/app", "1")
    with world.connect() as engine:
        named(engine, world.open("team/tiny:1"), target)
        error = refused(engine, target)
    assert error.status is None and error.evidence.endswith("connect: connection refused")


def test_closing_stops_the_upload(world: World) -> None:
    target = world.stalled()
    with world.connect() as engine:
        named(engine, world.open("team/mid:1"), target)
        stream = engine.push(target.repository, tag=target.tag, auth=None)
        next(event for event in stream if event and event.status == "Preparing")
        wait_until("the upload", world.uploads)
        stream.close()
        assert list(stream) == [] and stream.digest == ""
        world.go_on()
        comes_to_rest("the upload", world.uploads)
        with pytest.raises(EngineRejected, match="manifest unknown"):
            engine.distribution(target.reference, auth=None)
