"""What the files of a build are, and what the log says of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from builds.services.applications import create_application
from builds.services.builds import request_build
from builds.work import run_build
from pulls.tools import Tools
from tests.services.git_server import GitServer
from tests.support import one_build
from tests.support.fake_engine import FakeEngine

pytestmark = pytest.mark.django_db(transaction=True)
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "a" * 64 + "\nsize 12345\n"


def test_pointers_of_git_lfs_are_told(
    people: Any, tools: Tools, engine: FakeEngine, git_server: Callable[..., GitServer]
) -> None:
    server = git_server()
    repository = server.repository()
    models = {f"src/g/m{number:02}.bin": POINTER for number in range(12)}
    repository.commit({"src/g/Dockerfile": "FROM a\n", "other.bin": POINTER, **models})
    one_build.builder()
    values = {"base_image": "notebook", "base_tag": "3.11", "target_registry": one_build.target_registry()}
    app = create_application(user=people, values={"name": "g", "git_url": server.url_of(repository), **values})
    job = request_build(user=people, application=app.pk)
    run_build(job.pk, tools=tools)
    (told,) = [line[3] for line in one_build.lines(job) if "git-lfs" in str(line[3])]
    assert "12" in told and "m00.bin, " in told and "m09.bin" in told and "m10.bin" not in told and "other" not in told
