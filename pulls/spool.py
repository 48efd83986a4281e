"""Uploaded image archives: files in the data directory, which web and workers share, for a day."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from threading import BoundedSemaphore
from typing import TypeVar
from uuid import uuid4

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from core.errors import Conflict, DomainError, InvalidInput, NotFound
from pulls.sizes import human_bytes

CHUNK = 1 << 20
AT_ONCE = 3  # in one process: each occupies a thread of the web server, and much of a processor in the end
_ID = re.compile(r"[0-9a-f]{32}")
T = TypeVar("T")
_places = BoundedSemaphore(AT_ONCE)


def keep(read: Callable[[int], bytes], *, announced: int | None, look: Callable[[str], T]) -> tuple[str, T]:
    """Store what `read` gives, to its end; returns the id, and what `look` makes of the file while the place is held:
    that may take as long as the upload. Raises `InvalidInput` for too much or nothing, `Conflict` when too many are
    uploaded or the disk is full, and what `look` raises; nothing is left behind then."""
    if announced is not None and announced > settings.ARCHIVE_MAX_BYTES:
        raise _too_large()
    if not _places.acquire(blocking=False):
        raise Conflict(_("Other archives are being uploaded at this moment. Try again later."), code="busy")
    try:
        archive = _written(read, announced)
        path = path_of(archive)
        try:
            return archive, look(path)
        except BaseException:
            remove(path)
            raise
    finally:
        _places.release()


def _written(read: Callable[[int], bytes], announced: int | None) -> str:
    found = uuid4().hex
    path = _directory() / f"{found}.part"
    size = 0
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            while chunk := read(CHUNK):
                size += len(chunk)
                if size > settings.ARCHIVE_MAX_BYTES:
                    raise _too_large()
                file.write(chunk)
        if not size or (announced is not None and size < announced):
            raise _incomplete(size)
        path.rename(path.with_suffix(".tar"))
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _not_stored(error, size) from error
        raise
    return found


def path_of(archive: str) -> str:
    """Of an uploaded archive. Raises `NotFound`."""
    path = _directory() / f"{archive}.tar"
    if not _ID.fullmatch(archive) or not path.is_file():
        raise NotFound(_("There is no uploaded archive %(id)s (any more): upload it again.") % {"id": archive[:40]})
    return str(path)


def remove(path: str) -> None:
    """Of an uploaded archive; a file that somebody named on the command line is not ours to remove."""
    if Path(path).parent == _directory():
        Path(path).unlink(missing_ok=True)


def forget_old(*, before: float, needed: Iterable[str]) -> int:
    """Remove what was uploaded before that time (seconds since 1970) and is not among the paths that are needed."""
    kept, count = set(needed), 0
    for path in _directory().iterdir():
        with suppress(FileNotFoundError):
            if str(path) not in kept and path.stat().st_mtime < before:
                path.unlink()
                count += 1
    return count


def _not_stored(error: OSError, size: int) -> DomainError:
    if not error.errno:  # Django's word for a sender who hung up
        return _incomplete(size)
    text = _("The server cannot store the archive: %(reason)s.") % {"reason": os.strerror(error.errno)}
    return Conflict(text, code="archive_not_stored")


def _incomplete(size: int) -> InvalidInput:
    text = _("The archive did not arrive completely: only %(size)s. Send it as the body of the request.")
    return InvalidInput({"archive": text % {"size": human_bytes(size)}})


def _directory() -> Path:
    path = Path(settings.DATA_DIR) / "archives"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def _too_large() -> InvalidInput:
    text = _(
        "An archive may have %(limit)s at most. A larger one can be loaded from a file of the server: %(command)s."
    )
    values = {"limit": human_bytes(settings.ARCHIVE_MAX_BYTES), "command": "manage.py pull NAME --archive FILE"}
    return InvalidInput({"archive": text % values})
