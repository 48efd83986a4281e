"""The two worlds of the contract tests: a real engine with real registries, and the project's fake."""

from __future__ import annotations

import json
import tempfile
import threading
import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from nodes.engine import Engine, EngineEndpoint, RegistryAuth, connect
from tests.services.process import processes_with
from tests.support.fake_engine import FakeEngine, FakeFleet
from tests.support.fake_programs import Program
from tests.support.fake_pulls import Hold, Say
from tests.support.fake_registry import FakeImage, FakeLayer, FakeRegistry


@dataclass(frozen=True)
class Target:
    """An image to pull."""

    repository: str
    tag: str
    digest: str = ""
    layers: tuple[str, ...] = ()  # 12 hex digits each, as in events
    sizes: tuple[int, ...] = ()  # compressed

    @property
    def reference(self) -> str:
        return f"{self.repository}:{self.tag}"


class World(Protocol):
    """What a contract test may use. The engine has no images at the start of a test."""

    login: RegistryAuth  # for `private`

    def connect(self) -> AbstractContextManager[Engine]: ...

    def open(self, name: str) -> Target: ...

    def private(self) -> Target: ...

    def slow(self) -> Target:
        """An image that takes more than ten seconds to download."""
        ...

    def delivered(self) -> int:
        """A number that grows while the slow image is being downloaded, and stands still otherwise."""
        ...

    def knows(self, programs: Mapping[tuple[str, ...], Program], shell: Mapping[str, str]) -> None:
        """What commands do: a real engine finds out by itself."""
        ...

    def directory(self, files: Mapping[str, bytes | str]) -> str:
        """A directory on the node: file name -> content, or where a link leads."""
        ...

    def permit(self, path: str, permissions: int) -> None:
        """Who may do what with something in such a directory, or with the directory."""
        ...

    def network(self) -> str:
        """A network in which ports can be published."""
        ...

    def fresh(self, *, private: bool = False) -> Target:
        """A name for an image of which no registry has heard: in the open registry, or in that of `private`."""
        ...

    def stalled(self) -> Target:
        """The same in a registry that takes no layer until `go_on`."""
        ...

    def go_on(self) -> None: ...

    def uploads(self) -> int:
        """How many requests that registry has had so far."""
        ...

    def programs(self, words: str) -> int:
        """How many programs run on the node that were started with these words."""
        ...


class RealWorld:
    """`engine`, `registries` and `fault_proxy` are the fixtures of tests/services."""

    login = RegistryAuth("puller", "pull-s3cret")

    def __init__(self, engine: Any, registries: Any, fault_proxy: Callable[..., Any]) -> None:
        engine.wipe()
        self.engine = engine
        self._registries = registries
        self._fault_proxy = fault_proxy
        self._proxy: Any = None

    def connect(self) -> AbstractContextManager[Engine]:
        return connect(EngineEndpoint(self.engine.unix_url))

    def open(self, name: str) -> Target:
        return _target(self._registries.open, self._registries.open.address, name)

    def private(self) -> Target:
        return _target(self._registries.basic, self._registries.basic.address, "team/mid:1")

    def slow(self) -> Target:
        self._proxy = self._fault_proxy(self._registries.open)
        self._proxy.limit(1_000_000)
        return _target(self._registries.open, self._proxy.address, "team/mid:1")

    def delivered(self) -> int:
        return int(self._proxy.sent())

    def knows(self, programs: Mapping[tuple[str, ...], Program], shell: Mapping[str, str]) -> None:
        """It does."""

    def directory(self, files: Mapping[str, bytes | str]) -> str:
        directory = Path(tempfile.mkdtemp(dir=self.engine.files.directory))
        for name, content in files.items():
            if isinstance(content, str):
                (directory / name).symlink_to(content)
            else:
                (directory / name).write_bytes(content)
        return str(directory)

    def permit(self, path: str, permissions: int) -> None:
        Path(path).chmod(permissions)

    def fresh(self, *, private: bool = False) -> Target:
        registry = self._registries.basic if private else self._registries.open
        return Target(f"{registry.address}/me/{uuid.uuid4().hex}", "1")

    def stalled(self) -> Target:
        self._proxy = self._fault_proxy(self._registries.open)
        self._proxy.stall(match=r"^(POST|PATCH|PUT) .*/blobs/uploads/")
        return Target(f"{self._proxy.address}/me/{uuid.uuid4().hex}", "1")

    def go_on(self) -> None:
        self._proxy.clear()

    def uploads(self) -> int:
        return int(self._proxy.count("/blobs/uploads/"))

    def programs(self, words: str) -> int:
        return len(processes_with(words))

    def network(self) -> str:
        body = json.dumps({"Name": "ports", "Driver": "bridge", "CheckDuplicate": True}).encode()
        headers = {"Content-Type": "application/json"}
        status, answer = self.engine.request("POST", "/networks/create", body, headers)
        assert status in (201, 409), answer
        return "ports"


