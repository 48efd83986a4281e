"""The real services of the tests do what the other tests rely on."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import redis as redis_client
from paramiko import SSHClient

from tests.services.engine import RealEngine
from tests.services.engine_api import outcome
from tests.services.process import is_alive, wait_until
from tests.services.requirements import REQUIRE_REAL, require, unavailable

pytestmark = pytest.mark.real

Engines = Callable[..., RealEngine]


def ping(url: str, context: ssl.SSLContext | None = None) -> int:
    """HTTP status of an engine's ping."""
    address = urlsplit(url)
    assert address.hostname and address.port
    if context is None:
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=5)
    else:
        connection = http.client.HTTPSConnection(address.hostname, address.port, timeout=5, context=context)
    try:
        connection.request("GET", "/_ping")
        return connection.getresponse().status
    finally:
        connection.close()


def client_context(engine: RealEngine, who: str | None = "client") -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=engine.pem("ca"))
    if who:
        context.load_cert_chain(engine.pem_path(f"{who}_cert"), engine.pem_path(f"{who}_key"))
    return context


class TestEngine:
    def test_answers_on_all_its_addresses(self, engine):
        assert engine.get("/info")["Driver"]
        assert engine.unix_url == f"unix://{engine.socket_path}"
        assert ping(engine.tcp_url) == 200
        assert ping(engine.tls_url, client_context(engine)) == 200

    @pytest.mark.parametrize("who", [None, "rogue_client"])
    def test_tls_refuses_clients_of_others(self, engine, who):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            ping(engine.tls_url, client_context(engine, who))

    def test_tls_certificate_is_for_one_name_and_one_authority(self, engine):
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            ping(engine.wrong_host_url, client_context(engine))
        with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
            ping(engine.tls_url, ssl.create_default_context(cadata=engine.pem("rogue_ca")))

    def test_comes_back_after_a_crash_with_its_images(self, own_engine: Engines, registries):
        engine = own_engine()
        reference = registries.open.reference("team/tiny:1")
        engine.pull(reference)
        engine.kill9()
        assert not engine.running
        for port in (engine.tcp_port, engine.tls_port):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), timeout=1)
        engine.start()
        assert engine.references() == [reference]
        engine.restart()
        assert engine.references() == [reference]

    def test_frozen_engine_accepts_and_does_not_answer(self, own_engine: Engines):
        engine = own_engine()
        engine.pause()
        socket.create_connection(("127.0.0.1", engine.tls_port), timeout=1).close()
        assert not engine.answers()
        engine.resume()
        assert engine.answers()

    def test_several_at_once_do_not_share_images(self, engine, own_engine: Engines, registries):
        reference = registries.open.reference("team/tiny:1")
        engine.pull(reference)
        assert own_engine().references() == []
        assert engine.inspect(reference)

    def test_small_disk_is_full(self, own_engine: Engines, registries):
        engine = own_engine(disk_mb=60)
        engine.fill_disk(leave_mb=2)
        assert "no space left on device" in outcome(engine.pull(registries.open.reference("team/mid:1")))
        engine.free_disk()
        assert "Downloaded newer image" in outcome(engine.pull(registries.open.reference("team/mid:1")))

    def test_short_names_come_from_the_open_registry_and_others_are_unknown(self, engine):
        assert "tiny:1" in outcome(engine.pull("tiny:1"))
        assert "no such host" in outcome(engine.pull("registry.nowhere.test/team/tiny:1"))

    def test_tiny_image_runs(self, engine, registries):
        reference = registries.open.reference("team/tiny:1")
        engine.pull(reference)
        options = {"Image": reference, "Cmd": ["echo", "hello"], "HostConfig": {"NetworkMode": "none"}}
        body, headers = json.dumps(options).encode(), {"Content-Type": "application/json"}
        container = json.loads(engine.request("POST", "/containers/create", body, headers)[1])["Id"]
        assert engine.request("POST", f"/containers/{container}/start")[0] == 204
        assert json.loads(engine.request("POST", f"/containers/{container}/wait")[1])["StatusCode"] == 0
        assert b"hello" in engine.request("GET", f"/containers/{container}/logs?stdout=1")[1]

    def test_unknown_authority_until_trusted(self, own_engine: Engines, registries, fault_proxy):
        """Engines take 127.0.0.0/8 as it comes; only another address shows what they think of a certificate."""
        try:
            proxy = fault_proxy(registries.tls, host="::1", http=False)
        except OSError:
            unavailable("missing: IPv6 on the loopback interface")
        engine, address = own_engine(hosts={"registry.test": "::1"}), f"registry.test:{proxy.port}"
        assert "certificate signed by unknown authority" in outcome(engine.pull(f"{address}/team/tiny:1"))
        engine.trust_registry(address, registries.tls.ca_pem)
        assert "Downloaded newer image" in outcome(engine.pull(f"{address}/team/tiny:1"))


