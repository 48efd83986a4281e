"""Signed messages to other systems, over real HTTP."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import User
from django.utils import timezone

from builds.models import Notice, Submission, WebhookCall, WebhookTarget
from builds.services import submissions, webhooks
from builds.told import forget_what_was_told
from builds.webhook_texts import webhook_failure_text
from builds.webhook_work import call_webhook
from core.errors import Conflict, InUse, InvalidInput, PermissionRefused
from core.jobs import JobState
from tests.support.serving import serving
from tests.support.submitted import tools

SECRET = "s3cret-Words-of-ours"


class Receiver(ThreadingHTTPServer):
    """Verifies signatures as its operator would, from the bytes and the header alone."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[int] = []  # statuses, then 204 for ever
        self.taken: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.forged = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hooks/images"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        wanted = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        status = self.server.answers.pop(0) if self.server.answers else 204
        if not hmac.compare_digest(wanted, self.headers.get("X-Imagelib-Signature-256", "")):
            self.server.forged += 1
            status = 403
        elif status == 204:
            self.server.taken.append((dict(self.headers), json.loads(body)))
        self.send_response(status)
        if status == 302:
            self.send_header("Location", f"{self.server.url}/elsewhere")
        if status != 204:
            self.send_header("Content-Length", "1000000")  # never sent: nobody reads it
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


def receiving() -> AbstractContextManager[Receiver]:
    return serving(Receiver())


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


@pytest.fixture
def target(olga: User, receiver: Receiver) -> WebhookTarget:
    return webhooks.save_target(user=olga, values={"name": "CI", "url": receiver.url, "secret": SECRET})


@pytest.fixture
def call(target: WebhookTarget, olga: User) -> WebhookCall:
    submissions.submit(user=olga, reference="registry.example.com/team/app:v1", name="Träiner")
    return WebhookCall.objects.get()


def send(call: WebhookCall, *, now: Any = None) -> WebhookCall:
    moment = now or call.due_at
    call_webhook(call.pk, tools=tools(now=lambda: moment))
    call.refresh_from_db()
    return call


def test_a_message_is_signed_and_says_what_happened(call: WebhookCall, receiver: Receiver) -> None:
    assert (send(call).state, call.status, call.error_code) == (JobState.SUCCEEDED, 204, "")
    [(headers, body)] = receiver.taken
    assert (headers["X-Imagelib-Event"], headers["X-Imagelib-Delivery"]) == ("submission.created", str(call.pk))
    assert headers["Content-Type"] == "application/json" and not receiver.forged
    assert body["event"] == "submission.created"
    told = body["submission"]
    assert (told["reference"], told["name"], told["requested_by"], told["decision"]) == (
        "registry.example.com/team/app:v1", "Träiner", "olga", "open",
    )  # fmt: skip
    assert SECRET not in str(receiver.taken) + call.body
    assert send(call).attempt == 1, "delivered twice, it is sent once"
    assert len(receiver.taken) == 1


def test_a_wrong_secret_is_noticed(call: WebhookCall, receiver: Receiver, olga: User) -> None:
    webhooks.save_target(user=olga, values={"secret": "another-secret-word"}, target=call.target)
    call.refresh_from_db()
    assert (send(call).state, call.status, receiver.forged) == (JobState.QUEUED, 403, 1)


def test_every_decision_is_told(target: WebhookTarget, olga: User, receiver: Receiver) -> None:
    first = submissions.submit(user=olga, reference="r.io/a:1")
    submissions.reject(user=olga, submission=first.pk, reason="no")
    second = submissions.submit(user=olga, reference="r.io/a:1")
    submissions.withdraw(user=olga, submission=second.pk)
    for call in WebhookCall.objects.order_by("pk"):
        send(call)
    assert [body["event"] for _headers, body in receiver.taken] == [
        "submission.created", "submission.rejected", "submission.created", "submission.withdrawn",
    ]  # fmt: skip
    assert receiver.taken[1][1]["submission"]["reason"] == "no"
    assert receiver.taken[1][1]["submission"]["decided_by"] == "olga"


def test_nothing_is_told_of_what_was_taken_back(target: WebhookTarget, olga: User) -> None:
    submissions.submit(user=olga, reference="r.io/a:1")
    with pytest.raises(Conflict):
        submissions.submit(user=olga, reference="r.io/a:1")
    assert WebhookCall.objects.count() == 1


def test_flaky_answers_and_pauses_that_grow(call: WebhookCall, receiver: Receiver) -> None:
    receiver.answers = [500, 302, 429]
    pauses = []
    for status in (500, 302, 429):
        now = call.due_at
        assert (send(call, now=now).state, call.status, call.error_code) == (JobState.QUEUED, status, "webhook_refused")
        pauses.append((call.due_at - now).total_seconds())
        assert send(call, now=now).attempt == len(pauses), "not before its time"
    assert all(wanted <= pause <= wanted * 1.1 for wanted, pause in zip((10, 20, 40), pauses, strict=True)), pauses
    assert send(call).state == JobState.SUCCEEDED and len(receiver.taken) == 1
    text = webhook_failure_text("webhook_refused", {"status": 302})
    assert "302" in str(text.cause)


