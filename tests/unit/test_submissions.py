"""Submissions from the offer to the entry: the services, and the worker that makes the checks."""

from __future__ import annotations

from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connections
from django.utils import translation

from builds.models import Decision, Notice, Submission
from builds.services import notices, submissions
from builds.submission_events import sentence
from builds.submission_work import check_submission
from core.errors import Conflict, InvalidInput, NotFound, PermissionRefused
from core.jobs import JobState
from imagelib.models import ImageRegistry
from pulls.models import PullJob
from tests.api import make
from tests.integration.scripted_server import Answer, Handler, ScriptedServer
from tests.support.submitted import MUSL, NEITHER, built, reference, serve, tools

LONG = f"{'h' * 60}.example.com/{'a/' * 120}b:{'c' * 120}"  # with a digest behind it, too long for an address
REFERENCE = "registry.example.com/team/app:v1"


@pytest.fixture
def checked(server: ScriptedServer, ulrich: User) -> Submission:
    """An image with glibc that has been checked."""
    serve(server)
    row = submissions.submit(user=ulrich, reference=reference(server), name="Trainer", description="for training")
    return check(row)


def check(row: Submission, **changed: Any) -> Submission:
    check_submission(row.pk, tools=tools(**changed))
    row.refresh_from_db()
    return row


def verdicts(row: Submission) -> dict[str, tuple[str, str]]:
    return {one["key"]: (one["verdict"], one["code"]) for one in row.checks}


def english(notice: Notice) -> str:
    with translation.override("en"):
        return notices.notice_text(notice)


def history(row: Submission) -> list[str]:
    return list(row.events.values_list("code", flat=True))


class TestOffering:
    def test_a_reference(self, ulrich: User) -> None:
        row = submissions.submit(user=ulrich, reference=" nginx ", name=" web ")
        assert (row.reference, row.name, row.state, row.decision) == (
            "docker.io/library/nginx:latest", "web", JobState.QUEUED, Decision.OPEN,
        )  # fmt: skip
        assert history(row) == ["submitted"]
        entry = LogEntry.objects.get_for_object(row).get()
        assert (entry.actor, entry.action, entry.changes["reference"][1]) == (ulrich, 0, row.reference)
        assert not ImageRegistry.objects.exists(), "nothing unapproved is listed"

    def test_a_build(self, ulrich: User, olga: User) -> None:
        own = built(by=ulrich)
        row = submissions.submit(user=ulrich, build=own.pk)
        assert (row.build, row.reference) == (own, own.reference)
        with pytest.raises(NotFound):
            submissions.submit(user=User.objects.create_user("otto"), build=own.pk)
        assert submissions.submit(user=olga, build=own.pk).requested_by == olga
        unfinished = built(by=ulrich, state=JobState.FAILED, reference="r.io/x:1")
        with pytest.raises(Conflict) as refused:
            submissions.submit(user=ulrich, build=unfinished.pk)
        assert refused.value.code == "build_without_image"

    @pytest.mark.parametrize(
        "asked",
        [
            {}, {"build": 1, "reference": "nginx"}, {"reference": ""}, {"reference": "u:p@r.io/a:v1"},
            {"reference": "r.io/UPPER"}, {"reference": "https://r.io/a"}, {"reference": LONG},
        ],
    )  # fmt: skip
    def test_what_is_no_image(self, ulrich: User, asked: dict[str, Any]) -> None:
        with pytest.raises(InvalidInput):
            submissions.submit(user=ulrich, **asked)
        assert not Submission.objects.exists()

    def test_once_at_a_time(self, ulrich: User, olga: User) -> None:
        first = submissions.submit(user=ulrich, reference=REFERENCE)
        with pytest.raises(Conflict) as refused:
            submissions.submit(user=ulrich, reference=REFERENCE)
        assert refused.value.extra == {"submission": first.pk}
        submissions.submit(user=olga, reference=REFERENCE)  # another person may
        submissions.withdraw(user=ulrich, submission=first.pk)
        assert submissions.submit(user=ulrich, reference=REFERENCE).pk != first.pk

    def test_not_without_end(self, ulrich: User) -> None:
        rows = [Submission(requested_by=ulrich, reference=f"r.io/a:{n}") for n in range(submissions.MOST_OPEN)]
        Submission.objects.bulk_create(rows)
        with pytest.raises(Conflict) as refused:
            submissions.submit(user=ulrich, reference=REFERENCE)
        assert refused.value.code == "too_many_submissions"


