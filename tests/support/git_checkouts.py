"""Reading repositories in tests."""

from __future__ import annotations

import pytest

from builds.repositories import Checkout, GitError, GitSource, Limits, open_checkout

LIMITS = Limits(max_bytes=50_000_000)
FILES = {"src/app/Dockerfile": "FROM a\n", "src/app/conf/pip.txt": "torch\n", "README.md": "# images\n"}


def refused(source: GitSource, within: Limits = LIMITS, path: str = "") -> GitError:
    with pytest.raises(GitError) as caught, open_checkout(source, within=within) as checkout:
        checkout.entries(path)
    return caught.value


def contents(checkout: Checkout, path: str = "") -> dict[str, bytes]:
    return {entry.path: entry.read() for entry in checkout.entries(path)}
