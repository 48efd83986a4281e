"""Builds by a real engine when something breaks, and what must never stay on a node."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nodes.engine import BUILDKIT, CLASSIC, Engine, EngineEndpoint, EngineError, EngineRejected, RegistryAuth, connect
from tests.contract.test_builds import BASE, OUTPUT, TAG, both, built, context, spec
from tests.contract.test_real_pulls import endpoints
from tests.contract.worlds import Target
from tests.services.process import processes_with, wait_until

if TYPE_CHECKING:
    from tests.services.engine import RealEngine
    from tests.services.registries import Registries

pytestmark = pytest.mark.real
every_way = pytest.mark.parametrize("way", ["unix", "tcp", "tls"])
SECRET = b"a-secret-that-nobody-may-find"


def private(registries: Registries) -> tuple[Target, dict[str, RegistryAuth]]:
    registry = registries.basic
    auths = {registry.address: RegistryAuth("puller", registry.users["puller"])}
    return Target(f"{registry.address}/team/mid", "1"), auths


def base(registries: Registries) -> Target:
    return Target(f"{registries.open.address}/team/tiny", "1")


def until_ready(engine: Engine, registries: Registries, builder: str, words: str) -> Any:
    """A build in which a program runs that was started with these words, and would run for long."""
    wanted = spec(builder, base(registries), no_cache=True)
    stream = engine.build_image(wanted, context(BASE + f"RUN echo ready && {words}\n"))
    next(event for event in stream if event and event.text == "ready")
    wait_until("the step's program", lambda: processes_with(words))
    return stream


@every_way
def test_credentials_and_secrets_on_every_kind_of_connection(
    engine: RealEngine, registries: Registries, way: str
) -> None:
    engine.wipe()
    target, auths = private(registries)
    wanted = spec(BUILDKIT, target, auths=auths, secrets={"token": SECRET})
    with connect(endpoints(engine)[way]) as connection:
        events, image = built(connection, wanted, BASE + "RUN --mount=type=secret,id=token cat /run/secrets/token\n")
    assert image and SECRET.decode() in "".join(event.text for event in events if event.kind == OUTPUT)


@both
@every_way
def test_close_stops_the_engine_on_every_kind_of_connection(
    engine: RealEngine, registries: Registries, builder: str, way: str
) -> None:
    engine.wipe()
    words = f"sleep 8639{['unix', 'tcp', 'tls'].index(way)}"
    with connect(endpoints(engine)[way]) as connection:
        stream = until_ready(connection, registries, builder, words)
        stream.close()
        wait_until("the program to end", lambda: not processes_with(words))
        wait_until("the container to go", lambda: connection.list_containers(labels={}) == [])


def test_nothing_of_credentials_and_secrets_stays(engine: RealEngine, registries: Registries) -> None:
    engine.wipe()
    target, auths = private(registries)
    wanted = spec(BUILDKIT, target, auths=auths, secrets={"token": SECRET})
    with connect(EngineEndpoint(engine.unix_url)) as connection:
        _, image = built(
            connection, wanted, BASE + "RUN --mount=type=secret,id=token cp /run/secrets/token /dev/null\n"
        )
        with connection.save_image(image) as saved:
            archive = b"".join(saved.chunks())
        classic = spec(CLASSIC, target, auths=auths, pull=True, no_cache=True)
        assert built(connection, classic, BASE + "RUN echo again\n")[1]
    history = engine.get(f"/images/{image}/history")
    assert "cp /run/secrets/token" in str(history)
    hidden = (SECRET, auths[registries.basic.address].password.encode())
    for words in hidden:
        assert words not in archive and words.decode() not in str(history)
        assert not list(files_with(engine.files.directory, words)), "on the node"


def files_with(directory: Path, words: bytes) -> list[str]:
    """Below the directory, containers' file systems included."""
    found = []
    for place, _, names in os.walk(directory):
        for path in (Path(place, name) for name in names):
            if path.is_file() and not path.is_symlink() and words in path.read_bytes():
                found.append(str(path))
    return found