def test_it_is_given_up_after_a_day(call: WebhookCall, receiver: Receiver) -> None:
    receiver.answers = [500] * 100
    while send(call).state == JobState.QUEUED:
        assert call.due_at - call.created_at < timedelta(days=1)
    assert call.state == JobState.FAILED
    assert call.due_at - call.created_at > timedelta(hours=22)
    assert call.attempt <= webhooks.MOST_ATTEMPTS


def test_nobody_there(olga: User) -> None:
    with receiving() as gone:
        webhooks.save_target(user=olga, values={"name": "CI", "url": gone.url, "secret": SECRET})
    submissions.submit(user=olga, reference="r.io/a:1")
    call = send(WebhookCall.objects.get())
    assert (call.state, call.error_code, call.status) == (JobState.QUEUED, "webhook_unreachable", None)
    assert call.error["evidence"].endswith(": Connection refused")


def test_who_wants_no_messages_gets_none(call: WebhookCall, receiver: Receiver) -> None:
    receiver.answers = [410]
    assert (send(call).state, call.error_code) == (JobState.FAILED, "webhook_gone")


def test_a_worker_that_was_killed(call: WebhookCall, receiver: Receiver) -> None:
    lost = WebhookCall.claim(call.pk, now=call.due_at)
    assert send(call).state == JobState.RUNNING
    assert lost.give_up_worker(now=call.due_at)
    call.refresh_from_db()
    assert (send(call).state, call.attempt, len(receiver.taken)) == (JobState.SUCCEEDED, 2, 1)


def test_a_process_that_leaves_sends_nothing(call: WebhookCall, receiver: Receiver) -> None:
    call_webhook(call.pk, tools=tools(interrupted=lambda: True))
    call.refresh_from_db()
    assert call.state == JobState.QUEUED and not receiver.taken


class TestTargets:
    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"url": "ftp://example.com"}, "url"), ({"url": "https://u:p@example.com/x"}, "url"),
            ({"url": "https://["}, "url"), ({"url": ""}, "url"), ({"secret": ""}, "secret"),
            ({"secret": "fifteen letters"}, "secret"),
        ],
    )  # fmt: skip
    def test_what_is_refused(self, olga: User, values: dict[str, str], field: str) -> None:
        usual = {"name": "CI", "url": "https://ci.example.com/hooks", "secret": SECRET}
        with pytest.raises(InvalidInput) as refused:
            webhooks.save_target(user=olga, values={**usual, **values})
        assert refused.value.fields.keys() == {field}
        assert not WebhookTarget.objects.exists()

    def test_are_for_operators_and_have_one_name(self, target: WebhookTarget, olga: User) -> None:
        ulrich = User.objects.create_user("ulrich")
        with pytest.raises(PermissionRefused):
            webhooks.save_target(user=ulrich, values={"name": "x"}, target=target)
        with pytest.raises(PermissionRefused):
            webhooks.delete_targets(user=ulrich, ids=[target.pk])
        with pytest.raises(Conflict):
            webhooks.save_target(user=olga, values={"name": "CI", "url": target.url, "secret": SECRET})
        entry = LogEntry.objects.get_for_object(target).get()
        assert "url" in entry.changes and SECRET not in str(entry.changes) and "secret" not in entry.changes

    def test_what_is_switched_off_is_told_nothing(self, call: WebhookCall, olga: User, receiver: Receiver) -> None:
        target = call.target
        webhooks.save_target(user=olga, values={"is_active": False}, target=target)
        call.refresh_from_db()
        assert call.state == JobState.CANCELLED
        submissions.submit(user=olga, reference="r.io/b:1")
        assert WebhookCall.objects.count() == 1 and not receiver.taken

    def test_switched_off_in_the_very_moment(self, call: WebhookCall, receiver: Receiver) -> None:
        WebhookTarget.objects.update(is_active=False)
        assert (send(call).state, call.error_code) == (JobState.FAILED, "webhook_target_inactive")
        assert not receiver.taken

    def test_deleting_ends_what_waits_and_not_what_is_on_its_way(self, call: WebhookCall, olga: User) -> None:
        target = call.target_id or 0
        WebhookCall.claim(call.pk, now=call.due_at)
        with pytest.raises(InUse):
            webhooks.delete_targets(user=olga, ids=[target])
        WebhookCall.objects.update(state=JobState.QUEUED)
        assert webhooks.delete_targets(user=olga, ids=[target]) == 1
        call.refresh_from_db()
        assert (call.state, call.target_id) == (JobState.CANCELLED, None)


def test_old_messages_go(call: WebhookCall, olga: User) -> None:
    submissions.reject(user=olga, submission=call.submission_id, reason="no")
    submission = Submission.objects.get()
    Notice.objects.create(user=olga, code="rejected", submission=submission)
    Notice.objects.filter(values__has_key="reason").update(read_at=timezone.now())
    send(call)
    later = timezone.now() + timedelta(days=400)
    assert forget_what_was_told(now=timezone.now()) == 0
    assert forget_what_was_told(now=later) == 2
    assert Notice.objects.filter(read_at=None).count() == 1, "who was away reads it later"
    assert WebhookCall.objects.get().state == JobState.QUEUED
