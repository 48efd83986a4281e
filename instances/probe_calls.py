"""Asking a container one probe: in it, through its engine, or over its node's address. A probe looks and nothing else:
whatever goes wrong is its answer. That its node cannot be reached says nothing of the container."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.fields import MASK
from instances.grpc_health import HealthCheck
from instances.hiding import without
from instances.outcome import cause_of
from instances.recipes.probes import EXEC, GRPC, HTTP, TCP
from nodes.engine import Engine, EngineError, EngineRejected

_LONGEST_LINE = 8192
_PATIENCE = 0.5  # seconds that a connection has to stay open
_LONGEST_STATUS = 20  # characters; three are right
_TOLD = 200  # characters of what a program said


@dataclass(frozen=True, slots=True)
class Result:
    ok: bool | None  # None: it could not be asked
    code: str  # of `instances.probe_texts`: what was seen
    params: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_silent_node(cls, error: EngineError) -> Result:
        return cls(None, "node_lost", {"cause": cause_of("engine", error.code)})


def ask(
    probe: Mapping[str, Any],
    *,
    engine: Callable[[], Any],
    container: str,
    host: str,
    secrets: Collection[str] | None = (),
) -> Result:
    """`engine` connects to the container's engine, `host` is where its node publishes ports. `secrets` are left out of
    what programs say; None: any of their words may be one, so none is told."""
    if probe["via"] == EXEC:
        return _run(probe, engine, container, secrets)
    try:
        return asyncio.run(_within(_LOOKS[probe["via"]], probe, host))
    except (OSError, ValueError) as error:
        return _unanswered(error, probe, engine)


def _run(
    probe: Mapping[str, Any], engine: Callable[[], Any], container: str, secrets: Collection[str] | None
) -> Result:
    try:
        with engine() as connected:
            return _exit(connected, probe, container, secrets)
    except EngineRejected as error:
        return Result(False, "engine_refused", {"evidence": _told(error.evidence, secrets)})
    except EngineError as error:
        return Result.of_silent_node(error)


def _exit(engine: Engine, probe: Mapping[str, Any], container: str, secrets: Collection[str] | None) -> Result:
    room = _TOLD + _longest(secrets)
    try:
        done = engine.exec_run(container, tuple(probe["command"]), within=float(probe["timeout"]), limit_bytes=room)
    except EngineError as error:
        if error.code != "engine_timeout":
            raise
        engine.inspect_container(container)  # raises when it is the engine that is silent, not the program
        return _late(probe)
    words = _told(done.stdout or done.stderr, secrets, limit=room)
    said = " ".join(words.split())[:_TOLD]
    return Result(done.exit_code == 0, "exited", {"status": done.exit_code, "said": said})


def _told(words: str, secrets: Collection[str] | None, *, limit: int | None = None) -> str:
    """Without secrets. Words that were cut after `limit` bytes may end in the beginning of one."""
    if secrets is None:
        return MASK if words.strip() else ""
    told = without(words, secrets)
    cut = limit is not None and len(words.encode()) >= limit
    return told[: -_longest(secrets)] if cut and secrets else told


def _longest(secrets: Collection[str] | None) -> int:
    """Bytes."""
    return max((len(secret.encode()) for secret in secrets or ()), default=0)


def _late(probe: Mapping[str, Any]) -> Result:
    return Result(False, "no_answer", {"seconds": probe["timeout"]})


async def _within(
    look: Callable[[Mapping[str, Any], str], Awaitable[Result]], probe: Mapping[str, Any], host: str
) -> Result:
    async with asyncio.timeout(float(probe["timeout"])):
        return await look(probe, host)


def _unanswered(error: OSError | ValueError, probe: Mapping[str, Any], engine: Callable[[], Any]) -> Result:
    """A node whose engine does not answer either is out of reach."""
    try:
        with engine():
            pass
    except EngineError as lost:
        return Result.of_silent_node(lost)
    if isinstance(error, TimeoutError):
        return _late(probe)
    if isinstance(error, ConnectionRefusedError):
        return Result(False, "connection_refused")
    number = getattr(error, "errno", None)
    words = os.strerror(number) if isinstance(number, int) and number > 0 else str(error)
    return Result(False, "connection_failed", {"reason": words[:_TOLD] or type(error).__name__})


async def _connect(probe: Mapping[str, Any], host: str) -> Result:
    """An engine's own proxy accepts for the container, and hangs up at once when nothing listens there."""
    reader, writer = await asyncio.open_connection(host, probe["host_port"])
    try:
        async with asyncio.timeout(min(_PATIENCE, float(probe["timeout"]) / 2)):
            if not await reader.read(1):
                return Result(False, "hung_up")
    except TimeoutError:
        pass  # it waits for us to speak
    finally:
        writer.close()
    return Result(True, "connected")


async def _request(probe: Mapping[str, Any], host: str) -> Result:
    """Any status from 200 to 399 is a success; redirections are not followed."""
    tls = _unverified() if probe["scheme"] == "HTTPS" else None
    reader, writer = await asyncio.open_connection(host, probe["host_port"], ssl=tls, limit=_LONGEST_LINE)
    try:
        writer.write(_head(probe, host))
        await writer.drain()
        line = (await reader.readline()).decode("latin-1").split()
    finally:
        writer.close()
    if len(line) < 2 or not line[0].startswith("HTTP/") or not line[1].isdecimal():
        return Result(False, "no_http")
    return Result(200 <= int(line[1]) < 400, "http_status", {"status": line[1][:_LONGEST_STATUS]})


def _head(probe: Mapping[str, Any], host: str) -> bytes:
    headers = {"Host": f"{host}:{probe['host_port']}", "User-Agent": "imagelib-probe", "Accept": "*/*"}
    headers |= dict(probe["headers"])
    lines = [f"GET {probe['path']} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode()


def _unverified() -> ssl.SSLContext:
    """As Kubernetes: a probe asks whether the program answers, not who it is."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def _check_health(probe: Mapping[str, Any], host: str) -> Result:
    reader, writer = await asyncio.open_connection(host, probe["host_port"])
    try:
        check = HealthCheck(service=probe["service"], authority=f"{host}:{probe['host_port']}")
        writer.write(check.opening)
        while check.outcome is None:
            writer.write(check.feed(await reader.read(_LONGEST_LINE)))
    finally:
        writer.close()
    return Result(*check.outcome)


_LOOKS = {HTTP: _request, TCP: _connect, GRPC: _check_health}
