"""What only a real engine shows: ways to reach it, limits that bite, time that passes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from nodes.engine import ContainerSpec, Engine, EngineEndpoint, EngineError, Terminal, connect
from tests.contract.test_container_streams import take
from tests.contract.test_containers import until_ended
from tests.contract.test_real_pulls import endpoints
from tests.services.process import wait_until

if TYPE_CHECKING:
    from tests.services.engine import RealEngine
    from tests.services.registries import Registries
    from tests.services.sshd import SshServer

pytestmark = pytest.mark.real
NOT_LISTENING = ("sh", "-c", "trap '' TERM; while true; do sleep 0.1; done")


@pytest.fixture
def spec(engine: RealEngine, registries: Registries) -> Iterator[ContainerSpec]:
    engine.wipe()
    reference = registries.open.reference("team/tiny:1")
    engine.pull(reference)
    yield ContainerSpec("real-test", reference, ("sleep", "60"), labels={"real": "1"}, network_mode="none")
    engine.wipe()


def started(connection: Engine, spec: ContainerSpec) -> str:
    container = connection.create_container(spec)
    connection.start_container(container)
    return container


def until(terminal: Terminal, words: bytes) -> bytes:
    text = b""
    for chunk in terminal:
        text += chunk or b""
        if words in text:
            return text
    raise AssertionError(text)


def use_terminal(endpoint: EngineEndpoint, spec: ContainerSpec, known_hosts: str | None = None) -> None:
    """Size, much output, much input, the end."""
    with connect(endpoint, known_hosts=known_hosts) as connection:
        container = started(connection, spec)
        with connection.open_terminal(container, shell=("sh",), columns=91, rows=31) as terminal:
            terminal.write(b"busybox stty size\n")
            until(terminal, b"31 91")
            terminal.resize(columns=120, rows=40)
            terminal.write(b"busybox stty size\n")
            until(terminal, b"40 120")
            terminal.write(b"busybox seq 1 60000; echo d''one\n")
            text = until(terminal, b"done")
            assert text.count(b"\r\n") >= 60000
            terminal.write(b"busybox stty -echo; busybox wc -c; exit\n")
            for _ in range(200):
                terminal.write(b"x" * 999 + b"\n")
            terminal.write(b"\x04")
            assert b"200000" in b"".join(chunk for chunk in terminal if chunk)
        connection.remove_container(container, force=True)


@pytest.mark.parametrize("way", ["unix", "tcp", "tls"])
def test_terminals_by_every_kind_of_connection(engine: RealEngine, spec: ContainerSpec, way: str) -> None:
    use_terminal(endpoints(engine)[way], spec)


def test_the_end_of_a_connection_ends_its_streams(engine: RealEngine, spec: ContainerSpec) -> None:
    with connect(endpoints(engine)["tls"]) as connection:
        container = started(connection, spec)
        terminal = connection.open_terminal(container, shell=("sh",), columns=80, rows=24)
        log, events = connection.follow_logs(container, tail=1), connection.events(labels={})
        assert next(log) is None and next(events) is None
        until(terminal, b"# ")
    assert [list(stream) for stream in (terminal, log, events)] == [[], [], []]


def test_an_engine_that_dies_ends_all_streams(module_engine: RealEngine, registries: Registries) -> None:
    engine, reference = module_engine, registries.open.reference("team/tiny:1")
    engine.pull(reference)
    with connect(EngineEndpoint(engine.tls_url, True, *map(engine.pem, ("ca", "client_cert", "client_key")))) as other:
        container = started(other, ContainerSpec("dying", reference, ("sleep", "60"), network_mode="none"))
        terminal = other.open_terminal(container, shell=("sh",), columns=80, rows=24)
        log, events = other.follow_logs(container, tail=1), other.events(labels={})
        assert next(log) is None and next(events) is None
        engine.kill9()
        try:
            for stream in (log, events):
                with pytest.raises(EngineError) as gone:
                    list(stream)
                assert gone.value.code == "engine_gone"
            list(terminal)  # comes to an end
        finally:
            engine.start()


def test_stopping_may_take_longer_than_an_answer(engine: RealEngine, spec: ContainerSpec) -> None:
    with connect(EngineEndpoint(engine.unix_url), timeout=6) as connection:
        for call in (connection.stop_container, connection.restart_container):
            container = started(connection, ContainerSpec("", spec.image, NOT_LISTENING, network_mode="none"))
            began = time.monotonic()
            call(container, grace=8)
            assert time.monotonic() - began >= 8
            connection.remove_container(container, force=True)


def test_a_program_that_takes_too_much_memory(engine: RealEngine, spec: ContainerSpec) -> None:
    """An engine that hears of the end before the reason forgets the reason: not every one of them is marked."""
    command = ("busybox", "dd", "if=/dev/zero", "of=/dev/null", "bs=200M", "count=1")
    greedy = ContainerSpec("", spec.image, command, memory_bytes=16 << 20, network_mode="none")
    with connect(EngineEndpoint(engine.unix_url)) as connection:
        ends = [until_ended(connection, started(connection, greedy)) for _ in range(5)]
    assert {info.exit_code for info in ends} == {137}
    assert any(info.oom_killed for info in ends)


def test_a_busy_container_uses_one_core(engine: RealEngine, spec: ContainerSpec) -> None:
    with connect(EngineEndpoint(engine.unix_url)) as connection:
        busy = ContainerSpec("", spec.image, ("sh", "-c", "while true; do true; done"), cpu_cores=0.5)
        container = started(connection, busy)
        time.sleep(1)
        stats = connection.stats(container)
        assert stats is not None and 0 < stats.cpu_percent < 80
        assert stats.cpu_limit_cores == 0.5


def test_a_silent_program_is_run_twice(engine: RealEngine, spec: ContainerSpec) -> None:
    with connect(EngineEndpoint(engine.unix_url)) as connection, connection.events(labels={"silent": "1"}) as events:
        assert next(events) is None
        connection.run_once(ContainerSpec("", spec.image, ("true",), labels={"silent": "1"}), within=30)
        seen = [action for action, _, _ in take(events, 6)]
        assert seen == ["start", "die", "destroy"] * 2 and next(events) is None


def test_much_output(engine: RealEngine, spec: ContainerSpec) -> None:
    with connect(EngineEndpoint(engine.unix_url)) as connection:
        many = ContainerSpec("", spec.image, ("sh", "-c", "busybox seq 1 100000"))
        finished = connection.run_once(many, within=60, limit_bytes=100)
        assert finished.stdout.startswith("1\n2\n3\n") and len(finished.stdout) == 100
        container = started(connection, ContainerSpec("loud", spec.image, many.command))
        while connection.inspect_container(container).state != "exited":  # type: ignore[union-attr]
            time.sleep(0.1)
        assert connection.container_logs(container, tail=100_000, limit_bytes=21) == "99998\n99999\n100000\n"


def test_a_terminals_container(engine: RealEngine, spec: ContainerSpec) -> None:
    """One stream without frames, and carriage returns."""
    with connect(EngineEndpoint(engine.unix_url)) as connection:
        tty = ContainerSpec("", spec.image, ("sh", "-c", "echo out; echo err >&2"), tty=True)
        assert connection.run_once(tty, within=30).stdout == "out\r\nerr\r\n"
        container = started(connection, ContainerSpec("tty", spec.image, tty.command, tty=True))
        with connection.follow_logs(container, tail=10) as stream:
            assert "".join(piece.text for piece in stream if piece) == "out\r\nerr\r\n"
        assert connection.container_logs(container, tail=10) == "out\r\nerr\r\n"


def test_a_terminal_by_ssh(ssh_server: SshServer, spec: ContainerSpec) -> None:
    """A program on the far side forwards: what is typed and shown still comes through, the terminal still ends."""
    endpoint = EngineEndpoint(
        f"ssh://{ssh_server.host}",
        ssh_port=ssh_server.port,
        ssh_username=ssh_server.username,
        ssh_password=ssh_server.password,
    )
    use_terminal(endpoint, spec, known_hosts=str(ssh_server.known_hosts_path))


@pytest.mark.parametrize("way", ["unix", "tls"])
@pytest.mark.parametrize(("program", "processes"), [("sleep 1000", 3), ("busybox yes", 3), ("trap '' HUP", 2)])
def test_a_closed_terminal_takes_its_shell_along(
    engine: RealEngine, spec: ContainerSpec, way: str, program: str, processes: int
) -> None:
    """Whatever runs in it: engines leave both running."""
    with connect(endpoints(engine)[way]) as connection:
        container = started(connection, spec)
        assert len(processes_in(engine, container)) == 1
        with connection.open_terminal(container, shell=("sh",), columns=80, rows=24) as terminal:
            until(terminal, b"# ")
            terminal.write(f"{program}\n".encode())
            wait_until("the program", lambda: len(processes_in(engine, container)) == processes)
            until(terminal, b"# " if processes == 2 else b"\n")
        wait_until("the end of the shell", lambda: len(processes_in(engine, container)) == 1)


def processes_in(engine: RealEngine, container: str) -> list[str]:
    return [row[1] for row in engine.get(f"/containers/{container}/top")["Processes"]]
