"""Connecting in time: a name server that hangs, and hosts with several dead addresses, to engines and registries."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from core.dial import dial
from imagelib.inspection import check_address, check_endpoint
from imagelib.registry import RegistryClient, RegistryError
from nodes.engine import EngineEndpoint, EngineError, connect
from nodes.models import ComputeNode
from nodes.work import probe, sweep
from tests.api import make
from tests.support import names as moods
from tests.support.limits import at_most
from tests.support.names import Names, black_holes, silent

FOR_EVER = 600.0


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    with moods.names(monkeypatch) as ours:
        ours.slow["hangs.test"] = FOR_EVER
        yield ours


@pytest.fixture
def dead(names: Names) -> Iterator[list[tuple[str, int]]]:
    """The addresses of `dead.test`: so many that do not answer that a timeout for each of them takes for ever."""
    with black_holes(60) as found:
        names.places["dead.test"] = found
        yield found


# --- one connection --------------------------------------------------------------------------------------------------


def test_a_name_server_that_hangs(names: Names) -> None:
    with at_most(30), pytest.raises(TimeoutError, match=r"name server about hangs\.test within 0\.3 s"):
        dial("hangs.test", 80, seconds=0.3)


def test_look_ups_of_one_host_are_shared(names: Names) -> None:
    def ask() -> None:
        with pytest.raises(TimeoutError):
            dial("hangs.test", 80, seconds=0.3)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ask()
    assert names.asked == {"hangs.test": 1}


def test_an_ended_look_up_is_not_remembered(names: Names) -> None:
    for _ in range(2):
        with pytest.raises(socket.gaierror):
            dial("unknown.test", 80, seconds=60)
    assert names.asked == {"unknown.test": 2}


def test_dead_addresses_share_the_time(dead: list[tuple[str, int]]) -> None:
    with at_most(15), pytest.raises(TimeoutError):
        dial("dead.test", 80, seconds=0.6)


def test_a_dead_address_leaves_time_for_the_next(names: Names, dead: list[tuple[str, int]]) -> None:
    with silent() as alive:
        names.places["half.test"] = [dead[0], alive]
        with closing(dial("half.test", 80, seconds=6)) as opened:
            assert opened.getpeername() == alive
            assert 0.01 < (opened.gettimeout() or 0) <= 3, "what is left"


def test_the_look_up_takes_of_the_time_to_connect(names: Names) -> None:
    names.slow["slow.test"] = 0.5
    with silent() as place:
        names.places["slow.test"] = [place]
        with closing(dial("slow.test", 80, seconds=60)) as opened:
            assert 0.01 < (opened.gettimeout() or 0) <= 59.5


def test_the_first_address_is_the_one_to_speak_of(names: Names, dead: list[tuple[str, int]]) -> None:
    names.places["mixed.test"] = [("127.0.0.1", 1), dead[0]]
    with pytest.raises(ConnectionRefusedError):
        dial("mixed.test", 80, seconds=0.4)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_ip_address_is_asked_of_nobody(names: Names, host: str) -> None:
    with closing(socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)) as server:
        options = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
        with closing(dial(host, server.getsockname()[1], seconds=60, options=options)) as opened:
            assert opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert not names.asked


# --- engines ---------------------------------------------------------------------------------------------------------

WAYS: dict[str, dict[str, Any]] = {"tcp": {}, "tls": {"use_tls": True}, "ssh": {}}


def failed(way: str, place: str, known_hosts: Path, *, timeout: float = 60) -> EngineError:
    scheme = "ssh" if way == "ssh" else "tcp"
    known_hosts.touch()
    endpoint = EngineEndpoint(f"{scheme}://{place}", **WAYS[way])
    with pytest.raises(EngineError) as error, connect(endpoint, timeout=timeout, known_hosts=str(known_hosts)):
        pass
    return error.value


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("host", ["hangs.test", "dead.test"])
def test_an_engine_whose_name_leads_nowhere(dead: Any, tmp_path: Path, way: str, host: str) -> None:
    with at_most(15):
        error = failed(way, f"{host}:2376", tmp_path / "known_hosts", timeout=0.6)
    assert (error.code, error.transient) == ("engine_timeout", True)
    assert ("name server" in error.evidence) == (host == "hangs.test")


@pytest.mark.parametrize("way", WAYS)
def test_the_look_up_counts_as_time_to_connect(names: Names, tmp_path: Path, way: str) -> None:
    names.slow["slow.test"] = 0.5
    with silent() as place:
        names.places["slow.test"] = [place]
        assert failed(way, "slow.test:2376", tmp_path / "known_hosts", timeout=0.6).code == "engine_timeout"


def test_an_unknown_name_stays_an_unknown_name(names: Names, tmp_path: Path) -> None:
    for way in WAYS:
        assert failed(way, "unknown.test:2376", tmp_path / "known_hosts").code == "engine_host_unknown"


def test_an_ipv6_address_in_brackets(names: Names, tmp_path: Path) -> None:
    for way in WAYS:
        assert failed(way, "[::1]:1", tmp_path / "known_hosts").code == "engine_refused"


def test_a_probe_keeps_its_limit(names: Names, settings: Any) -> None:
    settings.ENGINE_TIMEOUT = 1.0
    node = ComputeNode(docker_address="tcp://hangs.test:2375")
    for with_disk in (False, True):
        with at_most(30):
            assert probe(node, with_disk=with_disk).code == "engine_timeout"


def test_a_sweep_over_dead_names_takes_one_timeout(names: Names, dead: Any) -> None:
    hosts = ["hangs.test"] * 10 + ["dead.test"] * 10
    nodes = [ComputeNode(name=str(n), docker_address=f"tcp://{host}:2375") for n, host in enumerate(hosts)]
    with at_most(30):
        codes = [finding.code for _node, finding in sweep(nodes, timeout=1.0, within=60)]
    assert codes == ["engine_timeout"] * 20


# --- registries ------------------------------------------------------------------------------------------------------


def ping(host: str, *, seconds: float, **options: Any) -> RegistryError:
    limits = {"timeout": (60.0, 60.0), "answer_seconds": 60.0, "total_seconds": seconds}
    with pytest.raises(RegistryError) as error, RegistryClient(host, **limits, **options) as client:
        client.ping()
    return error.value


@pytest.mark.parametrize("host", ["hangs.test", "dead.test"])
@pytest.mark.parametrize("insecure", [False, True])
def test_a_registry_whose_name_leads_nowhere(dead: Any, host: str, insecure: bool) -> None:
    with at_most(15):
        error = ping(host, seconds=0.7, insecure=insecure)
    assert error.code == "registry_timeout"
    assert ("name server" in error.evidence) == (host == "hangs.test")


def test_an_unknown_registry_stays_unknown(names: Names) -> None:
    assert ping("unknown.test", seconds=60).code == "registry_dns"
    assert ping("[::1]:1", seconds=60).code == "registry_refused"


def test_connecting_and_answering_share_the_time(names: Names) -> None:
    names.slow["slow.test"] = 0.45
    with silent() as place, at_most(30):
        names.places["slow.test"] = [place]
        assert ping("slow.test", seconds=0.7, insecure=True).code == "registry_timeout"


def test_pages_give_a_hanging_name_up(names: Names, db: None) -> None:
    with at_most(30):
        assert check_address("hangs.test/app:1")["error"]["code"] == "registry_timeout"
    with at_most(30):
        assert check_endpoint(make.registry(endpoint="hangs.test"))["error"]["code"] == "registry_timeout"
