"""Builds: the fake promises only what a real engine keeps, with either builder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from nodes.engine import (
    BUILDKIT,
    CLASSIC,
    BuildEvent,
    BuildEventKind,
    BuildSpec,
    Engine,
    EngineError,
    EngineRejected,
    RegistryAuth,
)
from tests.contract.worlds import Target, World
from tests.services.process import wait_until
from tests.support.fake_transfers import tar_of

STEP, OUTPUT, CACHED, DONE, FAILED = (
    getattr(BuildEventKind, name) for name in ("STEP", "OUTPUT", "CACHED", "DONE", "FAILED")
)
TAG = "registry.test/me/app:1"
BASE = "ARG BASE\nFROM ${BASE}\n"
both = pytest.mark.parametrize("builder", [CLASSIC, BUILDKIT])


def spec(builder: str, base: Target | None = None, **more: Any) -> BuildSpec:
    """In the network of the machine: the engines of the tests have none of their own."""
    arguments = {"BASE": base.reference} if base else {}
    return BuildSpec(TAG, **{"builder": builder, "network": "host", "arguments": arguments, **more})


def context(dockerfile: str, **files: bytes) -> Iterator[bytes]:
    data = tar_of({"Dockerfile": dockerfile.encode(), **files})
    return iter([data[start : start + 1000] for start in range(0, len(data), 1000)])


def built(engine: Engine, wanted: BuildSpec, dockerfile: str, **files: bytes) -> tuple[list[BuildEvent], str]:
    with engine.build_image(wanted, context(dockerfile, **files)) as stream:
        return [event for event in stream if event is not None], stream.image_id


def refused(engine: Engine, wanted: BuildSpec, dockerfile: str) -> tuple[list[BuildEvent], EngineRejected]:
    events = []
    with (
        engine.build_image(wanted, context(dockerfile)) as stream,
        pytest.raises(EngineRejected) as error,
    ):
        for event in stream:
            events += [event] if event else []
    assert error.value.evidence and not stream.image_id
    return events, error.value


def the_step(events: list[BuildEvent], words: str) -> int:
    return next(event.step for event in events if event.kind == STEP and words in event.text)


def of(events: list[BuildEvent], step: int) -> list[BuildEvent]:
    return [event for event in events if event.step == step]


def test_an_engine_prefers_one_of_two_builders(world: World) -> None:
    with world.connect() as engine:
        assert engine.preferred_builder in (CLASSIC, BUILDKIT)
        events, image = built(engine, spec("", world.open("team/tiny:1")), BASE + "RUN echo hello\n")
    assert image and any(event.text == "hello" for event in events)


@both
def test_a_build(world: World, builder: str) -> None:
    base = world.open("team/tiny:1")
    labels = {"org.example.revision": "abc123", "with space": "a = 'b'"}
    with world.connect() as engine:
        events, image = built(
            engine, spec(builder, base, labels=labels), BASE + "RUN echo one && echo two\nCOPY file /file\n", file=b"1"
        )
        found, same = engine.inspect_image(TAG), engine.inspect_image(image)
    assert found is not None and same is not None and found.id == same.id
    assert re.fullmatch("sha256:[0-9a-f]{64}", image)
    assert found.repo_tags == (TAG,) and found.platform == "linux/amd64"
    assert found.labels == labels
    assert len(found.diff_ids) in (2, 3)  # a step that changes nothing may have no layer
    run = of(events, the_step(events, "RUN echo one && echo two"))
    assert [event.kind for event in run] == [STEP, OUTPUT, OUTPUT, DONE]
    assert [event.text for event in run if event.kind == OUTPUT] == ["one", "two"]
    assert run[-1].seconds is not None and 0 <= run[-1].seconds < 60
    begun = list(dict.fromkeys(event.step for event in events if event.kind == STEP))
    assert begun == list(range(1, len(begun) + 1)), "numbered as they begin"
    assert begun == sorted({event.step for event in events if event.kind == DONE}), "each has ended"
    assert all(event.steps is not None and event.step <= event.steps for event in events if event.kind == STEP)


@both
def test_the_second_build_finds_what_the_first_made(world: World, builder: str) -> None:
    base = world.open("team/tiny:1")
    with world.connect() as engine:
        _, first = built(engine, spec(builder, base), BASE + "RUN echo same\n")
        events, second = built(engine, spec(builder, base), BASE + "RUN echo same\n")
        afresh, _ = built(engine, spec(builder, base, no_cache=True), BASE + "RUN echo same\n")
    assert first == second
    again = of(events, the_step(events, "RUN echo same"))
    assert [event.kind for event in again] == [STEP, CACHED, DONE]
    assert OUTPUT in [event.kind for event in of(afresh, the_step(afresh, "RUN echo same"))]


@both
def test_a_base_image_is_fetched(world: World, builder: str) -> None:
    base = world.open("team/mid:1")
    with world.connect() as engine:
        events, _ = built(engine, spec(builder, base), BASE + "RUN echo fetched\n")
    sizes = dict(zip(base.layers, base.sizes, strict=True))
    told = {event.layer: event.total for event in events if event.layer in sizes and event.total}
    assert told and told.items() <= sizes.items()


@both
def test_a_step_that_fails(world: World, builder: str) -> None:
    with world.connect() as engine:
        events, error = refused(
            engine, spec(builder, world.open("team/tiny:1")), BASE + "RUN echo before && exit 3\nRUN echo never\n"
        )
        assert engine.inspect_image(TAG) is None
    assert error.status is None
    assert "echo before && exit 3" in error.evidence and re.search(r"code: 3$", error.evidence)
    run = of(events, the_step(events, "exit 3"))
    assert [event.kind for event in run] == [STEP, OUTPUT, FAILED]
    assert run[1].text == "before" and run[2].seconds is not None
    assert not any("never" in event.text for event in events if event.kind == OUTPUT)


@both
@pytest.mark.parametrize(
    ("dockerfile", "words"),
    [
        ("FROM scratch\nFRM x\n", "unknown instruction: FRM"),
        ("", "Dockerfile.* cannot be empty"),
    ],
    ids=["unknown instruction", "empty"],
)
def test_what_is_no_dockerfile(world: World, builder: str, dockerfile: str, words: str) -> None:
    with world.connect() as engine:
        _, error = refused(engine, spec(builder), dockerfile)
    assert re.search(words, error.evidence)


@both
def test_a_dockerfile_that_is_not_there(world: World, builder: str) -> None:
    with world.connect() as engine:
        _, error = refused(engine, spec(builder, dockerfile="other/Dockerfile"), "FROM scratch\n")
    assert "other/Dockerfile" in error.evidence


@both
def test_a_base_image_that_does_not_exist(world: World, builder: str) -> None:
    with world.connect() as engine:
        events, error = refused(engine, spec(builder, world.open("team/nosuch:1")), BASE)
    assert error.status is None and "not found" in error.evidence
    assert FAILED in [event.kind for event in events]


@both
def test_a_private_base_image(world: World, builder: str) -> None:
    base = world.private()
    host = base.repository.partition("/")[0]
    wrong = RegistryAuth(world.login.username, "not the password")
    with world.connect() as engine:
        for auths in ({}, {host: wrong}, {"other.example": world.login}):
            _, error = refused(engine, spec(builder, base, auths=auths), BASE)
            assert re.search("no basic auth credentials|authentication required|401 Unauthorized", error.evidence)
            assert wrong.password not in error.evidence
        assert built(engine, spec(builder, base, auths={host: world.login}), BASE + "RUN echo in\n")[1]


def test_a_secret_is_there_for_the_step_that_asks_for_it(world: World) -> None:
    with world.connect() as engine:
        wanted = spec(BUILDKIT, world.open("team/tiny:1"), secrets={"token": b"sesame" * 20_000})
        events, _ = built(engine, wanted, BASE + "RUN --mount=type=secret,id=token cat /run/secrets/token\n")
    assert "".join(event.text for event in events if event.kind == OUTPUT) == "sesame" * 20_000


def test_a_secret_that_nobody_gave(world: World) -> None:
    with world.connect() as engine:
        wanted = spec(BUILDKIT, world.open("team/tiny:1"), secrets={"other": b"sesame"})
        mount = "--mount=type=secret,id=token,required=true"
        _, error = refused(engine, wanted, BASE + f"RUN {mount} cat /run/secrets/token\n")
    assert "secret token" in error.evidence and "not found" in error.evidence


def test_a_classic_builder_has_no_secrets(world: World) -> None:
    with world.connect() as engine:
        wanted = spec(CLASSIC, world.open("team/tiny:1"), secrets={"token": b"sesame"})
        _, error = refused(engine, wanted, BASE + "RUN --mount=type=secret,id=token cat /run/secrets/token\n")
    assert "the --mount option requires BuildKit" in error.evidence


@both
def test_closing_stops_the_engine(world: World, builder: str) -> None:
    words = "sleep 86399"
    with world.connect() as engine:
        wanted = spec(builder, world.open("team/tiny:1"), no_cache=True)
        stream = engine.build_image(wanted, context(BASE + f"RUN echo ready && {words}\n"))
        next(event for event in stream if event and event.text == "ready")
        wait_until("the step's program", lambda: world.programs(words))
        stream.close()
        assert list(stream) == []
        wait_until("the step's program to end", lambda: not world.programs(words))
        wait_until("the step's container to go", lambda: engine.list_containers(labels={}) == [])
        assert engine.inspect_image(TAG) is None


@both
@pytest.mark.parametrize("failure", [ValueError("too big"), OSError("gone"), EngineError("engine_gone", "elsewhere")])
def test_what_the_context_raises_comes_out(world: World, builder: str, failure: Exception) -> None:
    def chunks() -> Iterator[bytes]:
        yield next(context("FROM scratch\n"))
        raise failure

    with (
        world.connect() as engine,
        engine.build_image(spec(builder), chunks()) as stream,
        pytest.raises(type(failure)) as error,
    ):
        list(stream)
    assert error.value is failure


@both
def test_what_is_no_context(world: World, builder: str) -> None:
    with (
        world.connect() as engine,
        engine.build_image(spec(builder), [b"no archive at all" * 100]) as stream,
        pytest.raises(EngineRejected) as error,
    ):
        list(stream)
    assert error.value.evidence


@both
def test_a_long_output_comes_whole(world: World, builder: str) -> None:
    files = {"lines": b"".join(b"line %d\n" % number for number in range(5000))}
    with world.connect() as engine:
        events, _ = built(
            engine, spec(builder, world.open("team/tiny:1")), BASE + "COPY lines /lines\nRUN cat /lines\n", **files
        )
    lines = [event.text for event in events if event.kind == OUTPUT]
    assert lines == [f"line {number}" for number in range(5000)]
