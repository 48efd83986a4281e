"""Fixtures that all tests may use: the real services, started when a test asks for them and stopped at the end.

Nothing of the services is imported before a test needs it, so that unit tests stay quick.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.gpu_standin.kit import GpuStandIn
    from tests.integration.scripted_server import ScriptedServer
    from tests.services.engine import RealEngine
    from tests.services.engine_bed import EngineBed
    from tests.services.fault_proxy import FaultProxy
    from tests.services.git_server import GitServer
    from tests.services.images import ImageStore
    from tests.services.postgres import PostgresServer
    from tests.services.redis import RedisServer
    from tests.services.registries import Registries
    from tests.services.registry import Registry
    from tests.services.sshd import SshServer

_LOG_LINES = 60  # of each service, in the report of a failed test


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("services")
    group.addoption("--keep-services", action="store_true", help="keep the directory of the services' logs and data")
    group.addoption("--only-database", action="store_true", help="leave files out in which no test asks for a database")
    group.addoption("--services-dir", default="/var/tmp", help="where that directory is made; needs about 2 GB")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What a file without the database shows is the same on any: one run of it says all."""
    if config.getoption("--only-database"):
        asking = {item.path for item in items if _asks_for_database(item)}
        config.hook.pytest_deselected(items=[item for item in items if item.path not in asking])
        items[:] = [item for item in items if item.path in asking]


def _asks_for_database(item: pytest.Item) -> bool:
    fixtures = getattr(item, "fixturenames", ())
    return "db" in fixtures or "transactional_db" in fixtures or item.get_closest_marker("django_db") is not None


@pytest.fixture(scope="session")
def session_dir(pytestconfig: pytest.Config) -> Iterator[Path]:
    """Directory of this run's services. Others may pass through it (PostgreSQL's user), not look around."""
    from tests.services import guardian

    path = Path(tempfile.mkdtemp(prefix="imagelib-tests-", dir=pytestconfig.getoption("--services-dir")))
    path.chmod(0o711)
    if pytestconfig.getoption("--keep-services"):
        yield path
        return
    guardian.watch_directory(path)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def registries(session_dir: Path) -> Iterator[Registries]:
    """Real registries: `.open`, `.basic`, `.token`, `.tls`."""
    from tests.services.registries import Registries
    from tests.services.requirements import require

    require("docker-registry", "busybox")
    with closing(Registries(session_dir)) as registries:
        yield registries


@pytest.fixture(scope="session")
def images(registries: Registries) -> ImageStore:
    """Builds images without an engine."""
    return registries.images


@pytest.fixture(scope="session")
def engine_bed(session_dir: Path, registries: Registries) -> Iterator[EngineBed]:
    """Makes engines; their short image names come from the open registry."""
    from tests.services.engine_bed import EngineBed
    from tests.services.requirements import require

    require("dockerd", "containerd", "runc", "unshare", "nsenter", root=True)
    with closing(EngineBed(session_dir, mirror=registries.open.url)) as bed:
        yield bed


@pytest.fixture(scope="session")
def engine(engine_bed: EngineBed) -> Iterator[RealEngine]:
    """A real engine that all tests share: do not stop it, use `own_engine` for that."""
    with closing(engine_bed.start_engine()) as engine:
        engine_bed.shared = engine
        yield engine
        engine_bed.shared = None


@pytest.fixture(scope="module")
def module_engine(engine_bed: EngineBed) -> Iterator[RealEngine]:
    """A real engine for the tests of one module."""
    with closing(engine_bed.start_engine()) as engine:
        yield engine


@pytest.fixture
def own_engine(engine_bed: EngineBed) -> Iterator[Callable[..., RealEngine]]:
    """`own_engine(**options)`: a real engine for this test alone, see EngineOptions."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(closing(engine_bed.start_engine(**options)))


@pytest.fixture(scope="session")
def gpu_standin(session_dir: Path) -> GpuStandIn:
    """A driver for cards that are not there, for engines started with a node of it as `programs`."""
    from tests.gpu_standin.kit import GpuStandIn
    from tests.services.requirements import require

    require("gcc")
    return GpuStandIn(session_dir / "gpu-standin")


@pytest.fixture(scope="session")
def ssh_server(session_dir: Path, engine: RealEngine) -> Iterator[SshServer]:
    """An SSH server in front of `engine`."""
    from tests.services.requirements import require
    from tests.services.sshd import SshServer

    require("sshd", "ssh-keygen", "docker", "openssl", root=True)
    with closing(SshServer(session_dir, engine)) as server:
        server.start()
        yield server


@pytest.fixture
def fault_proxy() -> Iterator[Callable[..., FaultProxy]]:
    """`fault_proxy(registry)`: a proxy in front of it that injects faults."""
    from tests.services.fault_proxy import FaultProxy

    def start(registry: Registry, **options: Any) -> FaultProxy:
        proxy = stack.enter_context(closing(FaultProxy(("127.0.0.1", registry.port), **options)))
        proxy.start()
        return proxy

    with ExitStack() as stack:
        yield start


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """Answers by script."""
    from tests.integration.scripted_server import scripted_server

    with scripted_server() as server:
        yield server


@pytest.fixture
def git_server(tmp_path: Path) -> Iterator[Callable[..., GitServer]]:
    """`git_server(users={...})`: a git server over HTTP with repositories of its own."""
    from tests.services.git_server import GitServer
    from tests.services.requirements import require

    require("git")

    def start(**options: Any) -> GitServer:
        return stack.enter_context(closing(GitServer(Path(tempfile.mkdtemp(dir=tmp_path)), **options)))

    with ExitStack() as stack:
        yield start


@pytest.fixture
def no_checkouts_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No checkout of a repository leaves a file behind, whatever happened to it."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert list(folder.iterdir()) == []


@pytest.fixture(scope="session")
def redis_server(session_dir: Path) -> Iterator[RedisServer]:
    """A real Redis."""
    from tests.services.redis import RedisServer
    from tests.services.requirements import require

    require("redis-server")
    with closing(RedisServer(session_dir)) as server:
        server.start()
        yield server


@pytest.fixture(scope="session")
def postgres(session_dir: Path) -> Iterator[PostgresServer]:
    """A real PostgreSQL."""
    from tests.services.postgres import PostgresServer
    from tests.services.requirements import require

    require("postgres", "initdb")
    with closing(PostgresServer(session_dir)) as server:
        server.start()
        yield server


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Remember where the logs of the services stand."""
    for log in _known_logs():
        log.mark = log.size()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Show with a failed test what the services logged meanwhile."""
    report = yield
    if report.failed:
        for log in _known_logs():
            lines = log.text(log.mark).splitlines()[-_LOG_LINES:]
            if lines:
                report.sections.append((f"log of {log.name}", "\n".join(lines)))
    return report


def _known_logs() -> list[Any]:
    process = sys.modules.get("tests.services.process")
    return list(process.Log.known) if process else []
