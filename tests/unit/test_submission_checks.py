"""The checks of submissions: what a worker makes of them, against a registry that answers by script."""

from __future__ import annotations

from typing import Any

import pytest
from auditlog.models import LogEntry
from celery import current_app
from django.contrib.auth.models import User
from django.utils import translation

from builds.check_texts import worded
from builds.models import Submission
from builds.services import submissions
from builds.services.notices import notice_text, visible_notices
from builds.submission_work import check_submission
from core.errors import Conflict
from core.jobs import JobState
from imagelib.models import ImageRegistry
from tests.api import make
from tests.integration.scripted_server import Answer, ScriptedServer
from tests.support import submitted
from tests.support.submitted import GLIBC, MUSL, NEITHER, built, layer, reference, serve, tools

REFERENCE = "registry.example.com/team/app:v1"


def check(row: Submission, **changed: Any) -> Submission:
    check_submission(row.pk, tools=tools(**changed))
    row.refresh_from_db()
    return row


def verdicts(row: Submission) -> dict[str, tuple[str, str]]:
    return {one["key"]: (one["verdict"], one["code"]) for one in row.checks}


def history(row: Submission) -> list[str]:
    return list(row.events.values_list("code", flat=True))


def notices(user: User) -> list[str]:
    with translation.override("en"):
        return [notice_text(notice) for notice in visible_notices(user)]


def test_of_a_sound_image(server: ScriptedServer, ulrich: User) -> None:
    make.node(status="connected", platform="linux/amd64", disk_free_bytes=10**12)
    found = serve(server, layers=(NEITHER, GLIBC))
    row = check(submissions.submit(user=ulrich, reference=reference(server)))
    assert (row.state, row.digest, row.size) == (JobState.SUCCEEDED, found, len(NEITHER) + len(GLIBC))
    assert (row.platforms, row.libc) == (["linux/amd64"], "glibc 2.31")
    assert verdicts(row) == {
        "exists": ("passed", "image_there"), "digest": ("passed", "digest_pinned"),
        "size": ("passed", "size_known"),
        "platforms": ("passed", "platforms_of_all_nodes"), "libc": ("passed", "libc_glibc"),
        "source": ("passed", "source_known"), "vulnerabilities": ("unknown", "scanner_not_configured"),
    }  # fmt: skip
    assert history(row) == ["submitted", "checked"] and not notices(ulrich)


def test_the_c_library(server: ScriptedServer, ulrich: User) -> None:
    for number, (layers, libc, code) in enumerate(
        [
            ((MUSL, GLIBC), "musl", "libc_musl"),  # the base decides
            ((NEITHER,), "none", "libc_none"),
            ((b"\x28\xb5\x2f\xfd" + b"x" * 600, GLIBC), "", "libc_zstd"),
            ((b"no archive" * 100,), "", "libc_unreadable"),
        ]
    ):
        serve(server, tag=f"t{number}", layers=layers)
        row = check(submissions.submit(user=ulrich, reference=reference(server, f"t{number}")))
        assert (row.libc, verdicts(row)["libc"][1]) == (libc, code)


def test_only_what_is_needed_of_the_layers_is_fetched(server: ScriptedServer, ulrich: User) -> None:
    large = layer({"large": b"\0" * 3_000_000})
    serve(server, layers=(GLIBC, large))
    check(submissions.submit(user=ulrich, reference=reference(server)))
    assert not [path for path in server.paths() if submitted.digest(large) in path]


def test_a_build_whose_tag_leads_elsewhere(server: ScriptedServer, ulrich: User, olga: User) -> None:
    now = serve(server)
    made = built(by=ulrich, reference=reference(server))
    row = check(submissions.submit(user=ulrich, build=made.pk))
    assert verdicts(row)["digest"] == ("failed", "digest_not_of_build")
    told = next(worded(one, for_operator=False)["text"] for one in row.checks if one["key"] == "digest")
    assert f"team/app@{made.digest}" in told and now in told
    with_digest = f"{server.address}/{submitted.REPOSITORY}@{now}"  # the advice helps
    assert verdicts(check(submissions.submit(user=ulrich, reference=with_digest)))["digest"][0] == "passed"
    with pytest.raises(Conflict) as refused:
        submissions.approve(user=olga, submission=row.pk)
    assert refused.value.code == "checks_failed"


def test_no_such_image(server: ScriptedServer, ulrich: User, olga: User) -> None:
    submitted.missing(server)
    row = check(submissions.submit(user=ulrich, reference=reference(server)))
    assert (row.state, verdicts(row)) == (JobState.SUCCEEDED, {"exists": ("failed", "image_not_found")})
    assert history(row) == ["submitted", "absent"]
    assert notices(ulrich) == [f"The checks of {row.reference} found something that is in the way of an approval."]
    with pytest.raises(Conflict) as refused:
        submissions.approve(user=olga, submission=row.pk)
    assert refused.value.code == "checks_failed"
    assert not ImageRegistry.objects.exists()


