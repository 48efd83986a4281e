"""Paths on a node. They are the node's own: nothing here looks at a disk. Pure."""

from __future__ import annotations

import re

USUAL_LIBRARY_DIRECTORY = "/root/HAMi-core/build"  # of the slicing library, on nodes that name none
_PATH = re.compile(r"/[^\x00-\x1f\x7f:]*")


def is_clean_directory(text: str) -> bool:
    """An absolute path as engines take it for a mount, without detours: no `..`, no `~`, no blanks around it.

    An engine would make another directory of anything else, or refuse it only when a container is made (spec-vgpu.md
    §3.4). Colons separate paths in its other notation.
    """
    return bool(
        _PATH.fullmatch(text) and text == text.strip() and not {"", ".", ".."}.intersection(text.split("/")[1:])
    )
