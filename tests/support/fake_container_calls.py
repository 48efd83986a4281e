"""The part of the fake's `Engine` protocol that is about containers and volumes."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nodes.engine import (
    ContainerInfo,
    ContainerSpec,
    ContainerStats,
    EngineError,
    EngineRejected,
    EventStream,
    FileStat,
    Finished,
    LogStream,
    Terminal,
)
from nodes.engine.container_events import ContainerEventDecoder
from nodes.engine.following import Following
from nodes.engine.frames import Tail, as_text
from nodes.engine.log_decoder import LogDecoder
from tests.support.fake_containers import FakeContainer, FakeContainers, bears
from tests.support.fake_programs import ERR, OUT, FakeLine
from tests.support.fake_registry import sha256

if TYPE_CHECKING:
    from tests.support.fake_engine import FakeEngine


class FakeContainerCalls:
    """All methods: see `nodes.engine.Engine`."""

    _engine: FakeEngine
    _streams: list[Any]

    def _allow(self, operation: str) -> FakeContainers:
        self._engine.check()
        self._engine.containers.allow(operation)
        return self._engine.containers

    def create_container(self, spec: ContainerSpec) -> str:
        containers = self._allow("create")
        image = self._engine.find(spec.image)
        if image is None:
            raise EngineRejected(404, f"No such image: {spec.image}")
        container = containers.create(spec, image.id)
        container.files.update(image.files)
        return container.info.id

    def start_container(self, container: str) -> None:
        found = self._allow("start").get(container)
        if not found.running:
            self._engine.containers.start(found)

    def stop_container(self, container: str, *, grace: int) -> None:
        found = self._allow("stop").get(container)
        if found.running:
            self._engine.containers.end(found, found.program.when_stopped)

    def restart_container(self, container: str, *, grace: int) -> None:
        found = self._allow("restart").get(container)
        found.graces.append(grace)
        if found.running:
            self._engine.containers.end(found, found.program.when_stopped)
        self._engine.containers.start(found)

    def remove_container(self, container: str, *, force: bool = False, volumes: bool = False) -> bool:
        found = self._allow("remove").find(container)
        if found is None:
            return False
        if found.running and not force:
            words = f"You cannot remove a running container {found.info.id}."
            raise EngineRejected(409, f"{words} Stop the container before attempting removal or force remove")
        self._engine.containers.remove(found)
        return True

    def inspect_container(self, container: str) -> ContainerInfo | None:
        found = self._allow("inspect").find(container)
        return found.info if found else None

    def list_containers(self, *, labels: Mapping[str, str]) -> list[ContainerInfo]:
        unknown = {"error": "", "oom_killed": False, "started_at": "", "finished_at": "", "restart_count": 0}
        found = self._allow("list").labelled(labels)
        return [replace(container.info, **unknown) for container in found]

    def container_logs(self, container: str, *, tail: int, limit_bytes: int = 1_000_000) -> str:
        found = self._allow("logs").get(container)
        kept = Tail(limit_bytes)
        for part in _last_lines(found, tail):
            kept.add(*part)
        return kept.text()

    def follow_logs(self, container: str, *, tail: int) -> LogStream:
        found = self._allow("logs").get(container)
        behind = len(found.log)
        early = b"".join(_frame(*part) for part in _last_lines(found, tail))
        source = _Followed(
            self._engine.containers,
            lambda seen: [_frame(*part) for part in found.log[behind + seen :]],
            lambda: not found.running,
            early,
        )
        return self._opened(Following(source, LogDecoder(framed=True), tick=self._engine.tick))

    def stats(self, container: str) -> ContainerStats | None:
        found = self._allow("stats").find(container)
        if found is None or not found.running:
            return None
        usage, spec = self._engine.containers.usage, found.spec
        return replace(
            usage,
            cpu_limit_cores=spec.cpu_cores or usage.cpu_limit_cores,
            memory_limit_bytes=spec.memory_bytes or usage.memory_limit_bytes,
        )

    def run_once(self, spec: ContainerSpec, *, within: float, limit_bytes: int = 1_000_000) -> Finished:
        finished = self._run(spec, within)
        return finished if finished.stdout or finished.stderr else self._run(spec, within)

    def exec_run(
        self, container: str, command: tuple[str, ...], *, within: float, limit_bytes: int = 1_000_000
    ) -> Finished:
        found = self._allow("exec").get(container)
        _demand_running(found)
        program = self._engine.containers.program_for(found, command)
        if not program.exists:
            words = f'OCI runtime exec failed: exec failed: "{command[0]}": executable file not found in $PATH: unknown'
            return Finished(126, f"{words}\r\n", "")
        if program.runs:
            raise EngineError("engine_timeout", f"no complete answer within {within:.3g} s")
        said = {stream: "".join(text for one, text in program.says if one == stream).encode() for stream in (OUT, ERR)}
        return _finished(program.exit_code, [(stream, text[:limit_bytes]) for stream, text in said.items()])

    def read_file(self, container: str, path: str, *, limit: int) -> bytes | None:
        found = self._followed(self._allow("file").get(container), path)
        return found[1][:limit] if found and isinstance(found[1], bytes) else None

    def stat_file(self, container: str, path: str) -> FileStat | None:
        found = self._followed(self._allow("file").get(container), path)
        if found is None:
            return None
        end, content, node_path = found
        mode = self._engine.containers.permissions.get(node_path, 0o755 if content is None else 0o644)
        modified = sha256(repr(content))
        return FileStat(end, content is not None, content is None, mode, len(content or b""), modified)

    def put_files(self, container: str, files: Mapping[str, bytes], *, directories: Collection[str] = ()) -> None:
        found = self._allow("put").get(container)
        for path in files:
            if any(name.startswith(f"{path}/") for name in found.files):
                raise EngineRejected(400, f'cannot overwrite directory "{path}" with non-directory "{path}"')
        found.files.update(files)
        found.files.update({f"{path}/.": b"" for path in directories})  # the fake has no other empty ones

    def events(self, *, labels: Mapping[str, str], since: float | None = None, tick: float = 0.1) -> EventStream:
        containers = self._allow("events")
        behind = 0 if since is not None else len(containers.happened)

        def news(seen: int) -> list[bytes]:
            return [_line(event, labels, since) for event in containers.happened[behind + seen :]]

        cuts = containers.cuts
        source = _Followed(containers, news, lambda: containers.cuts > cuts)
        return self._opened(Following(source, ContainerEventDecoder(), tick=self._engine.tick))

    def open_terminal(self, container: str, *, shell: tuple[str, ...], columns: int, rows: int) -> Terminal:
        found = self._allow("terminal").get(container)
        _demand_running(found)
        line = FakeLine(self._engine.containers.shell, size=(columns, rows))
        self._engine.containers.lines.append(line)

        def resize(columns: int, rows: int) -> None:
            line.size = (columns, rows)

        run = str(len(self._engine.containers.lines))
        return self._opened(Terminal(line, resize, run=run, tick=self._engine.tick))

    def end_shell(self, container: str, *, shell: tuple[str, ...], run: str, process: int) -> bool:
        """`run`: the how manieth terminal of this engine."""
        if self._allow("end shell").get(container) is None:
            return False
        line = self._engine.containers.lines[int(run) - 1]
        ran, _ = not line.ended, line.abort()
        return ran

    def create_volume(self, name: str, *, labels: Mapping[str, str]) -> None:
        self._allow("volume").volumes.setdefault(name, dict(labels))

    def remove_volume(self, name: str) -> bool:
        containers = self._allow("volume")
        users = [found.info.id for found in containers.all.values() if name in {v.name for v in found.spec.volumes}]
        if users:
            raise EngineRejected(409, f"remove {name}: volume is in use - [{', '.join(users)}]")
        return containers.volumes.pop(name, None) is not None

    def list_volumes(self, *, labels: Mapping[str, str]) -> list[str]:
        return sorted(name for name, found in self._allow("volume").volumes.items() if bears(found, labels))

    def _run(self, spec: ContainerSpec, within: float) -> Finished:
        container = self.create_container(spec)
        try:
            self.start_container(container)
            found = self._engine.containers.get(container)
            if found.running:
                raise EngineError("engine_timeout", f"no complete answer within {within:.3g} s")
            return _finished(found.info.exit_code, found.log)
        finally:
            self._engine.containers.remove(self._engine.containers.get(container))

    def _followed(self, container: FakeContainer, path: str) -> tuple[str, bytes | None, str] | None:
        """Where a path leads: there, its content (None: a directory), and its name on the node if that has it."""
        for _hop in range(8):
            files, place = self._files(container, path)
            content = files.get(place)
            if isinstance(content, bytes):
                return path, content, place
            if content is None:
                return (path, None, place) if any(name.startswith(f"{place}/") for name in files) else None
            path = posixpath.normpath(posixpath.join(posixpath.dirname(path), content))
        return None

    def _files(self, container: FakeContainer, path: str) -> tuple[dict[str, bytes | str], str]:
        for mount in container.spec.mounts:
            if path == mount.target or path.startswith(f"{mount.target}/"):
                return self._engine.containers.host_files, mount.source + path.removeprefix(mount.target)
        return container.files, path

    def _opened(self, stream: Any) -> Any:
        self._streams.append(stream)
        return stream


class _Followed:
    """A `PullSource` of what is added to a list."""

    def __init__(
        self,
        containers: FakeContainers,
        news: Callable[[int], list[bytes]],
        is_over: Callable[[], bool],
        early: bytes = b"",
    ) -> None:
        self._containers, self._news, self._is_over, self._early = containers, news, is_over, early
        self._aborted = False
        self._seen = 0

    def read(self) -> Iterator[bytes]:
        if self._early:
            yield self._early
        while True:
            with self._containers.changed:
                self._containers.changed.wait_for(lambda: self._news(self._seen) or self._is_over() or self._aborted)
                news, over = self._news(self._seen), self._is_over() or self._aborted
            self._seen += len(news)
            yield from news
            if over:
                return

    def abort(self) -> None:
        with self._containers.changed:
            self._aborted = True
            self._containers.changed.notify_all()


def _demand_running(container: FakeContainer) -> None:
    if not container.running:
        raise EngineRejected(409, f"Container {container.info.id} is not running")


def _finished(exit_code: int, parts: list[tuple[int, bytes]]) -> Finished:
    out, err = (as_text([part for part in parts if part[0] == stream]) for stream in (OUT, ERR))
    return Finished(exit_code, out, err)


def _last_lines(container: FakeContainer, tail: int) -> list[tuple[int, bytes]]:
    lines = [(stream, line) for stream, text in container.log for line in text.splitlines(keepends=True)]
    return lines[len(lines) - tail :] if tail < len(lines) else lines


def _frame(stream: int, part: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(part).to_bytes(4, "big") + part


def _line(event: dict[str, Any], labels: Mapping[str, str], since: float | None) -> bytes:
    """An empty line for what was not asked for."""
    wanted = bears(event["Actor"]["Attributes"], labels) and (since is None or event["time"] >= since)
    return json.dumps(event).encode() + b"\n" if wanted else b"\n"
