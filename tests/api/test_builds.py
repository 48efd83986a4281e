"""`/api/builds/`: what is asked, what is answered, what is refused."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from builds.failures import told_code, untold_codes
from builds.models import Build, LogChunk
from builds.streams import _pictures
from core.jobs import JobState
from tests.api import make

SNAPSHOT = {
    "id", "application", "state", "phase", "percent", "step", "steps", "timings", "image", "digest", "revision", "size",
    "source", "node", "builder", "trigger", "log_lines", "attempt", "error", "requested_by", "version",
}  # fmt: skip


@pytest.fixture
def build(user: Any) -> Build:
    job = make.build(by=user)
    LogChunk.objects.create(build=job, first=0, lines=[[0.5, 1, "step", "FROM x"], [1.0, 1, "output", "hello"]])
    Build.objects.filter(pk=job.pk).update(log_lines=2, state=JobState.FAILED, error_code="base_image_missing")
    job.refresh_from_db()
    return job


def test_a_build_is_asked_for_and_shown(as_user: APIClient, user: Any) -> None:
    make.node()
    app = make.application(owner=user)
    answer = as_user.post("/api/builds/", {"application": app.pk})
    assert answer.status_code == 202, answer.content
    shot = answer.json()
    assert shot.keys() >= SNAPSHOT
    assert shot["application"] == {"id": app.pk, "name": app.name}
    assert (shot["state"], shot["phase"], shot["percent"], shot["node"]) == ("queued", "waiting", 0, None)
    assert shot["source"] == {"version": 1, "git_url": "", "git_branch": "", "git_path": ""}
    assert as_user.get(f"/api/builds/{shot['id']}/").json() == shot
    problem = make.problem(as_user.post("/api/builds/", {"application": app.pk}), 409, "still_active")
    assert problem["build"] == shot["id"]
    cancelled = as_user.post(f"/api/builds/{shot['id']}/cancel/")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    again = as_user.post(f"/api/builds/{shot['id']}/retry/")
    assert (again.status_code, again.json()["retry_of"]) == (202, shot["id"])


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"application": None}, "application"),
        ({"application": "x"}, "application"),
        ({"application": 0}, "application"),
        ({"application": 2**63}, "application"),
        ({"application": [1]}, "application"),
        ({"node": "x"}, "node"),
        ({"node": 2**63}, "node"),
        ({"commit": "main"}, "commit"),
        ({"commit": "4B825DC642CB6EB9A060E54BF8D69288FBEE4904"}, "commit"),
        ({"commit": "4b825dc642cb6eb9a060e54bf8d69288fbee4904"}, "commit"),  # it has no repository
        ({"branch": "main"}, "branch"),
        ({"branch": "x" * 300}, "branch"),
        ({"branch": ["main"]}, "branch"),
        ({"app": 1}, "app"),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_wrong_fields_are_named(
    as_user: APIClient, user: Any, values: dict[str, Any], field: str, language: str
) -> None:
    make.node()
    good = {"application": make.application(owner=user).pk}
    answer = as_user.post("/api/builds/", good | values, HTTP_ACCEPT_LANGUAGE=language)
    faults = {item["field"]: item["message"] for item in make.problem(answer, 400)["errors"]}
    assert field in faults and make.gives_example(faults[field], chinese=language == "zh-CN"), faults
    assert not Build.objects.exists()


def test_an_unknown_application_or_node_is_not_found(as_user: APIClient, user: Any) -> None:
    hidden = make.node(is_listed=False)
    make.problem(as_user.post("/api/builds/", {"application": 999}), 404, "not_found")
    body = {"application": make.application(owner=user).pk, "node": hidden.pk}
    make.problem(as_user.post("/api/builds/", body), 404, "node_not_listed")


def test_the_log_is_read_in_parts_and_as_a_file(as_user: APIClient, build: Build) -> None:
    page = as_user.get(f"/api/builds/{build.pk}/log/?from=1").json()
    assert page == {"lines": [[1.0, 1, "output", "hello"]], "next": 2, "complete": True}
    assert as_user.get(f"/api/builds/{build.pk}/log/").json()["lines"][0] == [0.5, 1, "step", "FROM x"]
    file = as_user.get(f"/api/builds/{build.pk}/log/?format=text")
    assert file["Content-Type"].startswith("text/plain") and "attachment" in file["Content-Disposition"]
    assert b"hello" in b"".join(file.streaming_content)


@pytest.mark.parametrize(
    ("query", "field"),
    [("from=-1", "from"), ("from=x", "from"), ("from=1.5", "from"), ("from=99999999999", "from"), ("from=²", "from"),
     ("format=xml", "format")],
)  # fmt: skip
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_wrong_questions_about_the_log(as_user: APIClient, build: Build, query: str, field: str, language: str) -> None:
    answer = as_user.get(f"/api/builds/{build.pk}/log/?{query}", HTTP_ACCEPT_LANGUAGE=language)
    [fault] = make.problem(answer, 400)["errors"]
    assert fault["field"] == field and make.gives_example(fault["message"], chinese=language == "zh-CN")


def test_lists_are_filtered_and_errors_are_told_in_the_readers_language(as_user: APIClient, build: Build) -> None:
    other = make.build(by=build.requested_by)
    found = as_user.get(f"/api/builds/?application={build.application_id}&state=failed").json()["results"]
    assert [row["id"] for row in found] == [build.pk]
    assert found[0]["error"]["code"] == "base_image_missing" and "does not exist" in found[0]["error"]["cause"]
    chinese = as_user.get(f"/api/builds/{build.pk}/", HTTP_ACCEPT_LANGUAGE="zh-CN").json()
    assert "不存在" in chinese["error"]["cause"]
    assert [row["id"] for row in as_user.get("/api/builds/?active=true").json()["results"]] == [other.pk]


@pytest.mark.parametrize("code", ["git_unreachable", "git_too_slow", "git_bad_answer"])
def test_how_a_git_host_answered_is_for_operators(
    as_user: APIClient, as_operator: APIClient, user: Any, code: str
) -> None:
    job = make.build(by=user, git_url="http://10.0.0.5:22/a.git")
    error = {"transient": True, "params": {"host": "r.example.com"}, "evidence": "10.0.0.5:22: SSH-2.0-dropbear"}
    Build.objects.filter(pk=job.pk).update(state=JobState.FAILED, error_code=code, error=error)
    mine = as_user.get(f"/api/builds/{job.pk}/").json()["error"]
    assert (mine["code"], mine["evidence"]) == ("git_unreachable", "")
    assert as_user.get("/api/builds/?error_code=git_unreachable").json()["count"] == 1
    assert as_user.get("/api/builds/?error_code=git_bad_answer").json()["count"] == 0
    theirs = as_operator.get(f"/api/builds/{job.pk}/").json()["error"]
    assert (theirs["code"], theirs["evidence"]) == (code, error["evidence"])
    assert as_operator.get(f"/api/builds/?error_code={code}").json()["count"] == 1
    assert {told_code(known) for known in untold_codes("git_unreachable")} == {"git_unreachable"}


def test_other_evidence_is_for_whoever_builds(as_user: APIClient, build: Build) -> None:
    Build.objects.filter(pk=build.pk).update(error={"evidence": "manifest unknown"})
    assert as_user.get(f"/api/builds/{build.pk}/").json()["error"]["evidence"] == "manifest unknown"


def test_each_stream_gets_the_pictures_of_its_kind_of_viewer(build: Build) -> None:
    Build.objects.filter(pk=build.pk).update(error_code="git_bad_answer", error={"evidence": "SSH-2.0"})
    shown = [_pictures([build.pk], "en", operator)[build.pk]["error"]["code"] for operator in (True, False)]
    assert shown == ["git_bad_answer", "git_unreachable"]


def test_asking_and_showing_leave_the_files_in_the_database(as_user: APIClient, user: Any) -> None:
    """They may be megabytes, and whoever watches gets a picture twice a second."""
    make.node()
    app = make.application(owner=user)
    with CaptureQueriesContext(connection) as captured:
        pk = as_user.post("/api/builds/", {"application": app.pk}).json()["id"]
        assert as_user.get("/api/builds/").json()["results"][0]["source"]["version"] == 1
        assert as_user.get(f"/api/builds/{pk}/").json()["source"]["version"] == 1
        assert _pictures([pk], "en", False)[pk]["source"]["version"] == 1
    # Asking whether they have a Dockerfile is no fetching.
    fetched = re.compile(r', "builds_applicationversion"\."files"(?! \?)')
    assert [query["sql"] for query in captured if fetched.search(query["sql"])] == []
