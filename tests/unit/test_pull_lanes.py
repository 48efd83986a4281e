"""Limits that cannot be exceeded, and turns between the users who wait for one node."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from core.jobs import HELD_STATES, JobState
from nodes.models import ComputeNode
from pulls.lanes import claim_next
from pulls.models import PullJob
from tests.api import make


def queue(node: ComputeNode, user: Any, count: int, *, host: str = "r.example.com") -> list[PullJob]:
    start = PullJob.objects.count()
    return [
        PullJob.objects.create(
            node=node, node_name=node.name, requested_by=user, reference=f"{host}/x:{start + n}", registry_host=host
        )
        for n in range(count)
    ]


def claim(node_job: PullJob) -> PullJob | None:
    return claim_next(hint=node_job.pk, now=timezone.now())


@pytest.mark.django_db
def test_no_more_than_the_limit_runs_on_one_node(settings) -> None:
    settings.PULLS_PER_NODE = 2
    jobs = queue(make.node(), None, 4)
    assert [claim(jobs[0]) is not None for _ in range(4)] == [True, True, False, False]


@pytest.mark.django_db
def test_no_more_than_the_limit_runs_against_one_registry(settings) -> None:
    settings.PULLS_PER_REGISTRY = 2
    jobs = [queue(make.node(), None, 1)[0] for _ in range(4)]
    assert sum(claim(job) is not None for job in jobs) == 2
    [elsewhere] = queue(jobs[3].node, None, 1, host="other.example.com")
    assert claim(elsewhere) is not None


@pytest.mark.django_db
def test_a_busy_registry_does_not_hold_up_pulls_from_another(settings) -> None:
    settings.PULLS_PER_REGISTRY = 1
    node = make.node()
    queue(make.node(), None, 1)
    first = queue(node, None, 3)
    [free] = queue(node, None, 1, host="other.example.com")
    assert claim(first[0]) is not None
    claimed = claim(first[0])
    assert claimed is not None
    assert claimed.pk == free.pk


@pytest.mark.django_db
def test_users_who_wait_for_one_node_take_turns(settings, django_user_model) -> None:
    settings.PULLS_PER_NODE = 1
    node = make.node()
    ann, bob = (django_user_model.objects.create_user(name) for name in ("ann", "bob"))
    queue(node, ann, 50)
    last = queue(node, bob, 2)
    order = []
    for _ in range(5):
        job = claim(last[0])
        assert job is not None
        order.append(job.requested_by.username)
        job.succeed(now=timezone.now())
    assert order == ["ann", "bob", "ann", "bob", "ann"]


@pytest.mark.django_db
def test_a_later_user_gets_the_next_free_slot(settings, django_user_model) -> None:
    settings.PULLS_PER_NODE = 3
    node = make.node()
    ann, bob = (django_user_model.objects.create_user(name) for name in ("ann", "bob"))
    anns = queue(node, ann, 10)
    running = [claim(anns[0]) for _ in range(3)]
    queue(node, bob, 1)
    running[0].succeed(now=timezone.now())
    assert claim(anns[0]).requested_by == bob


@pytest.mark.django_db
def test_a_cancelling_pull_still_holds_its_slot(settings) -> None:
    settings.PULLS_PER_NODE = 1
    jobs = queue(make.node(), None, 2)
    held = claim(jobs[0])
    PullJob.cancel(held.pk, now=timezone.now())
    assert claim(jobs[1]) is None
    held.acknowledge_cancel(now=timezone.now())
    assert claim(jobs[1]) is not None


@pytest.mark.django_db
def test_choosing_costs_the_same_number_of_queries_however_long_the_queue(django_assert_max_num_queries) -> None:
    jobs = queue(make.node(), None, 60)
    with django_assert_max_num_queries(12):
        assert claim(jobs[0]) is not None


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_never_exceed_a_limit(settings) -> None:
    settings.PULLS_PER_NODE, settings.PULLS_PER_REGISTRY = 3, 4
    nodes = [make.node() for _ in range(3)]
    jobs = [job for node in nodes for job in queue(node, None, 8)]
    start, faults, surplus = threading.Barrier(8), [], []

    def worker(number: int) -> None:
        try:
            start.wait()
            for job in jobs[number::8]:
                claim(job)
                held = PullJob.objects.filter(state__in=HELD_STATES).values_list("node_id", flat=True)
                counts = Counter(held)
                if len(list(held)) > 4 or any(count > 3 for count in counts.values()):
                    surplus.append(counts)
        except Exception as error:  # noqa: BLE001  whatever a thread meets, the test shows it
            faults.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=worker, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert surplus == []
    assert PullJob.objects.filter(state=JobState.RUNNING).count() == 4


@pytest.mark.django_db
def test_a_long_queue_for_a_full_registry_hides_nothing(settings) -> None:
    settings.PULLS_PER_REGISTRY = 1
    node = make.node()
    assert claim(queue(make.node(), None, 1)[0]) is not None
    waiting = queue(node, None, 25)
    [free] = queue(node, None, 1, host="other.example.com")
    claimed = claim(waiting[0])
    assert claimed is not None
    assert claimed.pk == free.pk


@pytest.mark.django_db
def test_nodes_that_wait_for_a_full_registry_are_not_rung_for(settings) -> None:
    settings.PULLS_PER_REGISTRY = 1
    assert claim(queue(make.node(), None, 1)[0]) is not None
    for _ in range(60):
        queue(make.node(), None, 1)
    [free] = queue(make.node(), None, 1, host="other.example.com")
    assert PullJob.claimable(now=timezone.now(), limit=50) == [free.pk]