@pytest.mark.parametrize(("builder", "way"), [(CLASSIC, "unix"), (BUILDKIT, "tls")])
def test_an_engine_killed_in_the_middle_of_a_build(
    own_engine: Callable[..., RealEngine], registries: Registries, builder: str, way: str
) -> None:
    engine = own_engine()
    with connect(endpoints(engine)[way]) as connection:
        stream = until_ready(connection, registries, builder, "sleep 86393")
        engine.kill9()
        with pytest.raises(EngineError) as error:
            list(stream)
    assert (error.value.code, error.value.transient) == ("engine_gone", True)
    assert not isinstance(error.value, EngineRejected)


@both
def test_a_connection_that_breaks_in_the_middle_of_a_build(
    module_engine: RealEngine, registries: Registries, builder: str
) -> None:
    words = "sleep 86394"
    with connect(EngineEndpoint(module_engine.tcp_url)) as connection:
        stream = until_ready(connection, registries, builder, words)
        module_engine.link.drop()
        with pytest.raises(EngineError) as error:
            list(stream)
    assert (error.value.code, error.value.transient) == ("engine_gone", True)
    wait_until("the program to end", lambda: not processes_with(words))


def test_an_unreachable_engine_is_noticed_by_the_iteration(own_engine: Callable[..., RealEngine]) -> None:
    engine = own_engine()
    with connect(EngineEndpoint(engine.unix_url)) as connection:
        engine.kill9()
        for builder in (CLASSIC, BUILDKIT):
            with (
                connection.build_image(spec(builder), context("FROM scratch\n")) as stream,
                pytest.raises(EngineError) as error,
            ):
                list(stream)
            assert error.value.transient and error.value.code in ("engine_refused", "engine_gone")


def test_the_containers_of_a_classic_builder_are_limited(engine: RealEngine, registries: Registries) -> None:
    engine.wipe()
    wanted = spec(CLASSIC, base(registries), memory_bytes=200_000_000, cpus=0.5, no_cache=True)
    with connect(EngineEndpoint(engine.unix_url)) as connection:
        stream = connection.build_image(wanted, context(BASE + "RUN echo ready && sleep 86395\n"))
        next(event for event in stream if event and event.text == "ready")
        [container] = engine.get("/containers/json?all=1")
        limits = engine.get(f"/containers/{container['Id']}/json")["HostConfig"]
        stream.close()
        wait_until("the container to go", lambda: connection.list_containers(labels={}) == [])
    assert (limits["Memory"], limits["CpuQuota"] / limits["CpuPeriod"]) == (200_000_000, 0.5)


def test_a_frontend_that_is_not_to_be_had(engine: RealEngine, registries: Registries) -> None:
    """The first line makes BuildKit fetch an image that reads the rest."""
    engine.wipe()
    wanted = spec(BUILDKIT, base(registries))
    with (
        connect(EngineEndpoint(engine.unix_url)) as connection,
        connection.build_image(wanted, context("# syntax=docker/dockerfile:1\n" + BASE)) as stream,
        pytest.raises(EngineRejected, match="docker/dockerfile"),
    ):
        list(stream)


def test_what_a_build_made_can_be_pushed_and_pulled(
    engine: RealEngine, registries: Registries, own_engine: Callable[..., RealEngine]
) -> None:
    engine.wipe()
    registry = registries.basic
    repository, auth = f"{registry.address}/me/whole-way", RegistryAuth("pusher", registry.users["pusher"])
    wanted = spec(BUILDKIT, base(registries))
    with connect(EngineEndpoint(engine.unix_url)) as connection:
        _, image = built(connection, wanted, BASE + "COPY file /file\n", file=b"of the context")
        connection.tag(TAG, repository, "1")
        with connection.push(repository, tag="1", auth=auth) as pushing:
            list(pushing)
    with connect(EngineEndpoint(own_engine().unix_url)) as other:
        with other.pull(repository, tag_or_digest=pushing.digest, auth=auth) as pulling:
            list(pulling)
        found = other.inspect_image(f"{repository}@{pushing.digest}")
    assert found is not None and found.id == image
