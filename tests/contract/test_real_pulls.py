"""Pulls from a real engine when something breaks, and what never leaves the worker's account."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nodes.engine import EngineEndpoint, EngineError, EngineRejected, PullStream, connect
from nodes.engine.pull_stream import TICK
from tests.services.process import comes_to_rest, wait_until

if TYPE_CHECKING:
    from tests.services.engine import RealEngine
    from tests.services.registries import Registries

pytestmark = pytest.mark.real


def until_downloading(stream: PullStream) -> None:
    next(event for event in stream if event and event.status == "Downloading")


def endpoints(engine: RealEngine) -> dict[str, EngineEndpoint]:
    pems = {"ca_cert": engine.pem("ca"), "client_cert": engine.pem("client_cert")}
    tls = EngineEndpoint(engine.tls_url, use_tls=True, client_key=engine.pem("client_key"), **pems)
    return {"unix": EngineEndpoint(engine.unix_url), "tcp": EngineEndpoint(engine.tcp_url), "tls": tls}


@pytest.mark.parametrize("way", ["unix", "tcp", "tls"])
def test_close_stops_the_download_on_every_kind_of_connection(
    engine: RealEngine, registries: Registries, fault_proxy: Callable[..., Any], way: str
) -> None:
    engine.wipe()
    proxy = fault_proxy(registries.open)
    proxy.limit(1_000_000)
    with connect(endpoints(engine)[way]) as connection:
        stream = connection.pull(f"{proxy.address}/team/mid", tag_or_digest="1", auth=None)
        until_downloading(stream)
        stream.close()
        comes_to_rest("the download", proxy.sent)
        assert connection.inspect_image(f"{proxy.address}/team/mid:1") is None


@pytest.mark.parametrize("way", ["unix", "tcp", "tls"])
def test_an_engine_killed_in_the_middle_of_a_pull(
    module_engine: RealEngine, registries: Registries, fault_proxy: Callable[..., Any], way: str
) -> None:
    engine = module_engine
    proxy = fault_proxy(registries.open)
    proxy.limit(1_000_000)
    with (
        connect(endpoints(engine)[way]) as connection,
        connection.pull(f"{proxy.address}/team/mid", tag_or_digest="1", auth=None) as stream,
    ):
        until_downloading(stream)
        engine.kill9()
        try:
            with pytest.raises(EngineError) as error:
                list(stream)
        finally:
            engine.start()
    assert (error.value.code, error.value.transient) == ("engine_gone", True)
    assert not isinstance(error.value, EngineRejected)


def test_a_connection_that_breaks_in_the_middle_of_a_pull(
    module_engine: RealEngine, registries: Registries, fault_proxy: Callable[..., Any]
) -> None:
    proxy = fault_proxy(registries.open)
    proxy.limit(1_000_000)
    with (
        connect(EngineEndpoint(module_engine.tcp_url)) as connection,
        connection.pull(f"{proxy.address}/team/mid", tag_or_digest="1", auth=None) as stream,
    ):
        until_downloading(stream)
        module_engine.link.drop()
        with pytest.raises(EngineError) as error:
            list(stream)
    assert (error.value.code, error.value.transient) == ("engine_gone", True)


@pytest.mark.parametrize("way", ["unix", "tcp", "tls"])
def test_a_registry_that_stalls_before_the_first_byte(
    engine: RealEngine, registries: Registries, fault_proxy: Callable[..., Any], way: str
) -> None:
    """The engine answers the request only once it has the manifest: nothing to close yet, in the SDK's way."""
    engine.wipe()
    proxy = fault_proxy(registries.open)
    proxy.stall(match="/manifests/")
    with connect(endpoints(engine)[way]) as connection:
        stream = connection.pull(f"{proxy.address}/team/mid", tag_or_digest="1", auth=None)
        started = time.monotonic()
        assert [next(stream) for _ in range(3)] == [None, None, None]
        assert time.monotonic() - started > 2.8 * TICK
        stream.close()
        wait_until("the reader to end", lambda: "engine-pull" not in {one.name for one in threading.enumerate()})
        assert list(stream) == []
        connection.ping()


def test_a_pull_has_no_time_limit_of_its_own(
    engine: RealEngine, registries: Registries, fault_proxy: Callable[..., Any]
) -> None:
    engine.wipe()
    proxy = fault_proxy(registries.open)
    proxy.stall(after=2000, seconds=8)
    with (
        connect(EngineEndpoint(engine.unix_url), timeout=4) as connection,
        connection.pull(f"{proxy.address}/team/tiny", tag_or_digest="1", auth=None) as stream,
    ):
        ticks = sum(event is None for event in stream)
    assert ticks >= 3
    assert stream.status_line.startswith("Downloaded newer image")


def test_an_unreachable_engine_is_noticed_by_the_iteration(own_engine: Callable[..., RealEngine]) -> None:
    engine = own_engine()
    with connect(EngineEndpoint(engine.unix_url)) as connection:
        engine.kill9()
        with (
            connection.pull("127.0.0.1:1/team/mid", tag_or_digest="1", auth=None) as stream,
            pytest.raises(EngineError) as error,
        ):
            list(stream)
    assert error.value.code in ("engine_refused", "engine_gone")  # the last threads of dockerd may still be ending
    assert error.value.transient


@pytest.mark.parametrize(
    "config",
    [
        {"auths": {"HOST": {"auth": base64.b64encode(b"puller:pull-s3cret").decode()}}},
        {"auths": {"HOST": {"auth": "no base64"}}},
        {"credsStore": "no-such-helper", "credHelpers": {"HOST": "no-such-helper"}},
        {"HttpHeaders": {"X-Registry-Auth": "e30K", "Host": "elsewhere"}, "proxies": {"default": {"httpProxy": "x"}}},
        ["not an object"],
    ],
    ids=["login", "broken login", "helpers", "headers", "garbage"],
)
def test_the_docker_configuration_of_the_account_is_never_used(
    engine: RealEngine, registries: Registries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: object
) -> None:
    engine.wipe()
    address = registries.basic.address
    text = json.dumps(config).replace("HOST", address)
    (tmp_path / ".docker").mkdir()
    for path in (tmp_path / "config.json", tmp_path / ".docker" / "config.json"):
        path.write_text(text)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    with (
        connect(EngineEndpoint(engine.unix_url)) as connection,
        connection.pull(f"{address}/team/mid", tag_or_digest="1", auth=None) as stream,
        pytest.raises(EngineRejected, match="no basic auth credentials"),
    ):
        list(stream)


def test_no_matching_platform(engine: RealEngine, registries: Registries) -> None:
    repository, _, tag = registries.open.reference("team/armonly:1").rpartition(":")
    with (
        connect(EngineEndpoint(engine.unix_url)) as connection,
        connection.pull(repository, tag_or_digest=tag, auth=None) as stream,
        pytest.raises(EngineRejected, match="no matching manifest for linux/amd64"),
    ):
        list(stream)


def test_the_platform_of_a_pull(engine: RealEngine, registries: Registries) -> None:
    engine.wipe()
    repository, _, tag = registries.open.reference("team/multi:1").rpartition(":")
    with connect(EngineEndpoint(engine.unix_url)) as connection:
        with connection.pull(repository, tag_or_digest=tag, auth=None, platform="linux/arm64") as stream:
            list(stream)
        image = connection.inspect_image(f"{repository}:{tag}")
        platforms = connection.distribution(f"{repository}:{tag}", auth=None).platforms
    assert image is not None and image.architecture == "arm64"
    assert set(platforms) == {"linux/amd64", "linux/arm64/v8"}
