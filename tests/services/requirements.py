"""Which programs the services need, and what happens when one is missing."""

from __future__ import annotations

import glob
import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

from tests.services.process import STANDARD_PATH

REQUIRE_REAL = "IMAGELIB_REQUIRE_REAL"  # set to 1 in CI: a missing service fails, it does not skip

PACKAGES = {
    "dockerd": "docker.io",
    "containerd": "docker.io",
    "runc": "docker.io",
    "docker": "docker.io (or docker-cli)",
    "docker-registry": "docker-registry",
    "redis-server": "redis-server",
    "postgres": "postgresql",
    "initdb": "postgresql",
    "sshd": "openssh-server",
    "ssh-keygen": "openssh-client",
    "busybox": "busybox-static",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "chromium": "chromium",
    "openssl": "openssl",
    "gcc": "gcc and libc6-dev",
    "git": "git",
}
AXIOS = Path("/usr/share/nodejs/axios/dist/axios.min.js")  # the front end's HTTP client, for a page of the tests


def find_program(name: str) -> str | None:
    """Path of a program, also where Debian puts it outside PATH; the newest PostgreSQL of several."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{STANDARD_PATH}")
    if found:
        return found
    versions = glob.glob(f"/usr/lib/postgresql/*/bin/{name}")
    return max(versions, key=lambda path: float(path.split("/")[4]), default=None)


def program(name: str) -> str:
    """Path of a program that `require` has found."""
    path = find_program(name)
    assert path, f"{name} is not installed"
    return path


def require(*programs: str, root: bool = False) -> None:
    """Skip the test when a program (or root, where asked for) is missing; fail it under IMAGELIB_REQUIRE_REAL=1."""
    lacking = [f"{name} (package {PACKAGES.get(name, name)})" for name in programs if not find_program(name)]
    if root and os.geteuid() != 0:
        lacking.append("root rights")
    if lacking:
        unavailable(f"missing: {', '.join(lacking)}")


def require_axios() -> Path:
    """The file for browsers; a missing one counts as a missing program."""
    if not AXIOS.is_file():
        unavailable(f"missing: {AXIOS} (package node-axios)")
    return AXIOS


def unavailable(reason: str) -> NoReturn:
    """Skip the test; fail it under IMAGELIB_REQUIRE_REAL=1."""
    if os.environ.get(REQUIRE_REAL) == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
