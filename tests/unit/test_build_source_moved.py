"""An application that moves to another git server while a build of the old one waits."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from builds.models import Build
from builds.services.applications import create_application, update_application
from builds.services.builds import request_build
from builds.work import run_build
from core.jobs import JobState
from pulls.tools import Tools
from tests.support.one_build import builder, target_registry

pytestmark = pytest.mark.django_db(transaction=True)


def of_git(user: Any, url: str) -> Any:
    values = {"name": "g", "base_image": "notebook", "base_tag": "3.11", "target_registry": target_registry()}
    return create_application(user=user, values={**values, "git_url": url})


def test_the_login_for_the_new_server_does_not_go_to_the_old_one(people: Any, tools: Tools, engine: Any) -> None:
    builder()
    with socket.create_server(("127.0.0.1", 0)) as old:
        old.settimeout(0.2)
        app = of_git(people, f"http://127.0.0.1:{old.getsockname()[1]}/a.git")
        job = request_build(user=people, application=app.pk)
        moved = {"git_url": "http://127.0.0.1:1/a.git", "git_username": "robot", "git_password": "for-new-only"}
        update_application(user=people, application=app, values=moved)
        run_build(job.pk, tools=tools)
        with pytest.raises(TimeoutError):
            old.accept()
    job.refresh_from_db()
    assert (job.state, job.error_code, job.attempt) == (JobState.FAILED, "source_changed", 1)


def test_another_repository_of_the_same_server_is_no_reason_to_stop(people: Any, tools: Tools, engine: Any) -> None:
    builder()
    app = of_git(people, "http://127.0.0.1:1/a.git")
    job = request_build(user=people, application=app.pk)
    update_application(user=people, application=app, values={"git_url": "http://127.0.0.1:1/b.git"})
    run_build(job.pk, tools=tools)
    assert Build.objects.get(pk=job.pk).error_code == "git_unreachable"
