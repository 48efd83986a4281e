"""Asking a registry which C library an image has: its layers from the bottom up, until one tells."""

from __future__ import annotations

import time
from collections.abc import Callable

from builds.layers import UnreadableLayer, libc_of_layer
from imagelib.registry import Body, Manifest, RegistryClient

MOST_READ = 1 << 30  # bytes of an image's layers together, compressed
SECONDS = 600.0  # for all of them


def find_libc(
    client: RegistryClient,
    repository: str,
    manifest: Manifest,
    *,
    glance: Callable[[], None],
    most: int = MOST_READ,
    seconds: float = SECONDS,
) -> tuple[str, str]:
    """`(libc, code)`: "musl", "glibc 2.36", "glibc" or "none" with an empty code; or "" and the code of why it is not
    known. `glance` is called while bytes come, and may raise to stop. Raises `RegistryError`."""
    deadline = time.monotonic() + seconds
    found = ""

    def take(body: Body) -> None:
        def read(size: int) -> bytes:
            glance()
            return body.read(size)

        nonlocal found
        found = libc_of_layer(read)

    for layer in manifest.distinct_layers:
        left = deadline - time.monotonic()
        try:
            most -= client.read_blob(repository, layer, take=take, limit=most, seconds=left)
        except UnreadableLayer as error:
            if min(deadline - time.monotonic(), most - layer.size) <= 0:
                return "", "libc_beyond_limit"
            return "", "libc_zstd" if str(error) == "zstd" else "libc_unreadable"
        if found:
            return found, ""
        if min(deadline - time.monotonic(), most) <= 0:
            return "", "libc_beyond_limit"
    return "none", ""
