"""Ways of not reaching a real engine, each with its own code (docker-engine.md §4.1)."""

from __future__ import annotations

import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nodes.engine import EngineEndpoint, EngineError, connect
from tests.support.limits import at_most

if TYPE_CHECKING:
    from tests.services.engine import RealEngine

pytestmark = pytest.mark.real


@pytest.fixture
def tls(engine: RealEngine) -> EngineEndpoint:
    pems = {name: engine.pem(name) for name in ("client_cert", "client_key")}
    return EngineEndpoint(engine.tls_url, use_tls=True, ca_cert=engine.pem("ca"), **pems)


def failure(endpoint: EngineEndpoint, *, timeout: float = 60.0) -> EngineError:
    with pytest.raises(EngineError) as error, connect(endpoint, timeout=timeout):
        pass
    assert len(error.value.evidence) <= 500
    assert "BEGIN" not in error.value.evidence
    return error.value


def test_all_addresses_of_one_engine(engine: RealEngine, tls: EngineEndpoint) -> None:
    names = set()
    for endpoint in (EngineEndpoint(engine.unix_url), EngineEndpoint(engine.tcp_url), tls):
        with connect(endpoint) as connection:
            connection.ping()
            names.add(connection.info().name)
    assert len(names) == 1


@pytest.mark.parametrize("attempt", range(5))
def test_tls_no_client_certificate(tls: EngineEndpoint, attempt: int) -> None:
    error = failure(replace(tls, client_cert="", client_key=""))
    assert (error.code, error.transient) == ("engine_tls_client_certificate", False)


@pytest.mark.parametrize("attempt", range(10))  # the alert races with our request
def test_tls_client_certificate_of_a_stranger(engine: RealEngine, tls: EngineEndpoint, attempt: int) -> None:
    rogue = {"client_cert": engine.pem("rogue_client_cert"), "client_key": engine.pem("rogue_client_key")}
    assert failure(replace(tls, **rogue)).code == "engine_tls_client_certificate"


def test_tls_wrong_ca(engine: RealEngine, tls: EngineEndpoint) -> None:
    assert failure(replace(tls, ca_cert=engine.pem("rogue_ca"))).code == "engine_tls_wrong_ca"
    assert failure(replace(tls, ca_cert="")).code == "engine_tls_wrong_ca"


def test_tls_wrong_host_name(engine: RealEngine, tls: EngineEndpoint) -> None:
    assert failure(replace(tls, address=engine.wrong_host_url)).code == "engine_tls_wrong_host"


def test_plain_client_on_the_tls_port(tls: EngineEndpoint) -> None:
    assert failure(replace(tls, use_tls=False)).code == "engine_tls_expected"


def test_tls_client_on_the_plain_port(engine: RealEngine, tls: EngineEndpoint) -> None:
    assert failure(replace(tls, address=engine.tcp_url)).code == "engine_tls_unexpected"


def test_key_of_another_certificate(engine: RealEngine, tls: EngineEndpoint) -> None:
    assert failure(replace(tls, client_key=engine.pem("rogue_client_key"))).code == "engine_tls_key_invalid"


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_the_environment_does_not_matter(tls: EngineEndpoint, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    value = "/etc/ssl/certs/ca-certificates.crt" if name.endswith("BUNDLE") else "http://127.0.0.1:9"
    monkeypatch.setenv(name, value)
    with connect(tls) as connection:
        connection.ping()


def test_keys_are_in_no_file(tls: EngineEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even while connected: a process that is killed could not remove them."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    changed = tmp_path.stat().st_mtime_ns
    with connect(tls) as connection:
        connection.ping()
        assert not [path for path in _open_files() if "imagelib-tls" in path]
    failure(replace(tls, client_key="no key"))
    assert not [path for path in _open_files() if "imagelib-tls" in path]
    assert tmp_path.stat().st_mtime_ns == changed, "nothing was there in between"


def _open_files() -> list[str]:
    found = []
    for descriptor in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # the one that lists them
            found.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    return found


def test_refused() -> None:
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))  # bound, and nobody listens
        error = failure(EngineEndpoint(f"tcp://127.0.0.1:{unused.getsockname()[1]}"))
    assert (error.code, error.transient) == ("engine_refused", True)


@pytest.fixture
def black_hole() -> Iterator[str]:
    """A port that drops every SYN: its queue is full."""
    with closing(socket.socket()) as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
        time.sleep(0.1)
        yield f"127.0.0.1:{server.getsockname()[1]}"
        for filler in fillers:
            filler.close()


@pytest.mark.parametrize("scheme", ["tcp", "ssh"])
def test_black_hole_costs_one_timeout(black_hole: str, scheme: str) -> None:
    started = time.monotonic()
    error = failure(EngineEndpoint(f"{scheme}://{black_hole}"), timeout=6)
    assert (error.code, error.transient) == ("engine_timeout", True)
    assert 5.9 < time.monotonic() - started < 11, "not two of them"


def test_socket_missing_and_unused(tmp_path: Path) -> None:
    assert failure(EngineEndpoint(f"unix://{tmp_path}/docker.sock")).code == "engine_socket_missing"
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(str(tmp_path / "docker.sock"))
    assert failure(EngineEndpoint(f"unix://{tmp_path}/docker.sock")).code == "engine_refused"


def test_socket_permission(engine: RealEngine) -> None:
    code = _as_nobody(lambda: failure(EngineEndpoint(engine.unix_url)).code)
    assert code == "engine_socket_permission"


def _as_nobody(call: Callable[[], str]) -> str:
    """The result of `call` in a process of user and group 65534."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            os.write(writer, call().encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        answer = pipe.read().decode()
    os.waitpid(child, 0)
    return answer


def test_a_host_that_does_not_exist() -> None:
    error = failure(EngineEndpoint("tcp://no-such-host.invalid:2375"))
    assert error.code == "engine_host_unknown"


def test_a_registry_is_no_engine(registries: object) -> None:
    from tests.services.registries import Registries

    assert isinstance(registries, Registries)
    assert failure(EngineEndpoint(f"tcp://{registries.open.address}")).code == "engine_not_docker"


def test_a_hung_engine_times_out_and_comes_back(module_engine: RealEngine) -> None:
    engine = module_engine
    pems = {"ca_cert": engine.pem("ca"), "client_cert": engine.pem("client_cert")}
    tls = EngineEndpoint(engine.tls_url, use_tls=True, client_key=engine.pem("client_key"), **pems)
    endpoints = (EngineEndpoint(engine.unix_url), EngineEndpoint(engine.tcp_url), tls)
    engine.pause()
    try:
        for endpoint in endpoints:
            with at_most(30):
                error = failure(endpoint, timeout=0.5)
            assert (error.code, error.transient) == ("engine_timeout", True)
    finally:
        engine.resume()
    for endpoint in endpoints:
        with connect(endpoint) as connection:
            connection.ping()


def test_an_engine_that_hangs_after_connecting(module_engine: RealEngine) -> None:
    with connect(EngineEndpoint(module_engine.unix_url), timeout=4) as connection:
        module_engine.pause()
        try:
            with pytest.raises(EngineError) as error:
                connection.info()
        finally:
            module_engine.resume()
    assert error.value.code == "engine_timeout"


def test_an_engine_that_died_after_connecting(module_engine: RealEngine) -> None:
    with connect(EngineEndpoint(module_engine.tcp_url)) as connection:
        module_engine.kill9()
        try:
            with pytest.raises(EngineError) as error:
                connection.info()
        finally:
            module_engine.start()
        assert error.value.code in ("engine_gone", "engine_refused")
        assert connection.info().name  # the same connection object works with the restarted engine
