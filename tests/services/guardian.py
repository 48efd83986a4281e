"""Cleans up after a test process that could not do it itself (`kill -9`, power button of the IDE).

The guardian is a small process at the other end of a pipe. It is told every process and directory that the tests make;
when the pipe closes, for whatever reason, it ends what still runs and removes what is still there.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

_lock = threading.Lock()
_guardian: subprocess.Popen[bytes] | None = None


def watch_process(pid: int) -> None:
    """End this process, at the latest when the tests have ended."""
    _tell(f"process {pid} {started_at(pid)}")


def watch_directory(path: Path) -> None:
    """Remove this directory, at the latest when the tests have ended."""
    _tell(f"directory 0 {path}")


def started_at(pid: int) -> str:
    """Start time of a process in clock ticks; with the pid it names one process for ever. Empty: no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def _tell(line: str) -> None:
    global _guardian
    with _lock:
        if _guardian is None or _guardian.poll() is not None:
            _guardian = _start()
        assert _guardian.stdin is not None
        _guardian.stdin.write(line.encode() + b"\n")
        _guardian.stdin.flush()


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C in the terminal is for pytest, not for the guardian
        cwd="/",
    )


def main() -> None:
    """The guardian process: remember until the pipe closes, then clean up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    lines = sys.stdin.read().splitlines()
    entries = [line.split(" ", 2) for line in lines]
    for kind, pid, start in reversed(entries):
        if kind == "process" and start and started_at(int(pid)) == start:
            os.kill(int(pid), signal.SIGKILL)
    for kind, _, path in entries:
        if kind == "directory":
            _remove(path)


def _remove(path: str) -> None:
    for _ in range(50):  # the kernel may still be taking down the mounts of the processes just killed
        shutil.rmtree(path, ignore_errors=True)
        if not os.path.exists(path):
            return
        time.sleep(0.1)


if __name__ == "__main__":
    main()
