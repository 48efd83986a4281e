"""Who may watch rows as they change, when a stream opens and while it is open; what is said of what is not there."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.test import AsyncRequestFactory, Client
from django.utils import timezone
from rest_framework.test import APIClient

from core.event_streams import EventStreams
from core.progress import Hub
from instances.live import REMOVED
from instances.models import Instance
from pulls.models import PullJob
from pulls.services import visible_pulls
from tests.api import make
from tests.support.one_instance import gpu_node, instance_of

NOWHERE = [424242, 2**53, 2**63, 10**30]


class Catching(Hub):
    """Keeps the question that an open stream asks every minute."""

    still_allowed: Callable[[], bool]

    def watch(self, ids: Any, *, allowed: Any = None, **options: Any) -> Any:
        self.still_allowed = allowed
        return super().watch(ids, allowed=allowed, **options)


@pytest.fixture
def job(user: User) -> PullJob:
    return make.pull(by=user)


def question_of(job: PullJob, query: str = "", cookies: Any = None, **headers: Any) -> Callable[[], bool]:
    """What the stream of the pull asks every minute. It opens."""
    hub = Catching(versions=lambda ids: {}, pictures=lambda ids, language, operator: {})
    streams = EventStreams(hub, visible=visible_pulls, salt="pull-events", unknown="unknown")
    factory = AsyncRequestFactory()
    factory.cookies.update(cookies or {})
    request = factory.get(f"/{query}", **headers)
    answer = async_to_sync(streams.one)(request, job.pk)
    assert answer.status_code == 200, answer.content
    return hub.still_allowed


def bearer(client: APIClient) -> dict[str, Any]:
    return {"headers": {"Authorization": client._credentials["HTTP_AUTHORIZATION"]}}


class TestWhileItIsOpen:
    def test_logging_out_ends_it(self, user: User, job: PullJob) -> None:
        browser = Client()
        browser.force_login(user)
        allowed = question_of(job, cookies=browser.cookies)
        assert allowed() and allowed()
        browser.logout()
        assert not allowed()

    def test_an_access_token_that_ends_ends_it(self, as_user: APIClient, job: PullJob, time_machine: Any) -> None:
        allowed = question_of(job, **bearer(as_user))
        time_machine.move_to(timezone.now() + timedelta(minutes=29))
        assert allowed()
        time_machine.move_to(timezone.now() + timedelta(minutes=2))
        assert not allowed()

    def test_a_ticket_s_stream_ends_with_the_token_that_asked_for_it(
        self, as_user: APIClient, user: User, job: PullJob, time_machine: Any
    ) -> None:
        url = as_user.post(f"/api/pulls/{job.pk}/ticket/").json()["url"]
        allowed = question_of(job, "?" + url.partition("?")[2])
        time_machine.move_to(timezone.now() + timedelta(minutes=29))
        assert allowed()
        time_machine.move_to(timezone.now() + timedelta(minutes=2))
        assert not allowed()

    def test_a_ticket_s_stream_ends_with_the_password(self, as_user: APIClient, user: User, job: PullJob) -> None:
        url = as_user.post(f"/api/pulls/{job.pk}/ticket/").json()["url"]
        allowed = question_of(job, "?" + url.partition("?")[2])
        assert allowed()
        user.set_password("another one")
        user.save()
        assert not allowed()

    def test_a_session_s_ticket_is_good_for_half_an_hour(self, user: User, job: PullJob, time_machine: Any) -> None:
        browser = Client()
        browser.force_login(user)
        url = browser.post(f"/api/pulls/{job.pk}/ticket/").json()["url"]
        allowed = question_of(job, "?" + url.partition("?")[2])
        time_machine.move_to(timezone.now() + timedelta(minutes=29))
        assert allowed()
        time_machine.move_to(timezone.now() + timedelta(minutes=2))
        assert not allowed()

    def test_it_ends_with_the_account_and_with_the_right_to_see_the_row(
        self, as_user: APIClient, user: User, other: User, job: PullJob
    ) -> None:
        allowed = question_of(job, **bearer(as_user))
        User.objects.filter(pk=user.pk).update(is_active=False)
        assert not allowed()
        User.objects.filter(pk=user.pk).update(is_active=True)
        assert allowed()
        PullJob.objects.filter(pk=job.pk).update(requested_by=other)
        job.requests.all().delete()
        assert not allowed()
        job.delete()
        assert allowed()  # it has ended, which is no secret

    def test_it_ends_when_the_account_becomes_or_ceases_to_be_an_operator_s(
        self, as_user: APIClient, user: User, job: PullJob
    ) -> None:
        allowed = question_of(job, **bearer(as_user))
        User.objects.filter(pk=user.pk).update(is_staff=True)
        assert not allowed()


@pytest.fixture
def instance(user: User) -> Instance:
    return instance_of(user, gpu_node())


def said(answer: Any) -> list[dict[str, Any]]:
    """The snapshots of a stream that ends by itself."""
    assert answer.status_code == 200 and answer["Content-Type"].startswith("text/event-stream"), answer

    async def whole() -> bytes:
        return b"".join([part async for part in answer.streaming_content])

    text = async_to_sync(whole)().decode()
    return [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]


class TestInstancesThatAreNotThere:
    def test_one_that_never_was_and_that_of_somebody_else_are_answered_alike(
        self, as_other: APIClient, as_operator: APIClient, instance: Instance
    ) -> None:
        for client, pk in [(as_other, instance.pk), *((one, pk) for one in (as_other, as_operator) for pk in NOWHERE)]:
            answer = client.get(f"/api/instances/{pk}/events/")
            assert said(answer) == [{"id": pk, "version": REMOVED, "state": "removed"}]

    def test_one_that_was_removed_says_so_and_ends(self, as_user: APIClient, instance: Instance) -> None:
        pk = instance.pk
        instance.delete()
        assert said(as_user.get(f"/api/instances/{pk}/events/")) == [{"id": pk, "version": REMOVED, "state": "removed"}]
        assert said(as_user.get(f"/api/instances/events/?id={pk}&id=77")) == [
            {"id": one, "version": REMOVED, "state": "removed"} for one in (pk, 77)
        ]

    def test_a_browser_that_has_seen_it_is_told_not_to_come_again(self, as_user: APIClient) -> None:
        answer = as_user.get("/api/instances/77/events/", headers={"Last-Event-ID": str(REMOVED)})
        assert answer.status_code == 204

    def test_without_a_login_nothing_is_said(self, anonymous: APIClient) -> None:
        for path in ("/api/instances/77/events/", "/api/instances/events/?id=77"):
            make.problem(anonymous.get(path), 401)

    def test_no_instance_is_no_stream(self, as_user: APIClient) -> None:
        for query in ("", "?id=", "?id=x", "?id=-1"):
            make.problem(as_user.get(f"/api/instances/events/{query}"), 404)

    def test_pulls_are_kept_and_a_wrong_one_is_an_error(self, as_user: APIClient) -> None:
        for pk in NOWHERE:
            make.problem(as_user.get(f"/api/pulls/{pk}/events/"), 404)


def test_a_ticket_of_an_instance_opens_its_stream_only(
    as_user: APIClient, anonymous: APIClient, instance: Instance, user: User
) -> None:
    ticket = as_user.post(f"/api/instances/{instance.pk}/ticket/").json()
    assert ticket["expires_in"] == 60
    answer = anonymous.get(ticket["url"])
    assert answer.status_code == 200 and answer["Content-Type"].startswith("text/event-stream")
    signature = ticket["url"].partition("?")[2]
    make.problem(anonymous.get(f"/api/instances/{instance.pk + 1}/events/?{signature}"), 401)
    pull = make.pull(by=user)
    make.problem(anonymous.get(f"/api/pulls/{pull.pk}/events/?{signature}"), 401)  # though it may have the same id


def test_nobody_gets_a_ticket_for_the_instance_of_another(as_other: APIClient, instance: Instance) -> None:
    make.problem(as_other.post(f"/api/instances/{instance.pk}/ticket/"), 404)
