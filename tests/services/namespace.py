"""A mount and process namespace of one service: whatever happens in it ends with it.

Mounts, containers and their helpers live in the namespace; when its first process ends, the kernel ends all the others
and takes the mounts away. The network is the machine's own, so ports on 127.0.0.1 are reachable from the tests.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

from tests.services import guardian
from tests.services.process import (
    STANDARD_PATH,
    Log,
    ServiceError,
    clean_environment,
    end_process,
    is_alive,
    wait_until,
)

# /run is private so that no socket or pid file meets one of the machine's. The loop reaps orphans, as an init must.
_INIT = """
set -e
mount -t proc proc /proc
mount -t tmpfs -o mode=755 tmpfs /run
{setup}
touch {ready}
while :; do sleep 3600 & wait $!; done
"""


class Namespace:
    """`setup` is shell text that prepares the namespace (mounts); it must not leave the directory's bounds."""

    def __init__(self, name: str, directory: Path, setup: str) -> None:
        self.name, self.directory, self._setup = name, directory, setup
        self.log_file = Log(f"{name} namespace", directory / "namespace.log")
        self._unshare: subprocess.Popen[bytes] | None = None
        self.init_pid = 0

    @property
    def running(self) -> bool:
        return self._unshare is not None and self._unshare.poll() is None

    def start(self) -> None:
        """Make the namespace and wait until its set-up is done."""
        if self.running:
            return
        ready = self.directory / "namespace.ready"
        ready.unlink(missing_ok=True)
        script = _INIT.format(setup=self._setup, ready=ready)
        with self.log_file.path.open("ab") as log:
            self._unshare = subprocess.Popen(
                ["unshare", "--mount", "--pid", "--fork", "--kill-child=SIGKILL", "sh", "-c", script],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=clean_environment(),
                cwd="/",
                start_new_session=True,
            )
        guardian.watch_process(self._unshare.pid)
        wait_until(f"namespace of {self.name}", lambda: self._is_ready(ready), timeout=120)

    def spawn(self, command: list[str], log: Path, *, programs: Path | None = None) -> None:
        """Start a daemon in the namespace; `programs`: a folder that comes first on its PATH.

        The shell in between ends at once, so that the daemon is a child of the namespace's init: nsenter, if it waited,
        would freeze itself together with a frozen daemon and report the wrong process as alive.
        """
        enter = ["nsenter", "--target", str(self.init_pid), "--mount", "--pid", "--"]
        path = f"{programs}:{STANDARD_PATH}" if programs else STANDARD_PATH
        with log.open("ab") as output:
            subprocess.run(
                [*enter, "sh", "-c", '"$@" </dev/null & exit 0', "sh", *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=clean_environment(PATH=path),
                cwd="/",
                start_new_session=True,
                check=True,
            )
        program = Path(command[0]).name
        with contextlib.suppress(ServiceError):  # one that ends at once is the caller's to report
            wait_until(f"{program} to begin", lambda: self.pids(program), timeout=60)

    def pids(self, program: str = "") -> list[int]:
        """Pids, as the machine counts them, of the namespace's processes that run this program; empty: of all."""
        if not self.running:
            return []
        own = os.readlink(f"/proc/{self.init_pid}/ns/pid")
        return [pid for pid in _all_pids() if _namespace_of(pid) == own and program in ("", _program_of(pid))]

    def path(self, inside: Path | str) -> Path:
        """Where the machine sees a path of the namespace."""
        return Path(f"/proc/{self.init_pid}/root{inside}")

    def close(self) -> None:
        """End every process of the namespace and wait until they are gone."""
        members = self.pids()
        if self.running:
            os.kill(self.init_pid, signal.SIGKILL)
        if self._unshare is not None:
            end_process(self._unshare, signal.SIGKILL)
        wait_until(f"processes of {self.name} to end", lambda: not any(map(is_alive, members)), timeout=120)
        self.log_file.forget()

    def _is_ready(self, ready: Path) -> bool:
        assert self._unshare is not None
        if self._unshare.poll() is not None:
            raise ServiceError(f"namespace of {self.name} ended: {self.log_file.text()[-1000:]}")
        if not ready.exists():
            return False
        self.init_pid = next(pid for pid in _all_pids() if _parent_of(pid) == self._unshare.pid)
        return True


def _all_pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _namespace_of(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return ""


def _program_of(pid: int) -> str:
    try:
        return os.path.basename(Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode())
    except OSError:
        return ""


def _parent_of(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[1])
