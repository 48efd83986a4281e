"""How the two builders of a fake engine tell of a build: each in the messages of a real one."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from typing import Any

from nodes.engine.buildkit.wire import field
from tests.support.fake_pulls import Say
from tests.support.fake_registry import FakeLayer, sha256

Steps = Iterator[Any]


class ClassicVoice:
    """In lines for people."""

    def opening(self) -> Steps:
        return iter(())

    def begin(self, number: int, total: int, instruction: str) -> Steps:
        yield Say(stream=f"Step {number}/{total} : {instruction}")
        yield Say(stream="\n")

    def layer(self, layer: FakeLayer) -> Steps:
        yield Say(status="Downloading", progressDetail={"current": layer.size, "total": layer.size}, id=layer.short)
        yield Say(status="Pull complete", progressDetail={}, id=layer.short)

    def cached(self) -> Steps:
        yield Say(stream=" ---> Using cache\n")

    def running(self, container: str) -> Steps:
        yield Say(stream=f" ---> Running in {container}\n")

    def says(self, words: str) -> Steps:
        yield Say(stream=words)

    def ran(self, container: str) -> Steps:
        yield Say(stream=f"Removing intermediate container {container}\n")

    def done(self, image: str) -> Steps:
        yield Say(stream=f" ---> {image[7:19]}\n")

    def failed(self, words: str) -> Steps:
        return iter(())

    def closing(self, image: str, tag: str) -> Steps:
        yield Say(aux={"ID": image})
        yield Say(stream=f"Successfully built {image[7:19]}\n")
        yield Say(stream=f"Successfully tagged {tag}\n")

    def syntax(self, words: str) -> tuple[str, int | None]:
        return words, 400

    def exit_code(self, command: str, code: int) -> str:
        return f"The command '/bin/sh -c {command}' returned a non-zero code: {code}"

    def refused(self, words: str, host: str) -> str:
        return words

    def missing(self, name: str) -> str:
        return f"manifest for {name} not found: manifest unknown: manifest unknown"


class BuildKitVoice:
    """In vertexes."""

    def __init__(self) -> None:
        self._name, self._started = "", b""

    def opening(self) -> Steps:
        yield from self.begin(0, 0, "")
        yield from self.done("")

    def begin(self, number: int, total: int, instruction: str) -> Steps:
        self._name = f"[{number}/{total}] {instruction}" if number else "[internal] load remote build context"
        yield self._vertex()
        self._started = _now()
        yield self._vertex()

    def layer(self, layer: FakeLayer) -> Steps:
        status = field(1, layer.digest) + field(2, self._digest) + field(3, "downloading")
        yield _trace(2, status + field(4, layer.size) + field(5, layer.size))
        yield _trace(2, status + field(4, layer.size) + field(5, layer.size))

    def cached(self) -> Steps:
        yield self._vertex(field(4, 1) + field(6, _now()))

    def running(self, container: str) -> Steps:
        return iter(())

    def says(self, words: str) -> Steps:
        yield _trace(3, field(1, self._digest) + field(3, 1) + field(4, words))

    def ran(self, container: str) -> Steps:
        return iter(())

    def done(self, image: str) -> Steps:
        yield self._vertex(field(6, _now()))

    def failed(self, words: str) -> Steps:
        if self._name:
            yield self._vertex(field(6, _now()) + field(7, words))

    def closing(self, image: str, tag: str) -> Steps:
        yield Say(id="moby.image.id", aux={"ID": image})
        yield Say(stream=f"Successfully tagged {tag}\n")

    def syntax(self, words: str) -> tuple[str, int | None]:
        return f"failed to solve with frontend dockerfile.v0: failed to create LLB definition: {words}", None

    def exit_code(self, command: str, code: int) -> str:
        return f"executor failed running [/bin/sh -c {command}]: exit code: {code}"

    def refused(self, words: str, host: str) -> str:
        return f"pulling from host {host} failed with status code [manifests 1]: 401 Unauthorized"

    def missing(self, name: str) -> str:
        return f"{name}: not found"

    @property
    def _digest(self) -> str:
        return sha256(self._name)

    def _vertex(self, more: bytes = b"") -> Say:
        started = field(5, self._started) if self._started else b""
        if more != b"":
            self._started = b""
        return _trace(1, field(1, self._digest) + field(3, self._name) + started + more)


def _now() -> bytes:
    """A `Timestamp`."""
    seconds, rest = divmod(time.time_ns(), 10**9)
    return field(1, seconds) + field(2, rest)


def _trace(number: int, part: bytes) -> Say:
    return Say(id="moby.buildkit.trace", aux=base64.b64encode(field(number, part)).decode())
