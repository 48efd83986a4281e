"""Who wants a pull: requests are shared, commands count too, and it ends only when nobody wants it any more."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections
from django.db.models import ProtectedError
from django.test.utils import CaptureQueriesContext

from core.errors import Conflict, PermissionRefused
from core.jobs import JobState
from core.system import SYSTEM
from pulls.models import PullJob
from pulls.services import cancel_pull, request_pulls, retry_pull, visible_pulls
from tests.api import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def entry() -> Any:
    return make.image(address="registry.example.com/team/app:v1")


@pytest.fixture
def node() -> Any:
    return make.node()


@pytest.fixture
def ann(django_user_model: Any) -> Any:
    return django_user_model.objects.create_user("ann")


@pytest.fixture
def olga(django_user_model: Any) -> Any:
    return django_user_model.objects.create_user("olga", is_staff=True)


def ask(user: Any, entry: Any, node: Any) -> PullJob:
    [(_node, job)] = request_pulls(user=user, nodes=[node.pk], image=entry.pk)
    return job


def test_a_users_cancel_does_not_end_what_a_command_asked_for(entry, node, ann) -> None:
    job = ask(SYSTEM, entry, node)
    assert ask(ann, entry, node).pk == job.pk
    assert cancel_pull(user=ann, pull=job.pk).state == JobState.QUEUED


def test_a_command_that_joins_keeps_a_users_pull_alive(entry, node, ann) -> None:
    job = ask(ann, entry, node)
    assert ask(SYSTEM, entry, node).pk == job.pk
    assert ask(SYSTEM, entry, node).pk == job.pk
    assert job.requests.count() == 2
    assert cancel_pull(user=ann, pull=job.pk).state == JobState.QUEUED


def test_the_last_one_who_wants_it_ends_it(entry, node, ann) -> None:
    job = ask(ann, entry, node)
    assert cancel_pull(user=ann, pull=job.pk).state == JobState.CANCELLED
    again = ask(ann, entry, node)
    assert again.pk != job.pk


def test_asking_again_after_withdrawing_wants_it_again(entry, node, ann, olga) -> None:
    job = ask(olga, entry, node)
    ask(ann, entry, node)
    cancel_pull(user=ann, pull=job.pk)
    ask(ann, entry, node)
    assert job.requests.get(user=ann).withdrawn_at is None


def test_an_operator_ends_it_for_everybody(entry, node, ann, olga) -> None:
    job = ask(ann, entry, node)
    assert cancel_pull(user=olga, pull=job.pk).state == JobState.CANCELLED


def test_an_operator_who_joins_lifts_it_above_the_listing(entry, node, ann, olga) -> None:
    job = ask(ann, entry, node)
    assert not job.as_operator
    ask(olga, entry, node)
    assert PullJob.objects.get(pk=job.pk).as_operator


def test_cancelling_what_has_ended_says_so_in_words(entry, node, ann, olga) -> None:
    job = ask(ann, entry, node)
    PullJob.objects.filter(pk=job.pk).update(state=JobState.SUCCEEDED)
    with pytest.raises(Conflict) as caught:
        cancel_pull(user=olga, pull=job.pk)
    assert caught.value.extra == {"state": "succeeded"}


def test_cancelling_twice_is_no_mistake(entry, node, ann) -> None:
    job = ask(ann, entry, node)
    assert [cancel_pull(user=ann, pull=job.pk).state for _click in range(2)] == [JobState.CANCELLED] * 2
    assert list(job.events.values_list("code", flat=True)).count("cancelled_waiting") == 1


def test_asking_again_follows_todays_rules(entry, node, ann, olga) -> None:
    job = ask(ann, entry, node)
    with pytest.raises(Conflict):
        retry_pull(user=ann, pull=job.pk)
    cancel_pull(user=ann, pull=job.pk)
    entry.is_listed = False
    entry.save()
    with pytest.raises(PermissionRefused):
        retry_pull(user=ann, pull=job.pk)
    new = retry_pull(user=olga, pull=job.pk)
    assert (new.retry_of_id, new.image_id, new.reference) == (job.pk, entry.pk, job.reference)
    assert not visible_pulls(ann).filter(pk=new.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_two_users_who_withdraw_at_the_same_time_end_it_without_a_deadlock(django_user_model: Any) -> None:
    entry, node = make.image(address="registry.example.com/team/app:v1"), make.node()
    people = [django_user_model.objects.create_user(f"user{n}") for n in range(4)]
    for _round in range(10):
        job, *_shared = [ask(person, entry, node) for person in people]
        start, faults = threading.Barrier(len(people)), []

        def withdraw(person: Any, job: PullJob = job, start: Any = start, faults: list[Exception] = faults) -> None:
            try:
                start.wait()
                cancel_pull(user=person, pull=job.pk)
            except (Conflict, DatabaseError) as error:
                faults.append(error)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=withdraw, args=[person]) for person in people]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert faults == []
        assert PullJob.objects.get(pk=job.pk).state == JobState.CANCELLED


def test_a_free_reference_finds_its_entry_without_reading_every_tag(node, ann) -> None:
    for number in range(30):
        make.image(address=f"registry.example.com/team/many:v{number}")
    wanted = make.image(address="registry.example.com/team/many:v7-gpu")
    make.image(address="registry.example.com/team/plain")
    with CaptureQueriesContext(
        connection,
    ) as captured:
        [(_node, job)] = request_pulls(user=ann, nodes=[node.pk], reference="registry.example.com/team/many:v7-gpu")
    assert job.image_id == wanted.pk
    [looked_up] = [
        query["sql"] for query in captured if "imagelib_imageregistry" in query["sql"] and "LIKE" in query["sql"]
    ]
    assert "many:v7-gpu" in looked_up
    [(_node, latest)] = request_pulls(user=ann, nodes=[node.pk], reference="registry.example.com/team/plain:latest")
    assert latest.reference == "registry.example.com/team/plain:latest"


def test_withdrawing_again_and_again_is_told_once(entry, node, ann, olga) -> None:
    job = ask(olga, entry, node)
    ask(ann, entry, node)
    for _click in range(3):
        cancel_pull(user=ann, pull=job.pk)
    assert list(job.events.values_list("code", flat=True)).count("withdrawn") == 1


def test_an_operators_reference_means_the_unlisted_entry_too(entry, node, olga) -> None:
    entry.is_listed, entry.stall_after = False, 300
    entry.save()
    [(_node, job)] = request_pulls(user=olga, nodes=[node.pk], reference=entry.address)
    assert (job.image, job.stall_after) == (entry, 300)
    with pytest.raises(ProtectedError):
        entry.delete()


def test_a_listed_entry_is_meant_before_an_unlisted_one(entry, node, olga) -> None:
    twin = make.image(address=entry.address)
    entry.is_listed = False
    entry.save()
    [(_node, job)] = request_pulls(user=olga, nodes=[node.pk], reference=entry.address)
    assert job.image == twin
