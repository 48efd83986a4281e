"""ssh:// addresses, with a real SSH server before a real engine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nodes.engine import BUILDKIT, EngineEndpoint, EngineError, EngineRejected, connect
from tests.contract.test_builds import BASE, both, built, spec
from tests.contract.test_real_builds import until_ready
from tests.contract.worlds import Target
from tests.services.process import comes_to_rest, processes_with, wait_until

if TYPE_CHECKING:
    from tests.services.engine import RealEngine
    from tests.services.registries import Registries
    from tests.services.sshd import SshServer

pytestmark = pytest.mark.real


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A service account of the test's own: no keys, no known hosts, no agent."""
    (tmp_path / ".ssh").mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "no-agent"))
    return tmp_path


@pytest.fixture
def by_password(ssh_server: SshServer) -> EngineEndpoint:
    address = f"ssh://{ssh_server.host}"
    return EngineEndpoint(
        address, ssh_port=ssh_server.port, ssh_username=ssh_server.username, ssh_password=ssh_server.password
    )


def failure(endpoint: EngineEndpoint, *, timeout: float = 60.0, known_hosts: str | None = None) -> EngineError:
    with pytest.raises(EngineError) as error, connect(endpoint, timeout=timeout, known_hosts=known_hosts):
        pass
    assert "s3cret" not in str(error.value)
    return error.value


def test_login_by_password(ssh_server: SshServer, by_password: EngineEndpoint) -> None:
    with connect(by_password, known_hosts=str(ssh_server.known_hosts_path)) as connection:
        assert connection.ping() < 1
        assert connection.info().os == "linux"


def test_login_with_a_key_of_the_account(ssh_server: SshServer, home: Path) -> None:
    key = home / ".ssh" / "id_ed25519"
    key.write_text(ssh_server.private_key)
    key.chmod(0o600)
    (home / ".ssh" / "known_hosts").write_text(ssh_server.known_hosts_line + "\n")
    with connect(EngineEndpoint(ssh_server.url)) as connection:
        assert connection.info().os == "linux"


def test_unknown_and_changed_host_keys(ssh_server: SshServer, by_password: EngineEndpoint, home: Path) -> None:
    assert failure(by_password).code == "engine_ssh_host_key"
    assert failure(by_password, known_hosts=str(home / "nosuch")).code == "engine_ssh_host_key"
    place, kind, key = ssh_server.known_hosts_line.split()[:3]
    (home / "changed").write_text(f"{place} {kind} {key[:-4]}AAAA\n")
    assert failure(by_password, known_hosts=str(home / "changed")).code == "engine_ssh_host_key"


def test_a_known_hosts_file_replaces_the_accounts_own(
    ssh_server: SshServer, by_password: EngineEndpoint, home: Path
) -> None:
    (home / ".ssh" / "known_hosts").write_text(ssh_server.known_hosts_line + "\n")
    (home / "empty").write_text("")
    assert failure(by_password, known_hosts=str(home / "empty")).code == "engine_ssh_host_key"


def test_refused_logins(ssh_server: SshServer, by_password: EngineEndpoint) -> None:
    known = str(ssh_server.known_hosts_path)
    wrong = replace(by_password, ssh_password="wrong-s3cret")
    nothing = replace(by_password, ssh_password="")
    for endpoint in (wrong, nothing):
        error = failure(endpoint, known_hosts=known)
        assert (error.code, error.transient) == ("engine_ssh_auth", False)


def test_a_user_who_may_not_open_the_socket(ssh_server: SshServer, by_password: EngineEndpoint) -> None:
    outsider = replace(by_password, ssh_username=ssh_server.outsider, ssh_password=ssh_server.outsider_password)
    error = failure(outsider, known_hosts=str(ssh_server.known_hosts_path))
    assert error.code == "engine_socket_permission"


def test_nobody_at_the_port(ssh_server: SshServer) -> None:
    known = str(ssh_server.known_hosts_path)
    assert failure(EngineEndpoint("ssh://root@127.0.0.1:1"), known_hosts=known).code == "engine_refused"


def test_pull_and_cancel(
    ssh_server: SshServer, by_password: EngineEndpoint, registries: Registries, fault_proxy: Callable[..., Any]
) -> None:
    proxy = fault_proxy(registries.open)
    repository = f"{proxy.address}/team/mid"
    with connect(by_password, known_hosts=str(ssh_server.known_hosts_path)) as connection:
        with connection.pull(repository, tag_or_digest="nosuch", auth=None) as stream, pytest.raises(EngineRejected):
            list(stream)
        proxy.stall(match="/manifests/")
        stream = connection.pull(repository, tag_or_digest="1", auth=None)
        assert next(stream) is None
        stream.close()
        wait_until("the reader to end", lambda: "engine-pull" not in {one.name for one in threading.enumerate()})
        proxy.clear()
        proxy.limit(1_000_000)
        stream = connection.pull(repository, tag_or_digest="1", auth=None)
        next(event for event in stream if event and event.status == "Downloading")
        stream.close()
        comes_to_rest("the download", proxy.sent)
        assert connection.inspect_image(f"{repository}:1") is None
        proxy.clear()
        with connection.pull(repository, tag_or_digest="1", auth=None) as stream:
            list(stream)
        assert stream.status_line.startswith("Downloaded newer image")
        assert connection.remove_image(f"{repository}:1") is True


def test_an_image_goes_out_and_in(
    ssh_server: SshServer, by_password: EngineEndpoint, registries: Registries, engine: RealEngine
) -> None:
    engine.wipe()
    reference = registries.open.reference("team/mid:1")
    with connect(by_password, known_hosts=str(ssh_server.known_hosts_path)) as connection:
        repository, _, tag = reference.rpartition(":")
        with connection.pull(repository, tag_or_digest=tag, auth=None) as stream:
            assert list(stream)
        with connection.save_image(reference) as saved:
            archive = list(saved.chunks())
        before = connection.inspect_image(reference)
        assert before is not None and connection.remove_image(before.id, force=True)
        with connection.load_image(iter(archive)) as loading:
            assert any(event.loaded == reference for event in loading if event is not None)
        after = connection.inspect_image(reference)
    assert after is not None and after.id == before.id


def test_a_build_asks_back_through_ssh(
    ssh_server: SshServer, by_password: EngineEndpoint, engine: RealEngine, registries: Registries
) -> None:
    """Two connections at once: the build, and the session by which it gets its secret."""
    engine.wipe()
    wanted = spec(BUILDKIT, Target(f"{registries.open.address}/team/tiny", "1"), secrets={"token": b"sesame"})
    with connect(by_password, known_hosts=str(ssh_server.known_hosts_path)) as connection:
        events, image = built(connection, wanted, BASE + "RUN --mount=type=secret,id=token cat /run/secrets/token\n")
    assert image and "sesame" in [event.text for event in events]


@both
def test_close_stops_a_build_through_ssh(
    ssh_server: SshServer, by_password: EngineEndpoint, engine: RealEngine, registries: Registries, builder: str
) -> None:
    engine.wipe()
    with connect(by_password, known_hosts=str(ssh_server.known_hosts_path)) as connection:
        stream = until_ready(connection, registries, builder, "sleep 86396")
        stream.close()
        wait_until("the program to end", lambda: not processes_with("sleep 86396"))
        wait_until("the container to go", lambda: connection.list_containers(labels={}) == [])
