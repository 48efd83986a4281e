"""The lock file of the single process: at most one embedded server per data directory, and who holds it."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Self

from django.conf import settings

_TRIES, _PAUSE = 5, 0.1  # somebody who only looks (`server_process`) holds the lock for a moment


class ServerRunning(Exception):
    """Another server holds the lock; `process` is its id, 0 when unknown."""

    def __init__(self, process: int) -> None:
        super().__init__(process)
        self.process = process


class ServerLock:
    """Held while the context lasts; the kernel lets go of it however the process ends."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        self._file = self._path.open("a+")
        for attempt in range(_TRIES):
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if attempt == _TRIES - 1:
                    self._file.close()
                    raise ServerRunning(_written(self._path)) from None
                time.sleep(_PAUSE)
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()


def lock_path() -> Path:
    return Path(settings.DATA_DIR) / "serve.lock"


def server_process(path: Path) -> int | None:
    """The id of the embedded server's process (0: it runs, but its id is unknown), or None when none runs."""
    try:
        with path.open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _written(path)
    except FileNotFoundError:
        return None
    return None


def nobody_works() -> bool:
    """True when jobs only wait: without Redis the workers live in `manage.py serve`, and it does not run."""
    return bool(settings.EMBEDDED) and server_process(lock_path()) is None


def _written(path: Path) -> int:
    text = path.read_text().strip()
    return int(text) if text.isdigit() else 0