class TestApproving:
    def test_the_entry_is_pinned_to_what_was_checked(self, checked: Submission, olga: User, ulrich: User) -> None:
        done = submissions.approve(user=olga, submission=checked.pk)
        entry = ImageRegistry.objects.get()
        assert entry == done.entry == done.submission.entry and not done.moved_to
        assert entry.address == f"{checked.reference}@{checked.digest}"
        assert (entry.name, entry.description, entry.is_listed) == ("Trainer", "for training", True)
        assert entry.supports_vgpu, "its glibc allows it"
        assert f"{checked.pk}" in entry.source and "ulrich" in entry.source and checked.digest in entry.remark
        checked.refresh_from_db()
        assert (checked.decision, checked.decided_by, checked.entry) == (Decision.APPROVED, olga, entry)
        assert history(checked) == ["submitted", "checked", "approved"]
        assert LogEntry.objects.get_for_object(checked).first().changes["decision"] == ["open", "approved"]
        assert LogEntry.objects.get_for_object(entry).exists()
        [notice] = notices.visible_notices(ulrich)
        assert english(notice) == (
            f"{checked.reference} was approved by olga and is in the image library as “Trainer”."
        )

    def test_with_other_words_and_pulls(self, checked: Submission, olga: User) -> None:
        node = make.node()
        done = submissions.approve(
            user=olga, submission=checked.pk, name="Other", description="", nodes=[node.pk], supports_vgpu=False
        )
        assert (done.entry.name, done.entry.description, done.entry.supports_vgpu) == ("Other", "", False)
        pull = PullJob.objects.get()
        assert done.pulls == [pull] and (pull.image, pull.node) == (done.entry, node)
        assert pull.reference == done.entry.address
        assert history(checked)[-1] == "pulls"

    def test_all_of_it_or_nothing(self, checked: Submission, olga: User) -> None:
        wrong: tuple[tuple[dict[str, Any], type[Exception]], ...] = (
            ({"nodes": [4711]}, NotFound), ({"name": "x" * 256}, ValidationError),
        )  # fmt: skip
        for asked, kind in wrong:
            with pytest.raises(kind):
                submissions.approve(user=olga, submission=checked.pk, **asked)
        checked.refresh_from_db()
        assert checked.decision == Decision.OPEN
        assert not ImageRegistry.objects.exists() and not PullJob.objects.exists() and not Notice.objects.exists()

    def test_the_tag_has_moved(self, checked: Submission, olga: User, server: ScriptedServer) -> None:
        moved = serve(server, layers=(NEITHER,))
        done = submissions.approve(user=olga, submission=checked.pk)
        assert done.moved_to == moved != checked.digest
        assert done.entry.address.endswith(checked.digest)
        event = checked.events.last()
        assert event and event.code == "tag_moved" and moved in sentence(event)

    def test_the_registry_is_away_just_then(self, checked: Submission, olga: User, server: ScriptedServer) -> None:
        server.script = {"/v2/.*": Answer(503, "tired")}
        done = submissions.approve(user=olga, submission=checked.pk)
        assert done.entry.address.endswith(checked.digest) and not done.moved_to
        event = checked.events.last()
        assert event and event.code == "tag_not_asked" and sentence(event)

    def test_an_entry_of_the_same_digest_is_used_again(self, checked: Submission, olga: User) -> None:
        address = f"{checked.reference}@{checked.digest}"
        there = make.image(address=address, is_listed=False, name="Old", source="by hand")
        done = submissions.approve(user=olga, submission=checked.pk)
        there.refresh_from_db()
        assert done.entry == there and there.is_listed
        assert (there.name, there.source) == ("Old", "by hand")
        assert ImageRegistry.objects.count() == 1

    @pytest.mark.parametrize("layers", [(MUSL,), (NEITHER,)])
    def test_no_slices_without_glibc(
        self, server: ScriptedServer, ulrich: User, olga: User, layers: tuple[bytes, ...]
    ) -> None:
        serve(server, layers=layers)
        row = check(submissions.submit(user=ulrich, reference=reference(server)))
        with pytest.raises(InvalidInput):
            submissions.approve(user=olga, submission=row.pk, supports_vgpu=True)
        assert not submissions.approve(user=olga, submission=row.pk).entry.supports_vgpu

    def test_not_before_the_checks_are_through(self, ulrich: User, olga: User) -> None:
        row = submissions.submit(user=ulrich, reference=REFERENCE)
        with pytest.raises(Conflict) as refused:
            submissions.approve(user=olga, submission=row.pk)
        assert refused.value.code == "still_checking"

    def test_for_operators(self, checked: Submission, ulrich: User) -> None:
        with pytest.raises(PermissionRefused):
            submissions.approve(user=ulrich, submission=checked.pk)
        with pytest.raises(PermissionRefused):
            submissions.reject(user=ulrich, submission=checked.pk, reason="x")

    @pytest.mark.django_db(transaction=True)
    def test_checked_again_while_an_operator_was_reading(
        self, checked: Submission, olga: User, server: ScriptedServer
    ) -> None:
        """The tag moved, and another operator had it checked again, while the first one's click was on its way."""
        found = serve(server, layers=(NEITHER,))

        def meanwhile(_handler: Handler) -> Answer:
            Submission.objects.filter(pk=checked.pk).update(digest=found)
            connections.close_all()
            return Answer(404)

        server.script = {"/v2/.*": meanwhile}
        with pytest.raises(Conflict) as refused:
            submissions.approve(user=olga, submission=checked.pk)
        assert refused.value.code == "checked_again" and not ImageRegistry.objects.exists()


