"""Events and terminals: the same bodies for a real engine and for the fake."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nodes.engine import ContainerSpec, EngineError, EngineRejected, EventStream, Terminal
from tests.contract.test_containers import LABELS, TALK, WAITING, spec, started, until_ended
from tests.contract.worlds import World

__all__ = ["spec"]


def take(stream: EventStream, number: int) -> list[tuple[str, str, int | None]]:
    """The next events: action, name, exit code. Fewer when no more come."""
    found: list[tuple[str, str, int | None]] = []
    silence = 0
    for event in stream:
        silence = silence + 1 if event is None else 0
        if event is not None:
            found.append((event.action, event.name, event.exit_code))
        if len(found) == number or silence > 100:
            break
    return found


def test_events(world: World, spec: ContainerSpec) -> None:
    with world.connect() as engine, engine.events(labels=LABELS) as stream:
        assert next(stream) is None
        other = started(engine, replace(spec, name="other", labels={"test.owner": "somebody else"}))
        container = started(engine, replace(spec, command=TALK))
        until_ended(engine, container)
        engine.remove_container(container)
        engine.remove_container(other, force=True)
        name = spec.name
        assert take(stream, 3) == [("start", name, None), ("die", name, 3), ("destroy", name, None)]
        assert next(stream) is None
        stream.close()
        assert list(stream) == []


def test_events_of_the_past(world: World, spec: ContainerSpec) -> None:
    with world.connect() as engine:
        with engine.events(labels=LABELS) as stream:
            assert next(stream) is None
            container = started(engine, spec)
            first = next(event for event in stream if event)
            assert first.container_id == container
            assert first.labels.items() >= LABELS.items()
        engine.stop_container(container, grace=0)
        with engine.events(labels=LABELS, since=first.at) as again:
            assert take(again, 2) == [("start", spec.name, None), ("die", spec.name, 137)]
        with engine.events(labels=LABELS, since=first.at + 0.001) as later:
            assert take(later, 1) == [("die", spec.name, 137)]


def shown(terminal: Terminal, until: str) -> str:
    text = b""
    for chunk in terminal:
        text += chunk or b""
        if until.encode() in text:
            return text.decode()
    raise AssertionError(f"the terminal ended with {text!r}")


def test_a_terminal(world: World, spec: ContainerSpec) -> None:
    with world.connect() as engine:
        container = started(engine, replace(spec, command=WAITING))
        with engine.open_terminal(container, shell=("sh",), columns=80, rows=24) as terminal:
            shown(terminal, "# ")
            terminal.write(b"echo $((40+2))\n")
            assert "42\r\n" in shown(terminal, "42\r\n")
            terminal.resize(columns=100, rows=30)
            terminal.write(b"exit\n")
            assert b"exit" in b"".join(chunk for chunk in terminal if chunk)


def test_the_shell_of_a_terminal_is_ended_without_it(world: World, spec: ContainerSpec) -> None:
    with world.connect() as engine:
        container = started(engine, replace(spec, command=WAITING))
        terminal = engine.open_terminal(container, shell=("sh",), columns=80, rows=24)
        shown(terminal, "# ")
        mark = {"run": terminal.run, "process": terminal.process or 7}  # the fake's have no number
        assert engine.end_shell(container, shell=("sh",), **mark) is True
        list(terminal)  # it ends
        found = engine.inspect_container(container)
        assert found is not None and found.state == "running", "it did not just end with its container"
        assert engine.end_shell(container, shell=("sh",), **mark) is False


def test_a_closed_terminal(world: World, spec: ContainerSpec) -> None:
    with world.connect() as engine:
        container = engine.create_container(spec)
        with pytest.raises(EngineRejected) as refused:
            engine.open_terminal(container, shell=("sh",), columns=80, rows=24)
        assert refused.value.status == 409
        engine.start_container(container)
        terminal = engine.open_terminal(container, shell=("sh",), columns=80, rows=24)
        shown(terminal, "# ")
        terminal.close()
        terminal.close()
        assert list(terminal) == []
        with pytest.raises(EngineError) as gone:
            terminal.write(b"echo\n")
        assert gone.value.code == "engine_gone"
