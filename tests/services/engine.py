"""A real Docker engine of the tests: own dockerd and containerd, own data, unix socket, plain TCP port and TLS port."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
from pathlib import Path

from tests.services.engine_api import EngineApi
from tests.services.engine_setup import (
    EngineCertificates,
    EngineFiles,
    EngineOptions,
    dockerd_command,
    namespace_setup,
)
from tests.services.fault_proxy import FaultProxy
from tests.services.namespace import Namespace
from tests.services.ports import LOOPBACK, accepts, free_port
from tests.services.process import Log, freeze, is_alive, wait_until

_numbers = itertools.count(1)


class RealEngine(EngineApi):
    """One engine. Start it with `start()`, end it for good with `close()`. Needs root.

    dockerd itself serves the unix socket and the TLS port (it cannot serve a plain and a TLS port together); the plain
    TCP port is a relay to the unix socket, `link`, which can also inject faults between the product and the engine.
    """

    def __init__(
        self, parent: Path, certificates: EngineCertificates, name_server: str, options: EngineOptions
    ) -> None:
        self.number = next(_numbers)
        self.name, self.options, self.certificates = f"engine{self.number}", options, certificates
        self.files = EngineFiles(parent / self.name)
        self.tls_port = free_port()
        server = certificates.authority.issue("test engine", hosts=options.server_names)
        self.files.write(certificates, server, options.hosts, name_server)
        super().__init__(self.files.socket)
        self.link = FaultProxy(self.files.socket, name=f"{self.name} tcp", http=False)
        self.log_file = Log(self.name, self.files.directory / "dockerd.log")
        self.namespace = Namespace(self.name, self.files.directory, namespace_setup(self.files, options.disk_mb))
        self._cgroup = f"/imagelib-tests-{os.getpid()}-{self.number}"

    @property
    def unix_url(self) -> str:
        return f"unix://{self.files.socket}"

    @property
    def tcp_port(self) -> int:
        return self.link.port

    @property
    def tcp_url(self) -> str:
        return f"tcp://{LOOPBACK}:{self.tcp_port}"

    @property
    def tls_url(self) -> str:
        return f"tcp://{LOOPBACK}:{self.tls_port}"

    @property
    def wrong_host_url(self) -> str:
        """The TLS port by a name that its certificate does not carry."""
        return f"tcp://localhost:{self.tls_port}"

    def pem(self, name: str) -> str:
        """PEM text: ca, client_cert, client_key, rogue_ca, rogue_client_cert, rogue_client_key."""
        return self.certificates.pem(name)

    def pem_path(self, name: str) -> Path:
        return self.files.tls / f"{name}.pem"

    @property
    def pid(self) -> int:
        """Of dockerd, as the machine counts."""
        return self._pids("dockerd")[0]

    @property
    def running(self) -> bool:
        return bool(self._pids("dockerd"))

    def start(self) -> None:
        """Start and wait until the engine answers on all its addresses."""
        self.namespace.start()
        if not self.running:
            self.namespace.path("/run/docker.pid").unlink(missing_ok=True)
            command = dockerd_command(self.files, self.options, self.tls_port, self._cgroup)
            self.namespace.spawn(command, self.log_file.path, programs=self.options.programs)
        wait_until(f"{self.name} to answer", self._answers_or_dead, timeout=180, step=0.05)
        self.link.start()

    def stop(self) -> None:
        """Stop politely, as an administrator would. Images stay."""
        self._end(signal.SIGTERM)

    def kill9(self) -> None:
        """End dockerd and containerd at once, as a crash would. Images stay."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze: the ports accept connections, nobody answers."""
        freeze(self.pid)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """Stop for good and remove everything."""
        self.link.close()
        self.namespace.close()
        self.log_file.forget()
        self._remove_cgroups()
        shutil.rmtree(self.files.directory)

    def log(self) -> str:
        return self.log_file.text()

    def trust_registry(self, address: str, ca_pem: str) -> None:
        """The engine accepts certificates of this authority from the registry at `address` (host:port)."""
        directory = self.files.etc_docker / "certs.d" / address
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "ca.crt").write_text(ca_pem)

    def fill_disk(self, leave_mb: float = 0) -> None:
        """Use up the data disk, except for `leave_mb`. Only with `disk_mb`."""
        root = self.namespace.path(self.files.data)
        assert root.stat().st_dev != self.files.directory.stat().st_dev, "this engine has no disk of its own"
        free = os.statvfs(root)
        size = free.f_bavail * free.f_frsize - int(leave_mb * 1_000_000)
        if size <= 0:
            return
        with (root / "filler").open("ab") as filler:
            os.posix_fallocate(filler.fileno(), filler.tell(), size)

    def free_disk(self) -> None:
        (self.namespace.path(self.files.data) / "filler").unlink(missing_ok=True)

    def _pids(self, program: str) -> list[int]:
        return self.namespace.pids(program)

    def _signal(self, number: signal.Signals, program: str = "dockerd") -> None:
        for pid in self._pids(program):
            with contextlib.suppress(ProcessLookupError):  # ended just now; containerd goes with its dockerd
                os.kill(pid, number)

    def _end(self, number: signal.Signals) -> None:
        self.link.stop()
        daemons = self._pids("dockerd") + self._pids("containerd")
        self._signal(number)
        self._signal(signal.SIGCONT)  # a frozen engine does not obey
        if number == signal.SIGKILL:
            self._signal(number, "containerd")
        wait_until(f"{self.name} to end", lambda: not any(map(is_alive, daemons)), timeout=120)

    def _answers_or_dead(self) -> bool:
        assert self.running or self.answers(), f"{self.name} ended while starting:\n{self.log()[-3000:]}"
        return self.answers() and accepts(self.tls_port)

    def _remove_cgroups(self) -> None:
        name, top = self._cgroup.strip("/"), Path("/sys/fs/cgroup")
        for root in [*top.glob(name), *top.glob(f"*/{name}")]:  # one hierarchy, or one for each controller
            for directory, _, _ in os.walk(root, topdown=False):
                os.rmdir(directory)
