"""An SSH server in front of an engine, for ssh:// addresses: `docker system dial-stdio` works there."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from shlex import quote

from tests.services.engine import RealEngine
from tests.services.namespace import Namespace
from tests.services.ports import LOOPBACK, accepts, free_port
from tests.services.process import Log, wait_until
from tests.services.requirements import program

_USER_ID, _OUTSIDER_ID = 64_001, 64_002

_CONFIGURATION = """
Port {port}
ListenAddress 127.0.0.1
HostKey {directory}/host_key
AuthorizedKeysFile {directory}/authorized_keys
PidFile none
PermitRootLogin no
PasswordAuthentication yes
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
UseDNS no
MaxSessions 100
MaxStartups 200
SetEnv DOCKER_HOST={docker_host}
"""


class SshServer:
    """Lets `username` in by key and by password; `outsider` too, but that one may not open the Docker socket.

    The users exist only in the server's own mount namespace, which has its own passwd and shadow files; those of the
    machine stay as they are.
    """

    username, password = "gpuops", "ops-s3cret"
    outsider, outsider_password = "outsider", "out-s3cret"

    def __init__(self, parent: Path, engine: RealEngine) -> None:
        self.directory = parent / f"sshd-{engine.name}"
        self.directory.mkdir()
        self.host, self.port = LOOPBACK, free_port()
        self._engine = engine
        self.private_key_path = self.directory / "client_key"
        self.known_hosts_path = self.directory / "known_hosts"
        self._write_keys()
        self._write_users()
        self._configuration = self.directory / "sshd_config"
        docker_host = engine.unix_url
        text = _CONFIGURATION.format(port=self.port, directory=self.directory, docker_host=docker_host)
        self._configuration.write_text(text)
        self.log_file = Log("sshd", self.directory / "sshd.log")
        self._namespace = Namespace("sshd", self.directory, self._setup())

    @property
    def url(self) -> str:
        return f"ssh://{self.username}@{self.host}:{self.port}"

    @property
    def private_key(self) -> str:
        """The user's key in OpenSSH's format, without a passphrase."""
        return self.private_key_path.read_text()

    @property
    def known_hosts_line(self) -> str:
        return self.known_hosts_path.read_text().strip()

    def start(self) -> None:
        self._namespace.start()
        command = [program("sshd"), "-D", "-e", "-f", str(self._configuration)]
        self._namespace.spawn(command, self.log_file.path)
        wait_until("sshd to answer", lambda: accepts(self.port))

    def stop(self) -> None:
        """End the server and every session."""
        self._namespace.close()

    def close(self) -> None:
        """Stop for good."""
        self.stop()
        self.log_file.forget()
        shutil.rmtree(self.directory)

    def log(self) -> str:
        return self.log_file.text()

    def _write_keys(self) -> None:
        for name in ("host_key", "client_key"):
            command = [program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", name]
            subprocess.run([*command, "-f", str(self.directory / name)], check=True)
        shutil.copy(self.directory / "client_key.pub", self.directory / "authorized_keys")
        (self.directory / "authorized_keys").chmod(0o644)
        kind, key, _ = (self.directory / "host_key.pub").read_text().split()
        self.known_hosts_path.write_text(f"[{self.host}]:{self.port} {kind} {key}\n")

    def _write_users(self) -> None:
        """Copies of the machine's files with our two users added."""
        group = os.stat(self._engine.socket_path).st_gid
        users = [
            (self.username, self.password, _USER_ID, group),
            (self.outsider, self.outsider_password, _OUTSIDER_ID, _OUTSIDER_ID),
        ]
        passwd, shadow = Path("/etc/passwd").read_text(), Path("/etc/shadow").read_text()
        for name, password, user_id, group_id in users:
            passwd += f"{name}:x:{user_id}:{group_id}::{self.directory}:/bin/sh\n"
            shadow += f"{name}:{_hashed(password)}:19000:0:99999:7:::\n"
        (self.directory / "passwd").write_text(passwd)
        (self.directory / "shadow").write_text(shadow)
        (self.directory / "shadow").chmod(0o600)

    def _setup(self) -> str:
        lines = [f"mount --bind {quote(str(self.directory / name))} /etc/{name}" for name in ("passwd", "shadow")]
        return "\n".join([*lines, "mkdir -p /run/sshd"])


def _hashed(password: str) -> str:
    command = [program("openssl"), "passwd", "-6", "-stdin"]
    return subprocess.run(command, input=password, capture_output=True, text=True, check=True).stdout.strip()