class TestDecidingOnce:
    def test_rejected(self, checked: Submission, olga: User, ulrich: User) -> None:
        for reason in ("", "  ", "x" * 1001):
            with pytest.raises(InvalidInput):
                submissions.reject(user=olga, submission=checked.pk, reason=reason)
        row = submissions.reject(user=olga, submission=checked.pk, reason=" runs as root ")
        assert (row.decision, row.reason, row.decided_by) == (Decision.REJECTED, "runs as root", olga)
        [notice] = notices.visible_notices(ulrich)
        assert english(notice).endswith("was rejected by olga: runs as root")
        changes = LogEntry.objects.get_for_object(row).first().changes
        assert changes == {"decision": ["open", "rejected"], "reason": ["", "runs as root"]}
        assert not ImageRegistry.objects.exists()

    def test_what_was_decided_stays(self, checked: Submission, olga: User, ulrich: User) -> None:
        submissions.reject(user=olga, submission=checked.pk, reason="no")
        otto = User.objects.create_user("otto", is_staff=True)
        actions: list[Any] = [
            lambda: submissions.approve(user=otto, submission=checked.pk),
            lambda: submissions.reject(user=otto, submission=checked.pk, reason="no"),
            lambda: submissions.withdraw(user=ulrich, submission=checked.pk),
            lambda: submissions.check_again(user=ulrich, submission=checked.pk),
        ]
        for action in actions:
            with pytest.raises(Conflict) as refused:
                action()
            assert refused.value.code == "decided_already" and "olga" in str(refused.value)
        assert Notice.objects.count() == 1

    def test_withdrawing_ends_the_checks(self, ulrich: User, olga: User) -> None:
        waiting = submissions.submit(user=ulrich, reference=REFERENCE)
        row = submissions.withdraw(user=ulrich, submission=waiting.pk)
        assert (row.decision, row.state) == (Decision.WITHDRAWN, JobState.CANCELLED)
        assert submissions.withdraw(user=ulrich, submission=row.pk) == row, "a second click is no mistake"
        assert not Notice.objects.exists(), "the own deed is no news"
        running = submissions.submit(user=ulrich, reference=REFERENCE)
        Submission.claim(running.pk, now=running.created_at)
        assert submissions.withdraw(user=olga, submission=running.pk).state == JobState.CANCELLING
        [told] = notices.visible_notices(ulrich)
        assert english(told) == f"olga withdrew your submission of {running.reference}."
        with pytest.raises(NotFound):
            submissions.withdraw(user=User.objects.create_user("otto"), submission=running.pk)

    def test_checking_again_waits_for_the_end(self, ulrich: User) -> None:
        row = submissions.submit(user=ulrich, reference=REFERENCE)
        with pytest.raises(Conflict) as refused:
            submissions.check_again(user=ulrich, submission=row.pk)
        assert refused.value.code == "still_checking"


class TestNotices:
    def test_are_read_once_and_by_their_owner(self, checked: Submission, olga: User, ulrich: User) -> None:
        submissions.reject(user=olga, submission=checked.pk, reason="no")
        [notice] = notices.visible_notices(ulrich)
        with pytest.raises(NotFound):
            notices.read_notice(user=olga, notice=notice.pk)
        first = notices.read_notice(user=ulrich, notice=notice.pk).read_at
        assert first and notices.read_notice(user=ulrich, notice=notice.pk).read_at == first
        assert notices.read_all_notices(user=ulrich) == 0
        Notice.objects.update(read_at=None)
        assert notices.read_all_notices(user=olga) == 0
        assert notices.read_all_notices(user=ulrich) == 1