def test_a_registry_that_fails_is_asked_again(server: ScriptedServer, ulrich: User) -> None:
    server.script["/v2/.*"] = Answer(503, "tired")
    row = submissions.submit(user=ulrich, reference=reference(server))
    for attempt in (1, 2):
        assert (check(row).state, row.attempt) == (JobState.QUEUED, attempt)
        assert check(row).attempt == attempt, "its time has not come"
        Submission.objects.filter(pk=row.pk).update(due_at=row.created_at)
    assert (check(row).state, row.error_code) == (JobState.FAILED, "registry_server_error")
    assert history(row) == ["submitted", "retry", "retry", "check_failed"]
    assert notices(ulrich) == [f"The checks of {row.reference} could not be made. Look why, and ask for them again."]
    del server.script["/v2/.*"]
    serve(server)
    submissions.check_again(user=ulrich, submission=row.pk)
    told = LogEntry.objects.get_for_object(row).first()
    assert told is not None and (told.actor, told.changes_dict) == (ulrich, {"state": ["failed", "queued"]})
    assert (check(row).state, row.error_code, row.libc) == (JobState.SUCCEEDED, "", "glibc 2.31")


def test_what_nobody_can_change_by_waiting_ends_at_once(server: ScriptedServer, ulrich: User) -> None:
    server.script["/v2/.*"] = Answer(403, {"errors": [{"code": "DENIED", "message": "no"}]})
    row = check(submissions.submit(user=ulrich, reference=reference(server)))
    assert (row.state, row.error_code) == (JobState.FAILED, "registry_denied")
    assert verdicts(row) == {"exists": ("unknown", "registry_denied")}


def test_a_crash_ends_the_job_with_a_number(ulrich: User, caplog: pytest.LogCaptureFixture) -> None:
    def registry(*_args: Any) -> Any:
        raise ZeroDivisionError

    row = submissions.submit(user=ulrich, reference=REFERENCE)
    Submission.objects.filter(pk=row.pk).update(max_attempts=1)
    assert (check(row, registry=registry).state, row.error_code) == (JobState.FAILED, "internal_error")
    assert row.error["evidence"] in caplog.text


def test_withdrawn_while_it_is_checked(server: ScriptedServer, ulrich: User) -> None:
    serve(server)
    row = submissions.submit(user=ulrich, reference=reference(server))
    real = submitted.registry

    def registry(host: str, endpoint: Any) -> Any:
        Submission.cancel(row.pk, now=row.created_at)  # while the registry is asked
        return real(host, endpoint)

    assert check(row, registry=registry).state == JobState.CANCELLED
    assert row.checks == [] and history(row) == ["submitted", "check_cancelled"]


def test_the_process_is_leaving(server: ScriptedServer, ulrich: User) -> None:
    serve(server)
    row = submissions.submit(user=ulrich, reference=reference(server))
    assert check(row, interrupted=lambda: True).state == JobState.QUEUED
    leaving = iter((False, True))
    times = iter(range(0, 10_000, 10))  # the clock goes on by ten seconds with each look at it
    row = check(row, interrupted=lambda: next(leaving, True), monotonic=lambda: float(next(times)))
    assert (row.state, row.attempt) == (JobState.QUEUED, 0), "that was no attempt"
    assert check(row).state == JobState.SUCCEEDED


def test_a_worker_that_was_killed(server: ScriptedServer, ulrich: User) -> None:
    serve(server)
    row = submissions.submit(user=ulrich, reference=reference(server))
    lost = Submission.claim(row.pk, now=row.created_at)
    assert check(row).state == JobState.RUNNING, "nobody takes over what another worker holds"
    assert lost.give_up_worker(now=row.created_at)
    assert (check(row).state, row.attempt) == (JobState.SUCCEEDED, 2)


def test_what_images_say_of_themselves_is_stored_by_every_database(server: ScriptedServer, ulrich: User) -> None:
    labels = {name: "\0 \ud800 \N{SNOWMAN}" for name in submitted.LABELS}
    serve(server, labels=labels)
    row = check(submissions.submit(user=ulrich, reference=reference(server)))
    assert verdicts(row)["source"] == ("passed", "source_known")


def test_two_checks_of_a_user_run_at_once_and_the_next_is_rung(
    server: ScriptedServer, ulrich: User, olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[int] = []
    monkeypatch.setattr(current_app, "send_task", lambda _name, args, **_options: rung.extend(args))
    for tag in "abcd":
        serve(server, tag=tag)
    rows = [submissions.submit(user=ulrich, reference=reference(server, tag)) for tag in "abcd"]
    for row in rows[:2]:
        Submission.claim(row.pk, now=row.created_at)
    assert check(rows[2]).state == JobState.QUEUED, "two run"
    assert check(submissions.submit(user=olga, reference=reference(server, "a"))).state == JobState.SUCCEEDED
    Submission.objects.filter(pk=rows[0].pk).update(state=JobState.CANCELLED)
    rung.clear()
    assert check(rows[2]).state == JobState.SUCCEEDED
    assert rung == [rows[3].pk]
