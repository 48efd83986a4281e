"""Programs that end: what they wrote, and with which status they ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import docker.errors

from . import container_answers as answers
from .client import EngineClient
from .container_bodies import container_body
from .container_types import ContainerSpec, Finished
from .frames import STDERR, STDOUT, FrameReader, Part, Tail, as_text
from .shapes import demand_id
from .translate import translated
from .transport import CHUNK

REMOVE_WITHIN = 5.0  # seconds, even when all other time is up: nothing of ours stays on the node
SETTLE = 0.02  # seconds between two looks at a program that has just ended


def container_logs(client: EngineClient, container: str, *, tail: int, limit_bytes: int) -> str:
    kept = Tail(limit_bytes)
    framed = not answers.is_tty(client.inspect_container(container))
    _read_logs(client, container, framed=framed, tail=str(tail), take=kept.add)
    return kept.text()


def run_once(client: EngineClient, spec: ContainerSpec, *, within: float, limit_bytes: int) -> Finished:
    """An engine may have the end of a program before its output: what says nothing at all is run once more."""
    with translated(), client.limited(within):
        finished = _run(client, spec, limit_bytes)
        if not finished.stdout and not finished.stderr:
            finished = _run(client, spec, limit_bytes)
    return finished


def exec_run(
    client: EngineClient, container: str, command: tuple[str, ...], *, within: float, limit_bytes: int
) -> Finished:
    head = _Head(limit_bytes)
    with client.limited(within):
        run = demand_id(client.exec_create(container, list(command)), "an exec")
        url = client._url("/exec/{0}/start", run)
        seconds = client.seconds_left()
        with client.reading("POST", url, body={"Detach": False, "Tty": False}, within=seconds) as response:
            _take(response, framed=True, take=head.add)
        return head.finished(exec_status(client, run))


def _run(client: EngineClient, spec: ContainerSpec, limit_bytes: int) -> Finished:
    head = _Head(limit_bytes)
    with _created(client, spec) as container:
        client.start(container)
        status = answers.exit_status(client.wait(container, timeout=client.seconds_left()))
        seconds = client.seconds_left()
        _read_logs(client, container, framed=not spec.tty, tail="all", take=head.add, within=seconds)
    return head.finished(status)


@contextmanager
def _created(client: EngineClient, spec: ContainerSpec) -> Iterator[str]:
    body = container_body(replace(spec, restart_policy="no"), readable_logs=True)
    container = demand_id(client.create_container_from_config(body, spec.name or None), "a container")
    try:
        yield container
    finally:
        with client.granted(REMOVE_WITHIN), suppress(docker.errors.NotFound):
            client.remove_container(container, force=True, v=True)


def exec_status(client: EngineClient, run: str) -> int:
    """An engine may close the output before it knows the status."""
    while True:
        status = answers.exec_status(client.exec_inspect(run))
        if status is not None:
            return status
        time.sleep(SETTLE)


def _read_logs(
    client: EngineClient,
    container: str,
    *,
    framed: bool,
    tail: str,
    take: Callable[[int, bytes], None],
    within: float | None = None,
) -> None:
    url = client._url("/containers/{0}/logs", container)
    query = {"stdout": 1, "stderr": 1, "tail": tail}
    with client.reading("GET", url, query=query, within=within) as response:
        _take(response, framed=framed, take=take)


def _take(response: Any, *, framed: bool, take: Callable[[int, bytes], None]) -> None:
    frames = FrameReader(framed=framed)
    for chunk in response.iter_content(CHUNK):
        for part in frames.feed(chunk):
            take(*part)


class _Head:
    """Keeps the first `limit` bytes of each stream, and lets the rest pass."""

    def __init__(self, limit: int) -> None:
        self._room = {STDOUT: limit, STDERR: limit}
        self._parts: dict[int, list[Part]] = {STDOUT: [], STDERR: []}

    def add(self, stream: int, part: bytes) -> None:
        kept = part[: self._room[stream]]
        self._room[stream] -= len(kept)
        if kept:
            self._parts[stream].append((stream, kept))

    def finished(self, status: int) -> Finished:
        return Finished(status, as_text(self._parts[STDOUT]), as_text(self._parts[STDERR]))
