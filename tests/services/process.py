"""Processes of the tests: start, wait until ready, stop by pid; their logs, for the report of a failed test."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.services import guardian

STANDARD_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class ServiceError(RuntimeError):
    """A service did not start, or did not end."""


def wait_until(what: str, condition: Callable[[], object], *, timeout: float = 60.0, step: float = 0.02) -> None:
    """Poll until the condition holds. Raises ServiceError after `timeout` seconds."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise ServiceError(f"timed out after {timeout:g} s waiting for {what}")
        time.sleep(step)


def comes_to_rest(what: str, count: Callable[[], int], *, seconds: float = 1.0) -> int:
    """The count, once it has stayed the same for so long. Raises ServiceError when it never does."""
    for _look in range(10):
        before = count()
        time.sleep(seconds)
        if count() == before:
            return before
    raise ServiceError(f"{what} goes on and on")


def is_alive(pid: int) -> bool:
    """Whether any thread of the process runs. The first may be a zombie while others still hold the open ports."""
    return any(state not in ("Z", "X") for state in _thread_states(pid))


def freeze(pid: int) -> None:
    """SIGSTOP, and wait until every thread has stopped: the signal alone lets them run on for a moment."""
    os.kill(pid, signal.SIGSTOP)
    wait_until(f"process {pid} to freeze", lambda: set(_thread_states(pid)) <= {"T"}, timeout=60, step=0.005)


def processes_with(words: str) -> list[int]:
    """Pids of the programs of this machine that were started with these words."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):  # this one ended meanwhile
            if words in Path(f"/proc/{name}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"):
                found.append(int(name))
    return found


def _thread_states(pid: int) -> list[str]:
    states, tasks = [], Path(f"/proc/{pid}/task")
    with contextlib.suppress(OSError):
        for thread in os.listdir(tasks):
            with contextlib.suppress(OSError):  # this one ended meanwhile
                states.append((tasks / thread / "stat").read_text().rpartition(")")[2].split()[0])
    return states


def clean_environment(**extra: str) -> dict[str, str]:
    """An environment that carries nothing of the developer's: no proxies, no Docker settings, no CA overrides."""
    return {"PATH": STANDARD_PATH, "HOME": "/nonexistent", "LANG": "C.UTF-8", **extra}


class Log:
    """A log file that a failed test may quote."""

    known: list[Log] = []

    def __init__(self, name: str, path: Path) -> None:
        self.name, self.path, self.mark = name, path, 0
        path.touch()
        Log.known.append(self)

    def text(self, since: int = 0) -> str:
        """What was written from byte `since` on."""
        try:
            with self.path.open("rb") as file:
                file.seek(since)
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def forget(self) -> None:
        """The service is gone for good."""
        if self in Log.known:
            Log.known.remove(self)


class Daemon:
    """One program in the foreground with a log file. Subclasses say what to run and when it is ready."""

    stop_signal = signal.SIGTERM
    start_timeout = 120.0

    def __init__(self, name: str, directory: Path) -> None:
        self.name, self.directory = name, directory
        directory.mkdir(parents=True, exist_ok=True)
        self.log_file = Log(name, directory / "log")
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def is_ready(self) -> bool:
        raise NotImplementedError

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        assert self.process is not None, f"{self.name} was never started"
        return self.process.pid

    def start(self) -> None:
        """Start and wait until ready; nothing happens when it runs already."""
        if self.running:
            return
        with self.log_file.path.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=clean_environment(),
                cwd="/",
                start_new_session=True,
            )
        guardian.watch_process(self.process.pid)
        try:
            wait_until(f"{self.name} to be ready", self._ready_or_dead, timeout=self.start_timeout)
        except ServiceError as error:
            self.kill9()
            raise ServiceError(f"{error}\n{self.log()[-2000:]}") from None

    def stop(self) -> None:
        """End politely; forcibly after 10 s."""
        if self.process is None:
            return
        end_process(self.process, self.stop_signal)

    def restart(self) -> None:
        self.stop()
        self.start()

    def kill9(self) -> None:
        """End at once, as a crash would."""
        if self.process is None:
            return
        end_process(self.process, signal.SIGKILL)

    def pause(self) -> None:
        """Freeze: its port goes on accepting connections, nobody answers."""
        freeze(self.pid)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def close(self) -> None:
        """Stop for good."""
        self.stop()
        self.log_file.forget()

    def log(self) -> str:
        return self.log_file.text()

    def _ready_or_dead(self) -> bool:
        if not self.running:
            raise ServiceError(f"{self.name} ended while starting")
        return self.is_ready()


def end_process(process: subprocess.Popen[bytes], number: signal.Signals, timeout: float = 10.0) -> None:
    """Send the signal, wait, and SIGKILL what does not obey. A frozen process is woken first."""
    if process.poll() is not None:
        return
    process.send_signal(number)
    process.send_signal(signal.SIGCONT)
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout)