class TestDatabases:
    def test_postgres_keeps_its_data_through_restarts(self, postgres):
        url = postgres.create_database("smoke")
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept (id int)")
        postgres.restart()
        with psycopg.connect(url) as connection:
            connection.execute("INSERT INTO kept VALUES (1)")
        postgres.kill9()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url, connect_timeout=1)
        postgres.start()
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1,)
        postgres.drop_database("smoke")

    def test_redis_forgets_when_restarted(self, redis_server):
        client = redis_client.Redis.from_url(redis_server.url_for(3))
        client.set("key", "value")
        assert client.get("key") == b"value"
        redis_server.restart()
        assert client.get("key") is None
        client.set("key", "value")
        redis_server.flush()
        assert client.get("key") is None
        client.close()


class TestSsh:
    def test_engine_by_key(self, ssh_server, engine):
        options = ["-F", "none", "-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={ssh_server.known_hosts_path}"]
        command = ["ssh", *options, "-i", str(ssh_server.private_key_path), "-p", str(ssh_server.port)]
        command += [f"{ssh_server.username}@{ssh_server.host}", "docker", "info", "--format", "{{.ID}}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
        assert done.stdout.strip() == engine.get("/info")["ID"]

    def test_engine_by_password(self, ssh_server):
        assert dial_stdio(ssh_server, ssh_server.username, ssh_server.password).startswith(b"HTTP/1.1 200 OK")

    def test_outsider_may_not_open_the_socket(self, ssh_server):
        answer = dial_stdio(ssh_server, ssh_server.outsider, ssh_server.outsider_password)
        assert b"permission denied" in answer


def dial_stdio(server: Any, username: str, password: str) -> bytes:
    """Ping the engine through SSH; the answer, or what the command complains of."""
    with SSHClient() as client:
        client.load_host_keys(str(server.known_hosts_path))
        login = {"look_for_keys": False, "allow_agent": False, "timeout": 10}
        client.connect(server.host, server.port, username, password, **login)
        stdin, stdout, stderr = client.exec_command("docker system dial-stdio", timeout=60)
        stdin.write("GET /_ping HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n\r\n")
        stdin.flush()
        return stdout.read() + stderr.read()


class TestNothingIsLeft:
    def test_closed_engine_leaves_nothing(self, engine_bed, registries):
        engine = engine_bed.start_engine(disk_mb=50)
        engine.pull(registries.open.reference("team/tiny:1"))
        pids, directory = engine.namespace.pids(), engine.files.directory
        assert len(pids) >= 3  # init, dockerd, containerd
        engine.close()
        assert not any(is_alive(pid) for pid in pids)
        assert not directory.exists()
        assert str(directory) not in Path("/proc/self/mountinfo").read_text()

    def test_killed_test_run_leaves_nothing(self, tmp_path):
        """`kill -9` of the tests: the guardian ends the services and removes their directory."""
        script = """
            import sys, time, tempfile
            from pathlib import Path
            from tests.services import guardian
            from tests.services.engine_bed import EngineBed
            from tests.services.redis import RedisServer

            directory = Path(tempfile.mkdtemp(prefix="imagelib-tests-", dir="/var/tmp"))
            guardian.watch_directory(directory)
            redis = RedisServer(directory)
            redis.start()
            engine = EngineBed(directory).start_engine(disk_mb=50)
            print(directory, redis.pid, *engine.namespace.pids(), flush=True)
            time.sleep(600)
        """
        command = [sys.executable, "-c", textwrap.dedent(script)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": os.getcwd()}) as run:
            assert run.stdout
            directory, *pids = run.stdout.readline().split()
            assert len(pids) >= 4
            assert all(is_alive(int(pid)) for pid in pids)
            run.send_signal(signal.SIGKILL)
        wait_until("the services to end", lambda: not any(is_alive(int(pid)) for pid in pids), timeout=20)
        wait_until("their directory to go", lambda: not Path(directory).exists(), timeout=20)


class TestMissingPrograms:
    def test_skips(self, monkeypatch):
        monkeypatch.delenv(REQUIRE_REAL, raising=False)
        with pytest.raises(pytest.skip.Exception, match="missing: no-such-program"):
            require("dockerd", "no-such-program")

    def test_fails_where_the_real_services_are_obligatory(self, monkeypatch):
        monkeypatch.setenv(REQUIRE_REAL, "1")
        with pytest.raises(BaseException, match="missing: no-such-program") as raised:
            require("dockerd", "no-such-program")
        assert raised.type is pytest.fail.Exception
