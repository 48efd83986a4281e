"""The containers and volumes of one fake engine, and what a test may set and look at."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from nodes.engine import ContainerInfo, ContainerSpec, ContainerStats, EngineError, EngineRejected, PublishedPort
from tests.support.fake_programs import NOT_FOUND, SERVICE, Behaviour, FakeLine, Program
from tests.support.fake_registry import sha256

MB = 1_000_000
_moments = count(1_700_000_000)


@dataclass
class FakeContainer:
    """One container. `info` is what inspecting it says."""

    spec: ContainerSpec
    info: ContainerInfo
    program: Program = SERVICE
    log: list[tuple[int, bytes]] = field(default_factory=list)  # (OUT or ERR, text)
    files: dict[str, bytes | str] = field(default_factory=dict)  # path -> content, or where a link leads
    graces: list[int] = field(default_factory=list)  # what it had to end by itself, each time it was restarted

    @property
    def running(self) -> bool:
        return self.info.state == "running"


class FakeContainers:
    """Knobs: `programs` (command -> `Program`, or a function of the spec that makes one; any other command is a service
    that runs and says nothing), `exec_programs` (any other one is not found), `host_files` (what the node has: path ->
    content, or where a link leads), `permissions` (of those), `device_drivers`, `networks`, `usage`, `shell` (what its
    terminals answer).

    `refuse("start", error)`: the next call of that kind raises; further ones queue up. `meanwhile("start", action)`:
    the next one is held up while `action` happens. To look at afterwards: `created` (all specs, in order), `all`,
    `volumes`, `lines` (of terminals).
    """

    def __init__(self) -> None:
        self.programs: dict[tuple[str, ...], Behaviour] = {}
        self.exec_programs: dict[tuple[str, ...], Behaviour] = {}
        self.host_files: dict[str, bytes | str] = {}
        self.permissions: dict[str, int] = {}
        self.device_drivers: set[str] = set()
        self.networks = {"", "none", "host", "bridge"}
        self.usage = ContainerStats(12.5, 8, 100 * MB, 64_000 * MB, 1000, 2000, 3000, 4000, 3)
        self.shell: dict[str, str] = {}
        self.created: list[ContainerSpec] = []
        self.all: dict[str, FakeContainer] = {}  # by id
        self.volumes: dict[str, dict[str, str]] = {}  # name -> labels
        self.lines: list[FakeLine] = []
        self.happened: list[dict[str, Any]] = []  # events, as the engine writes them
        self.cuts = 0
        self.changed = threading.Condition(threading.RLock())
        self._refusals: dict[str, deque[EngineError]] = defaultdict(deque)
        self._actions: dict[str, deque[Callable[[], object]]] = defaultdict(deque)
        self._numbers = count(1)
        self._ports = count(49153)

    def refuse(self, operation: str, error: EngineError) -> None:
        """create, start, stop, restart, remove, inspect, list, logs, stats, exec, file, put, volume, events,
        terminal."""
        self._refusals[operation].append(error)

    def meanwhile(self, operation: str, action: Callable[[], object]) -> None:
        self._actions[operation].append(action)

    def relent(self) -> None:
        """Refuse nothing more."""
        self._refusals.clear()

    def cut_events(self) -> None:
        """All open streams of events end, as with an engine that stops."""
        with self.changed:
            self.cuts += 1
            self.changed.notify_all()

    def allow(self, operation: str) -> None:
        if self._actions[operation]:
            self._actions[operation].popleft()()
        if self._refusals[operation]:
            raise self._refusals[operation].popleft()

    def find(self, name: str) -> FakeContainer | None:
        with self.changed:
            by_name = {container.info.name: container for container in self.all.values()}
            return self.all.get(name) or by_name.get(name)

    def get(self, name: str) -> FakeContainer:
        container = self.find(name)
        if container is None:
            raise EngineRejected(404, f"No such container: {name}")
        return container

    def create(self, spec: ContainerSpec, image_id: str) -> FakeContainer:
        with self.changed:
            number = next(self._numbers)
            name = spec.name or f"nameless_{number}"
            self._check(name, spec)
            identity = sha256(f"container {number} {name}").removeprefix("sha256:")
            info = ContainerInfo(
                identity, name, spec.image, image_id, dict(spec.labels), state="created", created=moment()
            )
            container = FakeContainer(spec, info, _program(self.programs, spec, spec.command or ()))
            self.all[identity] = container
            self.created.append(spec)
            for volume in spec.volumes:
                self.volumes.setdefault(volume.name, {})
            return container

    def _check(self, name: str, spec: ContainerSpec) -> None:
        taken = self.find(name)
        if taken is not None:
            words = f'Conflict. The container name "/{name}" is already in use by container "{taken.info.id}".'
            raise EngineRejected(409, words + " You have to remove (or rename) that container to be able to reuse it.")
        for mount in spec.mounts:
            if not any(path == mount.source or path.startswith(f"{mount.source}/") for path in self.host_files):
                kind = 'invalid mount config for type "bind"'
                raise EngineRejected(400, f"{kind}: bind source path does not exist: {mount.source}")

    def start(self, container: FakeContainer) -> None:
        with self.changed:
            refusal = self._start_refusal(container)
            if refusal is not None:
                code = container.program.exit_code if not container.program.exists else 128
                self.change(container, exit_code=code, error=refusal.evidence)
                raise refusal
            self.change(
                container, state="running", started_at=moment(), exit_code=0, error="", oom_killed=False,
                ports=tuple(self._publish(port) for port in container.spec.ports),
            )  # fmt: skip
            self.tell(container, "start")
            container.log += [(stream, text.encode()) for stream, text in container.program.says]
            if not container.program.runs:
                self.end(container, container.program.exit_code)

    def end(self, container: FakeContainer, exit_code: int, *, oom_killed: bool = False) -> None:
        """The program ends, by itself or not. Tests may call it."""
        with self.changed:
            if oom_killed:
                self.tell(container, "oom")
            self.change(
                container, state="exited", exit_code=exit_code, oom_killed=oom_killed, finished_at=moment(), ports=()
            )
            self.tell(container, "die", exitCode=str(exit_code))

    def say(self, container: FakeContainer, stream: int, text: bytes) -> None:
        """The program writes. For tests."""
        with self.changed:
            container.log.append((stream, text))
            self.changed.notify_all()

    def remove(self, container: FakeContainer) -> None:
        with self.changed:
            if container.running:
                self.end(container, 137)
            self.all.pop(container.info.id, None)
            self.tell(container, "destroy")

    def change(self, container: FakeContainer, **values: Any) -> None:
        with self.changed:
            container.info = replace(container.info, **values)
            self.changed.notify_all()

    def tell(self, container: FakeContainer, action: str, **more: str) -> None:
        attributes = {**container.info.labels, "name": container.info.name, "image": container.info.image, **more}
        at = next(_moments)
        event = {"Type": "container", "Action": action, "time": at, "timeNano": at * 10**9}
        with self.changed:
            self.happened.append({**event, "Actor": {"ID": container.info.id, "Attributes": attributes}})
            self.changed.notify_all()

    def program_for(self, container: FakeContainer, command: tuple[str, ...]) -> Program:
        found = self.exec_programs.get(command, NOT_FOUND)
        return found if isinstance(found, Program) else found(container.spec)

    def labelled(self, labels: Mapping[str, str]) -> Iterator[FakeContainer]:
        """Newest first, as engines list them."""
        with self.changed:
            found = list(self.all.values())[::-1]
        yield from (container for container in found if bears(container.info.labels, labels))

    def _start_refusal(self, container: FakeContainer) -> EngineRejected | None:
        spec = container.spec
        for request in spec.device_requests:
            if request.driver not in self.device_drivers:
                sets = " ".join(f"[{' '.join(choice)}]" for choice in request.capabilities)
                words = f'could not select device driver "{request.driver}" with capabilities: [{sets}]'
                return EngineRejected(500, words)
        if spec.network_mode not in self.networks:
            return EngineRejected(404, f"network {spec.network_mode} not found")
        taken = {port.host_port for other in self.all.values() for port in other.info.ports}
        for port in spec.ports:
            if port.host_port in taken:
                endpoint = f"driver failed programming external connectivity on endpoint {container.info.name}"
                bind = f"Bind for {port.host_ip or '0.0.0.0'}:{port.host_port} failed"
                return EngineRejected(500, f"{endpoint}: {bind}: port is already allocated")
        if not container.program.exists:
            command = (spec.command or ("",))[0]
            return EngineRejected(400, f'exec: "{command}": executable file not found in $PATH: unknown')
        return None

    def _publish(self, port: PublishedPort) -> PublishedPort:
        host_port = port.host_port or next(self._ports)
        return PublishedPort(port.container_port, port.protocol, port.host_ip or "0.0.0.0", host_port)


def bears(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(name in labels and value in ("", labels[name]) for name, value in wanted.items())


def moment() -> str:
    return f"2024-01-01T00:00:00.{next(_moments)}Z"


def _program(programs: Mapping[tuple[str, ...], Behaviour], spec: ContainerSpec, command: tuple[str, ...]) -> Program:
    found = programs.get(command, SERVICE)
    return found if isinstance(found, Program) else found(spec)
