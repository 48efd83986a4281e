"""Images from other nodes, against fake engines: how it goes, and what may be asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db.models import ProtectedError
from django.utils import timezone, translation

from core.errors import Conflict, InvalidInput, NotFound
from core.jobs import JobState
from nodes.engine import EngineError
from nodes.models import ComputeNode, NodeStatus
from pulls.models import PullJob
from pulls.services import cancel_pull, request_pulls, retry_pull
from pulls.snapshot import snapshot
from pulls.work import run_pull
from tests.api import make
from tests.support.fake_pulls import Break, Hold
from tests.support.fake_registry import FakeImage
from tests.support.fake_transfers import Pack
from tests.support.one_pull import IMAGE, REFERENCE, REPOSITORY, codes, in_background, wait_for
from tests.support.transfer_world import World, outcome

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def in_english() -> Iterator[None]:
    with translation.override("en"):
        yield


@pytest.fixture
def world(people: Any) -> World:
    return World(people)


# --- it goes well -----------------------------------------------------------------------------------------------------


def test_the_image_goes_over_and_the_row_says_so(world: World) -> None:
    job = world.run(world.ask())
    assert outcome(job) == ("succeeded", "")
    assert world.taker.find(REFERENCE) == IMAGE
    assert (job.digest, job.attempt) == (IMAGE.digest, 1)
    assert (job.node_slot, job.source_slot, job.registry_slot) == (None, None, None)
    told = [code for code in codes(job) if code != "downloaded"]
    assert told == ["requested", "claimed", "transfer_planned", "succeeded"]
    picture = snapshot(job, now=timezone.now())
    assert picture["source"] == "node"
    assert picture["source_node"] == {"id": world.nodes[0].pk, "name": "n0"}
    [saved], [loaded] = world.giver.transfers.saves, world.taker.transfers.loads
    assert saved.moved == loaded.moved == picture["bytes_downloaded"] == picture["bytes_total"] > 0
    assert picture["bytes_total_exact"] and picture["percent"] == 100


def test_what_is_there_already_does_not_move(world: World) -> None:
    world.taker.add_image(IMAGE)
    job = world.run(world.ask())
    assert outcome(job) == ("succeeded", "")
    assert world.giver.transfers.saves == world.taker.transfers.loads == []
    assert codes(job) == ["requested", "claimed", "already_here", "succeeded"]
    assert (job.bytes_total, job.progress["percent"]) == (0, 100.0)


def test_another_image_of_that_name_is_replaced(world: World) -> None:
    world.taker.add_image(FakeImage.sized(REPOSITORY, "1", [5]))
    job = world.run(world.ask())
    assert outcome(job) == ("succeeded", "")
    assert world.taker.find(REFERENCE) == IMAGE


def test_requests_of_the_same_image_share_one_job(world: World) -> None:
    job = world.ask()
    [(_node, pull)] = request_pulls(user=world.user, nodes=[world.nodes[1].pk], reference=REFERENCE)
    assert pull.pk == job.pk
    assert world.ask(source="auto").pk == job.pk


# --- automatic --------------------------------------------------------------------------------------------------------


def test_auto_pulls_when_the_registry_answers_the_node(world: World) -> None:
    world.taker.registry.add(IMAGE)
    job = world.run(world.ask(source="auto"))
    assert outcome(job) == ("succeeded", "")
    assert len(world.taker.pulls) == 1 and world.taker.transfers.loads == []
    assert "routed" not in codes(job)


def test_auto_leaves_alone_what_is_there(world: World) -> None:
    world.taker.registry.add(IMAGE)
    world.taker.add_image(FakeImage.sized(REPOSITORY, "1", [5]))
    job = world.run(world.ask(source="auto"))
    assert outcome(job) == ("succeeded", "")
    assert "already_here" in codes(job) and world.taker.pulls == []


def test_auto_takes_it_from_a_node_that_has_it_when_the_registry_does_not_give_it(world: World) -> None:
    job = world.run(world.ask(source="auto"))
    assert outcome(job) == ("succeeded", "")
    assert (job.attempt, job.source_name, job.source_node_id) == (1, "n0", world.nodes[0].pk)
    told = [code for code in codes(job) if code != "downloaded"]
    assert told == ["requested", "claimed", "routed", "claimed", "transfer_planned", "succeeded"]
    assert world.taker.find(REFERENCE) == IMAGE


def test_auto_tells_the_registrys_own_trouble_when_nobody_has_it(world: World) -> None:
    world.giver.remove(REFERENCE)
    job = world.run(world.ask(source="auto"))
    assert outcome(job) == ("failed", "image_not_found")
    assert "no_holder" in codes(job)


def test_auto_asks_connected_nodes_only_and_for_ordinary_users_listed_ones(world: World, ulrich: Any) -> None:
    make.image(address=REFERENCE, is_listed=True)
    ComputeNode.objects.filter(pk=world.nodes[0].pk).update(is_listed=False)
    ComputeNode.objects.filter(pk=world.nodes[1].pk).update(is_listed=True)
    world.user = ulrich
    job = world.run(world.ask(source="auto"))
    assert outcome(job) == ("failed", "image_not_found")
    ComputeNode.objects.filter(pk=world.nodes[0].pk).update(is_listed=True, status=NodeStatus.FAILED)
    assert outcome(world.run(world.ask(source="auto"))) == ("failed", "image_not_found")
    ComputeNode.objects.filter(pk=world.nodes[0].pk).update(status=NodeStatus.CONNECTED)
    assert outcome(world.run(world.ask(source="auto"))) == ("succeeded", "")


def test_auto_takes_the_node_that_gives_least_to_others(world: World) -> None:
    world.other.add_image(IMAGE)
    busy = make.node(name="busy", docker_address="tcp://10.0.0.9:2375")
    PullJob.objects.create(
        node=busy, node_name="busy", reference="x", registry_host="x", state=JobState.RUNNING, source="node",
        source_node=world.nodes[0], source_name="n0", source_slot=0, heartbeat_at=timezone.now(),
    )  # fmt: skip
    job = world.run(world.ask(source="auto"))
    assert outcome(job) == ("succeeded", "")
    assert job.source_name == "n2"


def test_auto_looks_for_another_node_when_its_source_is_lost(world: World) -> None:
    job = world.ask(source="auto")
    world.giver.transfers.save_scripts.append((Pack(0.5), Break()))
    job = world.run(job)
    assert (job.state, job.error_code, job.source_node, job.attempt) == ("queued", "source_lost", None, 1)
    world.giver.failure = EngineError("engine_refused")
    world.other.add_image(IMAGE)
    PullJob.objects.update(due_at=timezone.now())
    job = world.run(job)
    assert (job.state, job.source_name, job.attempt) == ("succeeded", "n2", 2)


def test_a_digest_is_not_looked_for_elsewhere(world: World) -> None:
    [(_node, job)] = request_pulls(
        user=world.user, nodes=[world.nodes[1].pk], reference=f"{REPOSITORY}@{IMAGE.digest}", source="auto"
    )
    job = world.run(job)
    assert outcome(job) == ("failed", "digest_not_found")
    assert world.taker.transfers.loads == []


# --- what may be asked ------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("in_english")
def test_what_cannot_be_asked(world: World, ulrich: Any) -> None:
    for how in ({"source": "node", "source_node": None}, {"source": "auto", "source_node": world.nodes[0].pk}):
        with pytest.raises(InvalidInput) as error:
            world.ask(**how)
        assert "source_node" in error.value.fields
    with pytest.raises(InvalidInput, match="itself"):
        world.ask(source_node=world.nodes[1].pk)
    with pytest.raises(InvalidInput, match="digest"):
        request_pulls(
            user=world.user, nodes=[world.nodes[1].pk], reference=f"{REPOSITORY}@{IMAGE.digest}",
            source="node", source_node=world.nodes[0].pk,
        )  # fmt: skip
    with pytest.raises(NotFound):
        world.ask(source_node=10**6)
    make.image(address=REFERENCE, is_listed=True)
    ComputeNode.objects.filter(pk=world.nodes[0].pk).update(is_listed=False)
    world.user = ulrich
    with pytest.raises(NotFound):
        world.ask()
    assert not PullJob.objects.exists()


def test_asking_again_keeps_the_source(world: World) -> None:
    job = world.ask()
    cancel_pull(user=world.user, pull=job.pk)
    new = retry_pull(user=world.user, pull=job.pk)
    assert (new.source, new.source_node_id, new.retry_of_id) == ("node", world.nodes[0].pk, job.pk)
    cancel_pull(user=world.user, pull=new.pk)
    world.nodes[0].delete()
    with pytest.raises(Conflict):
        retry_pull(user=world.user, pull=new.pk)


def test_a_node_that_gives_cannot_be_deleted(world: World) -> None:
    job = world.ask()
    with pytest.raises(ProtectedError):
        world.nodes[0].delete()
    cancel_pull(user=world.user, pull=job.pk)
    world.nodes[0].delete()
    job.refresh_from_db()
    assert (job.source_node, job.source_name) == (None, "n0")


# --- places -----------------------------------------------------------------------------------------------------------


def test_a_node_gives_to_so_many_at_a_time(world: World, settings: Any) -> None:
    settings.PULLS_PER_NODE = 1
    third = world.nodes[2]
    first = world.ask()
    [(_node, second)] = request_pulls(
        user=world.user, nodes=[third.pk], reference=REFERENCE, source="node", source_node=world.nodes[0].pk
    )
    thread_job, release = first, threading.Event()
    world.giver.transfers.save_scripts.append((Pack(0.5), Hold(release), Pack()))
    thread = in_background(lambda: run_pull(thread_job.pk, tools=world.tools))
    wait_for(lambda: world.giver.transfers.saves)
    assert second.pk not in PullJob.claimable(now=timezone.now(), limit=10)
    run_pull(second.pk, tools=world.tools)
    second.refresh_from_db()
    assert second.state == "queued"
    release.set()
    thread.join(60)
    run_pull(second.pk, tools=world.tools)
    second.refresh_from_db()
    assert second.state == "succeeded"


def test_a_full_registry_does_not_hold_transfers_up(world: World, settings: Any) -> None:
    settings.PULLS_PER_REGISTRY = 1
    job = world.ask()
    PullJob.objects.create(
        node=world.nodes[2], node_name="n2", reference="x", registry_host=job.registry_host, state=JobState.RUNNING,
        node_slot=0, registry_slot=0, heartbeat_at=timezone.now(),
    )  # fmt: skip
    assert outcome(world.run(job)) == ("succeeded", "")


def test_transfers_take_no_place_of_their_registry(world: World, settings: Any) -> None:
    settings.PULLS_PER_REGISTRY = 1
    world.other.registry.add(IMAGE)
    [(_node, waiting)] = request_pulls(user=world.user, nodes=[world.nodes[2].pk], reference=REFERENCE)
    PullJob.objects.create(
        node=world.nodes[1], node_name="n1", reference="x", registry_host=waiting.registry_host, source="node",
        source_node=world.nodes[0], source_name="n0", state=JobState.RUNNING, node_slot=0, source_slot=0,
        heartbeat_at=timezone.now(),
    )  # fmt: skip
    assert waiting.pk in PullJob.claimable(now=timezone.now(), limit=10)
    assert outcome(world.run(waiting)) == ("succeeded", "")
