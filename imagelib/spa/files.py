"""The built front end of `IMAGELIB_SPA_DIR` at `/`, beside Django's own static files.

Files are found once, at start; a request only looks its path up, so none can lead outside the directory.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings as django_settings
from django.urls import Resolver404, resolve
from whitenoise.middleware import WhiteNoiseMiddleware

INDEX = "/index.html"
_NAMED_BY_CONTENT = re.compile(r"/assets/.*[.-][\w-]{8,}\.\w+")


class StaticFiles(WhiteNoiseMiddleware):
    def __init__(self, get_response: Any = None, settings: Any = django_settings) -> None:
        self._front_end: frozenset[str] = frozenset()
        super().__init__(get_response, settings)
        if settings.SPA_DIR:
            self._add_front_end(Path(settings.SPA_DIR).resolve())

    def _add_front_end(self, root: Path) -> None:
        found = {f"/{path.relative_to(root).as_posix()}": str(path) for path in _files_of(root)}
        served = {url: path for url, path in found.items() if not self._is_ours(url)}
        if INDEX in served:
            served["/"] = served[INDEX]
        self._front_end = frozenset(served)
        stats = {path: Path(path).stat() for path in served.values()}
        for url, path in served.items():
            self.add_file_to_dictionary(url, path, stat_cache=stats)

    def _is_ours(self, url: str) -> bool:
        """No file of the front end stands before a page of the application."""
        try:
            resolve(url)
        except Resolver404:
            return url.startswith(self.static_prefix)
        return True

    def add_cache_headers(self, headers: Any, path: str, url: str) -> None:
        super().add_cache_headers(headers, path, url)
        if url not in self._front_end:
            return
        headers["X-Frame-Options"] = django_settings.X_FRAME_OPTIONS  # its middleware comes later
        if not self.immutable_file_test(path, url):
            # By content: builds that set all times to one give an index of the same length the same time.
            headers["ETag"] = f'"{hashlib.sha256(Path(path).read_bytes()).hexdigest()[:32]}"'
        if url in ("/", INDEX):
            headers["Cache-Control"] = "no-cache"

    def immutable_file_test(self, path: str, url: str) -> bool:
        if url in self._front_end:
            return bool(_NAMED_BY_CONTENT.fullmatch(url))
        return bool(super().immutable_file_test(path, url))


def _files_of(root: Path) -> Iterator[Path]:
    """Not what is hidden, and nothing that a link leads to outside of `root`."""
    for path in sorted(root.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if not hidden and path.is_file() and path.resolve().is_relative_to(root):
            yield path