def _target(registry: Any, address: str, name: str) -> Target:
    repository, _, tag = name.rpartition(":")
    try:
        image = registry.image(name)
    except KeyError:
        return Target(f"{address}/{repository}", tag)
    layers = getattr(image, "layers", ())
    shorts, sizes = tuple(layer.short for layer in layers), tuple(layer.size for layer in layers)
    return Target(f"{address}/{repository}", tag, image.digest, shorts, sizes)


class FakeWorld:
    """The same images, in memory."""

    login = RegistryAuth("puller", "pull-s3cret")
    open_host, private_host = "127.0.0.1:5000", "127.0.0.1:5001"

    def __init__(self) -> None:
        self._going_on = threading.Event()
        self._engine = FakeEngine(_registry(self.open_host, self.private_host))
        self._fleet = FakeFleet({"tcp://fake:2375": self._engine})

    def connect(self) -> AbstractContextManager[Engine]:
        return self._fleet.connect(EngineEndpoint("tcp://fake:2375"))

    def open(self, name: str) -> Target:
        return self._target(f"{self.open_host}/{name}")

    def private(self) -> Target:
        return self._target(f"{self.private_host}/team/mid:1")

    def slow(self) -> Target:
        self._engine.pace, self._engine.steps_per_layer = 0.05, 100
        return self.open("team/mid:1")

    def delivered(self) -> int:
        return sum(pull.said for pull in self._engine.pulls)

    def knows(self, programs: Mapping[tuple[str, ...], Program], shell: Mapping[str, str]) -> None:
        self._engine.containers.programs.update(programs)
        self._engine.containers.exec_programs.update(programs)
        self._engine.containers.shell = dict(shell)

    def directory(self, files: Mapping[str, bytes | str]) -> str:
        self._engine.containers.host_files.update({f"/srv/node/{name}": content for name, content in files.items()})
        return "/srv/node"

    def permit(self, path: str, permissions: int) -> None:
        self._engine.containers.permissions[path] = permissions

    def fresh(self, *, private: bool = False) -> Target:
        return Target(f"{self.private_host if private else self.open_host}/me/{uuid.uuid4().hex}", "1")

    def stalled(self) -> Target:
        preparing = Say(status="Preparing", progressDetail={}, id="0123456789ab")
        pushing = Say(status="Pushing", progressDetail={"current": 512, "total": 5_000_000}, id="0123456789ab")
        steps = (Say(status="The push refers to …"), preparing, pushing, Hold(self._going_on), pushing)
        self._engine.pushes.script(*steps)
        return self.fresh()

    def go_on(self) -> None:
        self._going_on.set()

    def uploads(self) -> int:
        return sum(push.said for push in self._engine.pushes.all)

    def programs(self, words: str) -> int:
        return self._engine.builds.running

    def network(self) -> str:
        self._engine.containers.networks.add("ports")
        return "ports"

    def _target(self, reference: str) -> Target:
        repository, _, tag = reference.rpartition(":")
        image = self._engine.registry.find(repository, tag)
        if image is None:
            return Target(repository, tag)
        shorts = tuple(layer.short for layer in image.layers)
        return Target(repository, tag, image.digest, shorts, tuple(layer.size for layer in image.layers))


def _registry(open_host: str, private_host: str) -> FakeRegistry:
    base = FakeLayer("busybox", 1_000_000)
    mid = (base, *(FakeLayer(f"mid-{number}", 5_000_000) for number in range(4)))
    registry = FakeRegistry(logins={private_host: ("puller", "pull-s3cret")})
    for host in (open_host, private_host):
        registry.add(
            FakeImage(f"{host}/team/tiny", "1", (base,), files={"/etc/os-release": b'NAME="Test image"\nID=test\n'}),
            FakeImage(f"{host}/team/mid", "1", mid),
            FakeImage(f"{host}/team/mid", "2", (*mid[:4], FakeLayer("mid-other", 5_000_000))),
            FakeImage(f"{host}/team/broken", "1", (base, FakeLayer("broken", 1_000_000, missing=True))),
        )
    return registry
