"""The one fake of the project: Docker engines in memory, behind the same `Engine` protocol as the real ones.

    registry = FakeRegistry()
    registry.add(FakeImage.sized("127.0.0.1:5000/team/mid", "1", [5_000_000, 1_000_000]))
    engine = FakeEngine(registry)
    engine.script("127.0.0.1:5000/team/mid:1", Say(status="Pulling from team/mid"), Break())   # the first pull breaks
    fleet = FakeFleet({"tcp://10.0.0.1:2375": engine})
    with fleet.connect(EngineEndpoint("tcp://10.0.0.1:2375")) as connection:                   # as nodes.engine.connect
        ...

`tests/contract` runs the same bodies against it and against a real engine: what it answers there, it may not invent.
Pulls go through the real `PullStream`; only the bytes are made up.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from nodes.engine import DiskSpace, EngineEndpoint, EngineError, RegistryAuth
from tests.support.fake_builds import FakeBuilds, FakePushes
from tests.support.fake_connection import FakeConnection
from tests.support.fake_containers import FakeContainers
from tests.support.fake_pulls import Break, FakePull, Refuse, Step, up_to_date_script, usual_script
from tests.support.fake_registry import FakeImage, FakeRegistry
from tests.support.fake_transfers import FakeTransfers

GB = 1_000_000_000


class FakeEngine:
    """State and knobs of one engine. Safe to use from several threads.

    Knobs: `failure` (an EngineError that every call raises: the engine is unreachable), `pace` (seconds before each
    event of a pull), `tick` (of the streams; short ones make quick tests), `steps_per_layer`, `disk`, `platform`.
    To look at afterwards: `pulls`, `running_pulls`, `most_running_pulls`. `containers`: see `FakeContainers`,
    `transfers`: see `FakeTransfers`, `builds` and `pushes`: see `FakeBuilds`, `FakePushes`.
    """

    def __init__(self, registry: FakeRegistry | None = None, *, name: str = "fake") -> None:
        self.registry = registry or FakeRegistry()
        self.name = name
        self.failure: EngineError | None = None
        self.pace = 0.0
        self.tick = 0.05
        self.steps_per_layer = 4
        self.disk: DiskSpace | None = DiskSpace(total=100 * GB, free=60 * GB)
        self.platform = "linux/amd64"
        self.pulls: list[FakePull] = []
        self.containers = FakeContainers()
        self.transfers = FakeTransfers()
        self.builds, self.pushes = FakeBuilds(), FakePushes()
        self.running_pulls = 0
        self.most_running_pulls = 0
        self._lock = threading.RLock()
        self._names: dict[str, FakeImage] = {}  # "repository:tag" and "repository@digest"
        self._scripts: dict[str, deque[tuple[Step, ...]]] = defaultdict(deque)

    @contextmanager
    def connect(self) -> Iterator[FakeConnection]:
        """A connection, as `nodes.engine.connect` gives one."""
        self.check()
        connection = FakeConnection(self)
        try:
            yield connection
        finally:
            connection.close()

    def script(self, reference: str, *steps: Step) -> None:
        """The next pull of `reference` (with tag or digest) goes like this; further calls script the ones after it.
        Unscripted pulls go as the registry's images say."""
        with self._lock:
            self._scripts[reference].append(steps)

    def add_image(self, image: FakeImage) -> None:
        """Put an image on the engine, as if it had been pulled."""
        self.name_image(image.reference, image)
        self.name_image(f"{image.repository}@{image.digest}", image)

    # for connections and pulls

    def check(self) -> None:
        if self.failure is not None:
            raise self.failure

    def images(self) -> list[FakeImage]:
        with self._lock:
            return list({image.id: image for image in self._names.values()}.values())

    def find(self, reference: str) -> FakeImage | None:
        """By "repository:tag", "repository" (latest), "repository@digest" or id. Beside a digest a tag says nothing."""
        named, separator, digest = reference.partition("@")
        head, slash, last = named.rpartition("/")
        reference = f"{head}{slash}{last.partition(':')[0]}@{digest}" if separator else reference
        with self._lock:
            by_id = {image.id: image for image in self._names.values()}
            return self._names.get(reference) or self._names.get(f"{reference}:latest") or by_id.get(reference)

    def names_of(self, image: FakeImage) -> list[str]:
        with self._lock:
            return sorted(name for name, other in self._names.items() if other.id == image.id)

    def all_names(self) -> list[str]:
        with self._lock:
            return sorted(self._names)

    def name_image(self, name: str, image: FakeImage) -> None:
        with self._lock:
            self._names[name] = image

    def remove(self, reference: str) -> bool:
        """A name; with its last tag, or by id, the image. False when there is none such."""
        with self._lock:
            image = self.find(reference)
            if image is None:
                return False
            self._names.pop(reference, None)
            if reference == image.id or not any("@" not in name for name in self.names_of(image)):
                for name in self.names_of(image):
                    del self._names[name]
            return True

    def pull_begins(self) -> None:
        with self._lock:
            self.running_pulls += 1
            self.most_running_pulls = max(self.most_running_pulls, self.running_pulls)

    def pull_ends(self) -> None:
        with self._lock:
            self.running_pulls -= 1

    def steps_for(self, pull: FakePull) -> Sequence[Step]:
        """How this pull will go; remembers it."""
        separator = "@" if pull.tag_or_digest.startswith("sha256:") else ":"
        reference = f"{pull.repository}{separator}{pull.tag_or_digest}"
        with self._lock:
            self.pulls.append(pull)
            if self.failure is not None:
                return [Break(self.failure)]
            if self._scripts[reference]:
                return self._scripts[reference].popleft()
        refusal = self.refusal(pull.repository, pull.auth)
        if refusal is not None:
            return [refusal]
        image = self.registry.find(pull.repository, pull.tag_or_digest)
        if image is None:
            return [Refuse(404, f"manifest for {reference} not found: manifest unknown: manifest unknown")]
        return self._script_of(image)

    def refusal(self, repository: str, auth: RegistryAuth | None) -> Refuse | None:
        """How 20.10 words the refusals of a registry with basic authentication."""
        host = repository.partition("/")[0]
        wanted = self.registry.logins.get(host)
        if wanted is None or (auth is not None and (auth.username, auth.password) == wanted):
            return None
        if auth is None:
            return Refuse(500, f'Head "http://{host}/v2/": no basic auth credentials')
        return Refuse(500, "unauthorized: authentication required")

    def _script_of(self, image: FakeImage) -> Sequence[Step]:
        present = self.find(image.reference)
        if present is not None and present.digest == image.digest:
            return up_to_date_script(image)
        known = frozenset(diff_id for other in self.images() for diff_id in other.diff_ids)
        return usual_script(image, known=known, steps_per_layer=self.steps_per_layer)


class FakeFleet:
    """Engines by address. `connect` stands in for `nodes.engine.connect`; unknown addresses refuse the connection."""

    def __init__(self, engines: Mapping[str, FakeEngine] | None = None) -> None:
        self.engines = dict(engines or {})
        self.endpoints: list[EngineEndpoint] = []  # of all connections so far
        self.open_connections = 0
        self._lock = threading.Lock()

    @contextmanager
    def connect(
        self,
        endpoint: EngineEndpoint,
        *,
        timeout: float = 10.0,
        known_hosts: str | None = None,
        within: float | None = None,
    ) -> Iterator[FakeConnection]:
        engine = self.engines.get(endpoint.address)
        if engine is None:
            raise EngineError("engine_refused", "[Errno 111] Connection refused")
        with engine.connect() as connection:
            self._count(endpoint, +1)
            try:
                yield connection
            finally:
                self._count(endpoint, -1)

    def _count(self, endpoint: EngineEndpoint, change: int) -> None:
        with self._lock:
            self.open_connections += change
            if change > 0:
                self.endpoints.append(endpoint)
