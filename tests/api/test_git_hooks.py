"""Messages of git servers: who is believed, and what is kept of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from django.conf import settings
from django.utils import timezone
from rest_framework.test import APIClient

from builds.hook_texts import OUTCOMES, recent_deliveries
from builds.hooks import LARGEST, Verdict
from builds.models import Build, HookDelivery
from builds.pushing import NOT_ALLOWED
from builds.services import hooks as services
from tests.api import make
from tests.api.hooks import AT, SECRET, application, outcomes, tell
from tests.support.pushes import encoded, gitea_push, github_push, signature

pytestmark = pytest.mark.django_db
ELSEWHERE = {"added": [], "removed": [], "modified": ["src/other/Dockerfile"]}
LANGUAGES = ("en", "zh-hans")


@pytest.fixture(autouse=True)
def _the_day_of_the_pushes() -> Iterator[None]:
    with time_machine.travel(datetime(2026, 11, 26, 12, tzinfo=UTC), tick=True):
        yield


def unbuilt(answer: Any) -> None:
    assert not Build.objects.exists() and not HookDelivery.objects.exists(), answer.content


class TestWhoIsBelieved:
    @pytest.mark.parametrize("server", ["github", "gitea"])
    def test_a_signed_message(self, server: str) -> None:
        app = application()
        content = (github_push if server == "github" else gitea_push)(files=ELSEWHERE)
        assert outcomes(tell(content, server=server)) == {app.name: "other_paths"}
        row = HookDelivery.objects.get()
        assert (row.application, row.branch, row.commit, row.delivery) == (app, "main", "a" * 40, "7")

    def test_a_form(self) -> None:
        app = application()
        form = urlencode({"payload": encoded(github_push(files=ELSEWHERE)).decode()}).encode()
        answer = tell(form, content_type="application/x-www-form-urlencoded")
        assert outcomes(answer) == {app.name: "other_paths"}

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_a_wrong_signature_and_an_unknown_repository_are_answered_alike(self, language: str) -> None:
        application()
        unknown = github_push()
        unknown["repository"] = {"clone_url": "https://git.example.com/team/unknown.git"}
        answers = [tell(github_push(), secret="guessed", language=language), tell(unknown, language=language)]
        bodies = [make.problem(answer, 403, "hook_refused") for answer in answers]
        assert bodies[0] == bodies[1]
        unbuilt(answers[0])

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_a_message_without_a_signature(self, language: str) -> None:
        application()
        client = APIClient(enforce_csrf_checks=True, HTTP_ACCEPT_LANGUAGE=language)
        old = {"HTTP_X_GITHUB_EVENT": "push", "HTTP_X_HUB_SIGNATURE": "sha1=" + "a" * 40}
        answer = client.generic("POST", AT, encoded(github_push()), content_type="application/json", **old)
        make.problem(answer, 401, "hook_unsigned")
        unbuilt(answer)

    @pytest.mark.parametrize("language", LANGUAGES)
    @pytest.mark.parametrize("offered", ["sha256=abc", "sha1=" + "a" * 40, "ü", "0" * 5000])
    def test_a_signature_that_is_none_does_not_fit(self, offered: str, language: str) -> None:
        application()
        answer = tell(github_push(), language=language, HTTP_X_HUB_SIGNATURE_256=offered)
        make.problem(answer, 403, "hook_refused")
        unbuilt(answer)

    def test_a_signature_in_capitals_is_one(self) -> None:
        app = application()
        content = github_push(files=ELSEWHERE)
        signed = f"sha256={signature(SECRET, encoded(content)).upper()}"
        assert outcomes(tell(content, HTTP_X_HUB_SIGNATURE_256=signed)) == {app.name: "other_paths"}

    def test_a_body_that_was_changed(self) -> None:
        application()
        signed = tell(encoded(github_push()) + b" ", HTTP_X_HUB_SIGNATURE_256="sha256=" + "0" * 64)
        make.problem(signed, 403, "hook_refused")
        unbuilt(signed)

    def test_only_applications_with_that_secret_and_that_repository(self) -> None:
        mine = application(git_url="https://git.example.com/Team/Images")
        also = application(git_path="src/other", git_url="http://git.example.com:3000/team/images.git/")
        application(webhook_secret="another")
        application(webhook_secret="")
        application(git_url="https://git.example.com/team/images-2.git")
        application(source="files")
        found = outcomes(tell(github_push(ref="refs/heads/elsewhere")))
        assert found == {mine.name: "other_branch", also.name: "other_branch"}

    def test_an_empty_secret_is_none(self) -> None:
        application(webhook_secret="")
        make.problem(tell(github_push(), secret=""), 403, "hook_refused")

    def test_a_secret_that_cannot_be_read_is_told_in_the_log_alone(self, caplog: pytest.LogCaptureFixture) -> None:
        app = application()
        type(app).objects.filter(pk=app.pk).update(description="")
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("UPDATE builds_application SET webhook_secret = 'enc1:00000000:broken'")
        make.problem(tell(github_push()), 403, "hook_refused")
        assert "webhook secret unreadable" in caplog.text

    def test_guessing_is_limited_by_address(self) -> None:
        limit = int(settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]["git_hook"].split("/")[0])
        client = APIClient(HTTP_ACCEPT_LANGUAGE="en")
        statuses = [client.post(AT, {}, REMOTE_ADDR="203.0.113.7").status_code for _ in range(limit + 1)]
        assert set(statuses[:-1]) == {401} and statuses[-1] == 429
        assert client.post(AT, {}, REMOTE_ADDR="203.0.113.8").status_code == 401


class TestReplays:
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_the_same_message_again(self, language: str) -> None:
        application()
        content = github_push(files=ELSEWHERE)
        outcomes(tell(content))
        again = tell(content, language=language, HTTP_X_GITHUB_DELIVERY="8")
        make.problem(again, 409, "replay")
        assert HookDelivery.objects.count() == 1

    def test_an_application_that_was_not_there_the_first_time(self) -> None:
        first = application()
        content = github_push(files=ELSEWHERE)
        outcomes(tell(content))
        second = application()
        assert outcomes(tell(content)) == {second.name: "other_paths"}
        assert {row.application for row in HookDelivery.objects.all()} == {first, second}

    def test_another_event_of_the_same_body_is_no_push(self) -> None:
        app = application()
        body = encoded(github_push())
        assert outcomes(tell(body, event="pull_request")) == {app.name: "ignored"}
        assert not HookDelivery.objects.exists()

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_an_old_message(self, language: str) -> None:
        application()
        with time_machine.travel(datetime(2026, 11, 26, tzinfo=UTC) + timedelta(days=settings.KEEP_HISTORY_DAYS + 1)):
            answer = tell(github_push(), language=language)
        make.problem(answer, 409, "replay")
        unbuilt(answer)

    def test_a_message_that_does_not_say_how_old_it_is(self) -> None:
        application()
        content = github_push() | {"head_commit": None, "commits": []}
        del content["repository"]["pushed_at"]
        make.problem(tell(content), 409, "replay")

    def test_what_is_forgotten_is_too_old_to_come_again(self) -> None:
        application()
        content = github_push(files=ELSEWHERE)
        outcomes(tell(content))
        sent = datetime(2026, 11, 26, 12, tzinfo=UTC)
        for days in range(settings.KEEP_HISTORY_DAYS - 1, settings.KEEP_HISTORY_DAYS + 4):
            with time_machine.travel(sent + timedelta(days=days)):
                services.forget_old_deliveries(now=timezone.now())
                make.problem(tell(content), 409, "replay")
        assert not HookDelivery.objects.exists()


class TestWhatIsNotBuilt:
    @pytest.mark.parametrize(
        ("content", "outcome"),
        [
            (github_push(files=ELSEWHERE), Verdict.OTHER_PATHS),
            (github_push(ref="refs/heads/wip"), Verdict.OTHER_BRANCH),
            (github_push(ref="refs/tags/v1"), Verdict.NO_BRANCH),
            (github_push(after="0" * 40), Verdict.DELETED),
        ],
    )
    def test_other_branches_other_paths_tags_and_deletions(self, content: Any, outcome: str) -> None:
        app = application()
        assert outcomes(tell(content)) == {app.name: outcome}
        assert HookDelivery.objects.get().outcome == outcome and not Build.objects.exists()

    @pytest.mark.parametrize("server", ["github", "gitea"])
    def test_a_ping(self, server: str) -> None:
        app = application()
        ping = {"zen": "x", "hook_id": 1, "repository": github_push()["repository"]}
        assert outcomes(tell(ping, event="ping", server=server)) == {app.name: "pong"}
        assert not HookDelivery.objects.exists()

    def test_an_application_without_an_owner(self) -> None:
        app = application()
        assert outcomes(tell(github_push())) == {app.name: "no_owner"}

    def test_an_owner_who_may_not_log_in_any_more(self, user: Any) -> None:
        user.is_active = False
        user.save()
        app = application(owner=user)
        assert outcomes(tell(github_push())) == {app.name: "no_owner"}


class TestBadInput:
    @pytest.mark.parametrize("language", LANGUAGES)
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b"[" * 50_000,
            b"\xff",
            b"{}",
            b'{"repository": {}}',
            b'{"repository": {"url": 1}}',
        ],
    )
    def test_what_is_no_message(self, body: bytes, language: str) -> None:
        application()
        answer = tell(body, language=language)
        assert answer.status_code in (400, 403)
        make.problem(answer, answer.status_code)
        unbuilt(answer)

    @pytest.mark.parametrize("kind", ["", "text/plain", "multipart/form-data; boundary=x", "application/xml", "\xe4"])
    def test_the_type_does_not_matter_unless_it_is_a_form(self, kind: str) -> None:
        app = application()
        assert outcomes(tell(github_push(files=ELSEWHERE), content_type=kind)) == {app.name: "other_paths"}

    def test_a_form_without_a_payload(self) -> None:
        application()
        for body in (b"a=b", b"payload=", b"payload=%7B", b"payload=1&" * 20):
            make.problem(tell(body, content_type="application/x-www-form-urlencoded"), 400, "invalid")

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_a_body_that_is_too_long(self, language: str) -> None:
        application()
        content = github_push(files={"added": ["x" * LARGEST]})
        make.problem(tell(content, language=language), 413, "too_large")

    def test_headers_that_nobody_could_store(self) -> None:
        app = application()
        odd = tell(github_push(files=ELSEWHERE), HTTP_X_GITHUB_DELIVERY="a\x00b" + "c" * 100)
        assert outcomes(odd) == {app.name: "other_paths"}
        assert HookDelivery.objects.get().delivery == ""

    def test_other_methods(self, as_operator: APIClient) -> None:
        make.problem(as_operator.get(AT), 405)


class TestShown:
    def test_what_came_of_the_last_messages(self) -> None:
        app = application()
        for number in range(12):
            outcomes(tell(github_push(files=ELSEWHERE, before=f"{number:040x}"[::-1].replace("0", "c"))))
        HookDelivery.objects.filter(pk=HookDelivery.objects.first().pk).update(outcome="odd_code")  # type: ignore[union-attr]
        shown = recent_deliveries(app)["deliveries"]
        assert len(shown) == 10 and shown[1]["outcome"] == OUTCOMES["other_paths"]
        assert "odd_code" in shown[0]["outcome"] and shown[0]["commit"] == "a" * 12

    def test_every_outcome_has_words(self) -> None:
        from builds import services as package

        codes = {getattr(services, name) for name in ("BUILT", "UNLISTED", "WAITING", "SUPERSEDED", "NO_OWNER")}
        verdicts = set(Verdict) - {Verdict.BUILD, Verdict.BUILD_UNLISTED}
        assert package and set(OUTCOMES) == codes | verdicts | {NOT_ALLOWED, "invalid"}

    def test_the_page_about_them_knows_address_headers_and_every_outcome(self) -> None:
        text = (Path(settings.BASE_DIR) / "docs" / "git-push.md").read_text(encoding="utf-8")
        for word in (AT, "X-Hub-Signature-256", "X-Gitea-Signature", f"{LARGEST:,}", *OUTCOMES, "pong", "ignored"):
            assert text.count(str(word)) >= 2, word  # in both languages

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_the_partial(self, language: str) -> None:
        from django.template.loader import render_to_string
        from django.utils.translation import override

        app = application()
        with override(language):
            page = {"row": app, "hook_url": AT}
            empty = render_to_string("builds/deliveries.html", {**page, **recent_deliveries(app)})
            outcomes(tell(github_push(files=ELSEWHERE)))
            full = render_to_string("builds/deliveries.html", {**page, **recent_deliveries(app)})
        assert AT in empty and SECRET not in empty + full and "aaaaaaaaaaaa" in full
