"""Admin pages of submissions, notices and outgoing webhooks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from builds.models import Notice, Submission, WebhookTarget
from builds.services import submissions
from builds.submission_work import check_submission
from core.fields import MASK
from core.jobs import JobState
from imagelib.models import ImageRegistry
from pulls.models import PullJob
from tests.api import make
from tests.integration.scripted_server import ScriptedServer, scripted_server
from tests.support.submitted import MUSL, built, reference, serve, tools

REFERENCE = "registry.example.com/team/app:v1"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as server:
        yield server


@pytest.fixture
def boss(operator: User) -> Client:
    client = Client(enforce_csrf_checks=True, HTTP_ACCEPT_LANGUAGE="en")
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def checked(server: ScriptedServer, user: User) -> Submission:
    serve(server)
    return offered(server, user)


def offered(server: ScriptedServer, user: User) -> Submission:
    row = submissions.submit(user=user, reference=reference(server), name="Trainer", description="for training")
    check_submission(row.pk, tools=tools())
    row.refresh_from_db()
    return row


def at(name: str, *args: Any) -> str:
    return reverse(f"admin:builds_{name}", args=args)


def text(client: Client, url: str) -> str:
    page = client.get(url)
    assert page.status_code == 200, (url, page.status_code)
    return str(page.content.decode())


def send(client: Client, url: str, data: dict[str, Any]) -> Any:
    """Open the page and send its form, with the token that came with it."""
    assert client.get(url).status_code == 200
    return client.post(url, {"csrfmiddlewaretoken": client.cookies["csrftoken"].value, **data})


def test_the_inbox_shows_what_is_undecided_first(boss: Client, checked: Submission, operator: User) -> None:
    decided = submissions.submit(user=operator, reference=REFERENCE)
    submissions.reject(user=operator, submission=decided.pk, reason="no")
    page = text(boss, at("submission_changelist"))
    assert 0 < page.index("Trainer") < page.index(REFERENCE)
    for title in ("Exists", "Digest", "Platforms", "C library and GPU slices", "Vulnerabilities"):
        assert title in page, title


def test_the_number_of_the_undecided_stands_in_the_menu(boss: Client, checked: Submission, operator: User) -> None:
    page = text(boss, reverse("admin:index"))
    assert 'il-badge">1<' in page and "Submissions to decide<strong>1<" in page
    submissions.reject(user=operator, submission=checked.pk, reason="no")
    page = text(boss, reverse("admin:index"))
    assert "Submissions to decide<strong>0<" in page
    assert "il-badge" not in page and "builds.admin.badges" not in page, "nothing waits: no empty mark"


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_one_submission_with_its_checks(boss: Client, checked: Submission, language: str) -> None:
    page = boss.get(at("submission_change", checked.pk), HTTP_ACCEPT_LANGUAGE=language).content.decode()
    assert page.count("il-card") >= 8 and checked.digest in page and "glibc 2.31" in page
    assert ("Submitted by ulrich." if language == "en" else "由 ulrich 提交") in page
    assert at("submission_approve", checked.pk) in page


def check(key: str, verdict: str, code: str, **params: Any) -> dict[str, Any]:
    return {"key": key, "verdict": verdict, "code": code, "params": params}


WARNED = check("libc", "warned", "libc_musl", libc="musl")
FINE = check("exists", "passed", "image_there")


def test_what_is_to_be_looked_at_stands_first(boss: Client, checked: Submission) -> None:
    found = {"scanner": "Trivy", "counts": {"Critical": 3, "Low": 9}, "worst": []}
    grave = check("vulnerabilities", "warned", "vulnerabilities_grave", **found)
    Submission.objects.update(checks=[FINE, WARNED, grave])
    page = text(boss, at("submission_change", checked.pk))
    assert "It can be approved. To be looked at first: C library and GPU slices, Vulnerabilities." in page
    assert page.index("il-verdict-warned") < page.index("il-verdict-passed")
    assert "critical 3" in page and "low 9" in page and "Trivy" in page
    assert "GPU memory slices do not work with it" in text(boss, at("submission_approve", checked.pk))
    inbox = text(boss, at("submission_changelist"))
    assert inbox.index("C library and GPU slices") < inbox.index("1 fine")


def test_what_is_in_the_way_of_an_approval_is_said_instead_of_offering_one(boss: Client, checked: Submission) -> None:
    Submission.objects.update(
        checks=[FINE, WARNED, check("digest", "failed", "digest_not_of_build", digest="a", built="b")]
    )
    page = text(boss, at("submission_change", checked.pk))
    assert "In the way of an approval: Digest." in page
    assert at("submission_approve", checked.pk) not in page and at("submission_reject", checked.pk) in page


def test_what_is_decided_is_not_judged_again(boss: Client, checked: Submission, operator: User) -> None:
    Submission.objects.update(checks=[FINE, WARNED])
    assert "It can be approved." in text(boss, at("submission_change", checked.pk))
    submissions.reject(user=operator, submission=checked.pk, reason="no")
    assert "It can be approved." not in text(boss, at("submission_change", checked.pk))


def test_one_whose_checks_wait_and_one_whose_checks_failed(boss: Client, user: User) -> None:
    row = submissions.submit(user=user, reference=REFERENCE)
    page = text(boss, at("submission_change", row.pk))
    assert "being looked at" in page and 'data-active="yes"' in page
    assert at("submission_approve", row.pk) not in page
    Submission.objects.update(
        state=JobState.FAILED, error_code="registry_denied", error={"evidence": "HTTP 403", "params": {}}
    )
    page = text(boss, at("submission_change", row.pk))
    assert "HTTP 403" in page and "What to do:" in page and 'data-active="no"' in page


def test_approving_from_the_page(boss: Client, checked: Submission) -> None:
    node = make.node()
    url = at("submission_approve", checked.pk)
    page = text(boss, url)
    assert 'value="Trainer"' in page and "for training" in page and node.name in page
    assert not ImageRegistry.objects.exists(), "looking changes nothing"
    answer = send(boss, url, {"name": "Other", "description": "d", "slices": "no", "nodes": [node.pk]})
    assert answer["Location"] == at("submission_change", checked.pk)
    entry, pull = ImageRegistry.objects.get(), PullJob.objects.get()
    assert (entry.name, entry.description, entry.supports_vgpu, entry.is_listed) == ("Other", "d", False, True)
    assert (pull.image, pull.node) == (entry, node)
    page = text(boss, at("submission_change", checked.pk))
    assert "is listed now." in page and entry.address in page
    entry_page = text(boss, reverse("admin:imagelib_imageregistry_change", args=[entry.pk]))
    assert "Where this entry came from" in entry_page and at("submission_change", checked.pk) in entry_page


def test_a_refused_approval_keeps_what_was_typed(boss: Client, checked: Submission) -> None:
    page = send(boss, at("submission_approve", checked.pk), {"name": "Mine", "nodes": ["4711"]}).content.decode()
    assert "There is no listed compute node with id 4711." in page and 'value="Mine"' in page
    assert not ImageRegistry.objects.exists()


def test_searching_nodes_approves_nothing(boss: Client, checked: Submission) -> None:
    make.node(name="alpha")
    make.node(name="beta")
    data = {"name": "x", "search": "alp", "again": "search"}
    page = send(boss, at("submission_approve", checked.pk), data).content.decode()
    assert "alpha" in page and "beta" not in page and not ImageRegistry.objects.exists()


def test_slices_are_not_offered_with_musl(boss: Client, server: ScriptedServer, user: User) -> None:
    serve(server, layers=(MUSL,))
    row = offered(server, user)
    page = text(boss, at("submission_approve", row.pk))
    assert "the image has no glibc" in page and "<select" not in page.split("il-slices")[1].split("</section>")[0]


def test_rejecting_from_the_page(boss: Client, checked: Submission) -> None:
    url = at("submission_reject", checked.pk)
    page = send(boss, url, {"reason": " "}).content.decode()
    assert "the image runs as root" in page
    assert send(boss, url, {"reason": "runs as root"})["Location"] == at("submission_change", checked.pk)
    page = text(boss, at("submission_change", checked.pk))
    assert "runs as root" in page and at("submission_reject", checked.pk) not in page


def test_withdrawing_and_checking_again_ask_first(boss: Client, checked: Submission) -> None:
    for name in ("submission_check", "submission_withdraw"):
        url = at(name, checked.pk)
        before = Submission.objects.values().get()
        text(boss, url)
        assert boss.post(url, {"confirmed": "yes"}).status_code == 403, "without the token"
        assert Submission.objects.values().get() == before
        assert send(boss, url, {"confirmed": "yes"}).status_code == 302
        assert Submission.objects.values().get() != before
    assert Submission.objects.get().decision == "withdrawn"


def test_offering_from_the_page(boss: Client, operator: User) -> None:
    url = at("submission_add")
    page = send(boss, url, {"reference": "r.io/UPPER", "name": "", "description": ""}).content.decode()
    assert "errorlist" in page or "For example" in page or "lower" in page
    assert not Submission.objects.exists()
    answer = send(boss, url, {"reference": REFERENCE, "name": "App", "description": ""})
    row = Submission.objects.get()
    assert answer["Location"] == at("submission_change", row.pk)
    assert (row.reference, row.name, row.requested_by) == (REFERENCE, "App", operator)


def test_offering_a_build(boss: Client, operator: User) -> None:
    made = built(by=operator)
    url = at("submission_of_build", made.pk)
    assert made.reference in text(boss, url) and not Submission.objects.exists()
    assert send(boss, url, {"confirmed": "yes"}).status_code == 302
    assert Submission.objects.get().build == made


def test_notices(boss: Client, operator: User, user: User) -> None:
    mine, theirs = make.submission(by=operator), make.submission(by=user)
    own, _other = make.notice(of=mine), make.notice(of=theirs)
    assert ">未读</span>" in boss.get(at("notice_changelist"), HTTP_ACCEPT_LANGUAGE="zh-hans").content.decode()
    page = text(boss, at("notice_changelist"))
    assert mine.reference in page and theirs.reference not in page
    assert boss.get(at("notice_change", own.pk))["Location"] == at("submission_change", mine.pk)
    assert send(boss, at("notice_read_all"), {"confirmed": "yes"}).status_code == 302
    assert "There is nothing unread." in boss.get(at("notice_read_all"), follow=True).content.decode()
    assert list(Notice.objects.filter(read_at=None).values_list("user", flat=True)) == [user.pk]
    assert ">已读</span>" in boss.get(at("notice_changelist"), HTTP_ACCEPT_LANGUAGE="zh-hans").content.decode()


class TestWebhooks:
    VALUES = {"name": "CI", "url": "https://ci.example.com/hooks", "secret": "canary-1-of-sixteen", "is_active": "on"}

    def test_are_made_and_changed(self, boss: Client) -> None:
        refused = send(boss, at("webhooktarget_add"), {**self.VALUES, "url": "ftp://x"}).content.decode()
        assert "canary-1-of-sixteen" not in refused and not WebhookTarget.objects.exists()
        assert send(boss, at("webhooktarget_add"), self.VALUES).status_code == 302
        row = WebhookTarget.objects.get()
        url = at("webhooktarget_change", row.pk)
        page = text(boss, url)
        assert "canary-1-of-sixteen" not in page and MASK in page and "Nothing has been sent yet." in page
        assert send(boss, url, {**self.VALUES, "name": "CI 2", "secret": MASK}).status_code == 302
        row.refresh_from_db()
        assert (row.name, row.secret.reveal()) == ("CI 2", "canary-1-of-sixteen")

    def test_show_their_calls(self, boss: Client, user: User) -> None:
        target, row = make.webhook(), make.submission(by=user)
        make.webhook_call(
            to=target, of=row, error_code="webhook_refused", error={"params": {"status": 500}}, status=500, attempt=3
        )
        page = text(boss, at("webhooktarget_change", target.pk))
        assert "submission.created" in page and row.reference in page and "HTTP 500" in page and "again at" in page
        assert target.name in text(boss, at("webhooktarget_changelist"))


@pytest.mark.parametrize(("language", "word"), [("en", "Submit"), ("zh-hans", "提交")])
def test_a_typed_reference_is_submitted_not_saved(boss: Client, language: str, word: str) -> None:
    page = boss.get(at("submission_add"), HTTP_ACCEPT_LANGUAGE=language).content.decode()
    buttons = re.findall(r"<button[^>]*submission_form[^>]*>(.*?)</button>", page, re.DOTALL)
    assert [" ".join(button.split()) for button in buttons] == [word]
