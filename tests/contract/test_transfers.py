"""Images out of an engine and into it: the fake promises only what a real engine keeps."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from nodes.engine import Engine, EngineError, EngineRejected
from tests.contract.worlds import Target, World


def pulled(engine: Engine, target: Target) -> None:
    with engine.pull(target.repository, tag_or_digest=target.tag, auth=None) as stream:
        assert list(stream)


def archive(engine: Engine, reference: str) -> bytes:
    with engine.save_image(reference) as saved:
        return b"".join(saved.chunks())


def test_what_was_saved_can_be_loaded(world: World) -> None:
    target = world.open("team/mid:1")
    with world.connect() as engine:
        pulled(engine, target)
        before = engine.inspect_image(target.reference)
        data = archive(engine, target.reference)
        assert before is not None and engine.remove_image(before.id, force=True)
        assert engine.inspect_image(target.reference) is None
        chunks = (data[start : start + 50_000] for start in range(0, len(data), 50_000))
        with engine.load_image(chunks) as loading:
            events = [event for event in loading if event is not None]
        after = engine.inspect_image(target.reference)
    assert [event.loaded for event in events if event.loaded] == [target.reference]
    assert sum(event.status == "Loading layer" and bool(event.layer) for event in events) >= len(before.diff_ids)
    assert after is not None
    assert (after.id, after.diff_ids, after.platform) == (before.id, before.diff_ids, "linux/amd64")
    assert (after.environment, after.command) == (before.environment, before.command)


def test_an_image_that_is_not_there(world: World) -> None:
    with (
        world.connect() as engine,
        engine.save_image("nosuch.example.com/app:1") as saved,
        pytest.raises(EngineRejected) as error,
    ):
        list(saved.chunks())
    assert error.value.status == 404


@pytest.mark.parametrize("rubbish", [b"no archive at all", b"\0" * 10240, b""])
def test_what_is_no_archive(world: World, rubbish: bytes) -> None:
    with (
        world.connect() as engine,
        engine.load_image(iter([rubbish])) as loading,
        pytest.raises(EngineRejected) as error,
    ):
        list(loading)
    assert error.value.evidence


def test_half_an_archive(world: World) -> None:
    target = world.open("team/mid:1")
    with world.connect() as engine:
        pulled(engine, target)
        data = archive(engine, target.reference)
        image = engine.inspect_image(target.reference)
        assert image is not None and engine.remove_image(image.id, force=True)
        with (
            engine.load_image(iter([data[: len(data) // 2]])) as loading,
            pytest.raises(EngineRejected) as error,
        ):
            list(loading)
        assert error.value.evidence
        assert engine.inspect_image(target.reference) is None


def test_what_the_source_raises_comes_out(world: World) -> None:
    lost = EngineError("engine_gone", "the source hung up")

    def chunks() -> Iterator[bytes]:
        yield b"\0" * 1000
        raise lost

    with world.connect() as engine, engine.load_image(chunks()) as loading, pytest.raises(EngineError) as error:
        list(loading)
    assert error.value is lost


def test_closing_stops_the_engine_that_gives(world: World) -> None:
    target = world.open("team/mid:1")
    with world.connect() as engine:
        pulled(engine, target)
        saved = engine.save_image(target.reference)
        chunks = saved.chunks()
        assert next(chunks)
        saved.close()
        assert sum(map(len, _until_broken(chunks))) < 10_000_000
        engine.ping()


def test_closing_ends_whoever_waits_for_the_engine_that_takes(world: World) -> None:
    more = threading.Event()

    def chunks() -> Iterator[bytes]:
        yield b"\0" * 1000
        more.wait(60)

    with world.connect() as engine:
        loading = engine.load_image(chunks())
        assert next(loading) is None
        loading.close()
        assert list(loading) == []
        more.set()
        engine.ping()


def _until_broken(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """A connection that is broken under its reader ends, or says that it is gone."""
    try:
        yield from chunks
    except EngineError as error:
        assert error.code == "engine_gone"
