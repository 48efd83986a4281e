"""The part of `DockerEngine` that is about containers: their life, and what can be seen of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol, TypeVar
from weakref import WeakSet

import docker.errors
from docker.utils import convert_filters

from .client import EngineClient
from .container_answers import cpu_limit, inspected_container, is_running, is_tty, listed_container
from .container_bodies import container_body
from .container_events import ACTIONS, ContainerEventDecoder, moment_before
from .container_stats import container_stats
from .container_types import ContainerInfo, ContainerSpec, ContainerStats, FileStat, Finished
from .files import put_container_files, read_container_file, stat_container_file
from .following import EventStream, Following, LogStream
from .http_source import HttpSource
from .log_decoder import LogDecoder
from .names import demand_container, is_name, label_filters
from .pull_stream import TICK
from .runs import container_logs, exec_run, run_once
from .shapes import demand_id, demand_list
from .shells import end_shell, open_terminal
from .terminal import Terminal
from .translate import translated


class Closable(Protocol):
    def close(self) -> None: ...


Stream = TypeVar("Stream", bound=Closable)


class ContainerCalls:
    """All methods: see `Engine`."""

    _client: EngineClient
    _streams: WeakSet[Closable]

    def create_container(self, spec: ContainerSpec) -> str:
        with translated(), self._client.patient():
            answer = self._client.create_container_from_config(container_body(spec), spec.name or None)
        return demand_id(answer, "a container")

    def start_container(self, container: str) -> None:
        with translated(), self._client.patient():
            self._client.start(demand_container(container))

    def stop_container(self, container: str, *, grace: int) -> None:
        with translated():
            self._client.stop(demand_container(container), timeout=grace)

    def restart_container(self, container: str, *, grace: int) -> None:
        with translated(), self._client.patient():
            self._client.restart(demand_container(container), timeout=grace)

    def remove_container(self, container: str, *, force: bool = False, volumes: bool = False) -> bool:
        if not is_name(container):
            return False
        with translated(), self._client.patient():
            try:
                self._client.remove_container(container, force=force, v=volumes)
            except docker.errors.NotFound:
                return False
            return True

    def inspect_container(self, container: str) -> ContainerInfo | None:
        answer = self._inspected(container)
        return None if answer is None else inspected_container(answer)

    def list_containers(self, *, labels: Mapping[str, str]) -> list[ContainerInfo]:
        with translated():
            answer = self._client.containers(all=True, filters={"label": label_filters(labels)})
        return [listed_container(container) for container in demand_list(answer)]

    def container_logs(self, container: str, *, tail: int, limit_bytes: int = 1_000_000) -> str:
        with translated():
            return container_logs(self._client, demand_container(container), tail=tail, limit_bytes=limit_bytes)

    def follow_logs(self, container: str, *, tail: int) -> LogStream:
        with translated():
            framed = not is_tty(self._client.inspect_container(demand_container(container)))
        query = {"follow": "1", "stdout": "1", "stderr": "1", "tail": str(tail)}
        path = self._client.path(f"/containers/{container}/logs", query)
        source = HttpSource(self._client, method="GET", path=path)
        return self._opened(Following(source, LogDecoder(framed=framed)))

    def stats(self, container: str) -> ContainerStats | None:
        answer = self._inspected(container)
        if answer is None or not is_running(answer):
            return None
        with translated():
            try:
                measured = self._client.stats(container, stream=False)
            except docker.errors.NotFound:
                return None
        return container_stats(measured, cpu_limit=cpu_limit(answer))

    def run_once(self, spec: ContainerSpec, *, within: float, limit_bytes: int = 1_000_000) -> Finished:
        return run_once(self._client, spec, within=within, limit_bytes=limit_bytes)

    def exec_run(
        self, container: str, command: tuple[str, ...], *, within: float, limit_bytes: int = 1_000_000
    ) -> Finished:
        with translated():
            return exec_run(self._client, demand_container(container), command, within=within, limit_bytes=limit_bytes)

    def read_file(self, container: str, path: str, *, limit: int) -> bytes | None:
        with translated():
            return read_container_file(self._client, demand_container(container), path, limit=limit)

    def stat_file(self, container: str, path: str) -> FileStat | None:
        with translated():
            return stat_container_file(self._client, demand_container(container), path)

    def put_files(self, container: str, files: Mapping[str, bytes], *, directories: Collection[str] = ()) -> None:
        with translated():
            put_container_files(self._client, demand_container(container), files, directories=directories)

    def events(self, *, labels: Mapping[str, str], since: float | None = None, tick: float = TICK) -> EventStream:
        filters = {"type": ["container"], "event": list(ACTIONS), "label": label_filters(labels)}
        query = {"filters": convert_filters(filters)}
        if since is not None:
            query["since"] = moment_before(since)
        source = HttpSource(self._client, method="GET", path=self._client.path("/events", query))
        return self._opened(Following(source, ContainerEventDecoder(), tick=tick))

    def open_terminal(self, container: str, *, shell: tuple[str, ...], columns: int, rows: int) -> Terminal:
        with translated():
            terminal = open_terminal(self._client, demand_container(container), shell=shell, columns=columns, rows=rows)
        return self._opened(terminal)

    def end_shell(self, container: str, *, shell: tuple[str, ...], run: str, process: int) -> bool:
        with translated():
            found = demand_container(container)
            return end_shell(self._client, found, shell=shell, run=run, process=process)

    def _opened(self, stream: Stream) -> Stream:
        """Remember what has to be closed with this connection."""
        self._streams.add(stream)
        return stream

    def _inspected(self, container: str) -> Any:
        if not is_name(container):
            return None
        with translated():
            try:
                return self._client.inspect_container(container)
            except docker.errors.NotFound:
                return None
