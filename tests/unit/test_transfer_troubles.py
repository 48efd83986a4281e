"""Images from other nodes, against fake engines: every way that it ends before it is there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone

from nodes.engine import EngineError
from pulls.models import PullJob
from pulls.services import cancel_pull
from pulls.work import run_pull
from tests.support.fake_pulls import Arrive, Break, Fail, Hold, Refuse, Say
from tests.support.fake_registry import FakeImage, FakeLayer
from tests.support.fake_transfers import Pack, Take
from tests.support.one_pull import IMAGE, REFERENCE, REPOSITORY, codes, in_background, wait_for
from tests.support.transfer_world import World, outcome

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world(people: Any) -> World:
    return World(people)


# --- what goes wrong --------------------------------------------------------------------------------------------------


def _no_image(world: World) -> None:
    world.giver.remove(REFERENCE)


def _vanishes(world: World) -> None:
    world.giver.transfers.save_scripts.append((Refuse(404, f"No such image: {REFERENCE}"),))


def _unreachable(world: World) -> None:
    world.giver.failure = EngineError("engine_refused", "[Errno 111] Connection refused")


def _hangs_up(world: World) -> None:
    world.giver.transfers.save_scripts.append((Pack(0.5), Break()))


def _cannot_pack(world: World) -> None:
    world.giver.transfers.save_scripts.append((Refuse(500, "open /var/lib/docker/x/layer.tar: no such file"),))


def _source_full(world: World) -> None:
    words = "write /var/lib/docker/tmp/docker-export-1/layer.tar: no space left on device"
    world.giver.transfers.save_scripts.append((Refuse(500, words),))


def _other_platform(world: World) -> None:
    world.giver.add_image(replace(IMAGE, platform="linux/arm64"))


def _target_full(world: World) -> None:
    words = "Error processing tar file(exit status 1): write /layer.tar: no space left on device"
    world.taker.transfers.load_scripts.append((Take(1), Fail(words)))


def _broken(world: World) -> None:
    words = "Error processing tar file(exit status 1): unexpected EOF"
    world.taker.transfers.load_scripts.append((Take(), Fail(words)))


def _silent(world: World) -> None:
    world.taker.transfers.load_scripts.append((Take(),))


def _target_refuses(world: World) -> None:
    world.taker.transfers.load_scripts.append((Refuse(403, "authorization denied by plugin x: no"),))


def _target_hangs_up(world: World) -> None:
    world.taker.transfers.load_scripts.append((Take(1), Break()))


def _another_one(world: World) -> None:
    other = FakeImage(REPOSITORY, "1", (FakeLayer("other", 5),))
    world.taker.transfers.load_scripts.append((Take(), Arrive(other), Say(stream=f"Loaded image: {REFERENCE}\n")))


def _nothing(world: World) -> None:
    world.taker.transfers.load_scripts.append((Take(), Say(stream=f"Loaded image: {REFERENCE}\n")))


@pytest.mark.parametrize(
    ("trouble", "code", "again"),
    [
        (_no_image, "source_image_gone", True),
        (_vanishes, "source_image_gone", True),
        (_unreachable, "source_lost", True),
        (_hangs_up, "source_lost", True),
        (_cannot_pack, "source_refused", True),
        (_source_full, "source_disk_full", True),
        (_other_platform, "platform_mismatch", False),
        (_target_full, "no_space_left", False),
        (_broken, "archive_damaged", True),
        (_silent, "archive_damaged", True),
        (_target_refuses, "engine_rejected", False),
        (_target_hangs_up, "engine_gone", True),
        (_another_one, "transfer_mismatch", True),
        (_nothing, "image_absent_after_pull", True),
    ],
)
def test_every_trouble_has_its_code(world: World, trouble: Callable[[World], None], code: str, again: bool) -> None:
    job = world.ask()
    trouble(world)
    run_pull(job.pk, tools=world.tools)
    job.refresh_from_db()
    assert outcome(job) == ("queued" if again else "failed", code)
    assert (job.node_slot, job.source_slot) == (None, None)
    if code.startswith("source_"):
        assert job.error["params"]["source"] == "n0"
    for transfer in world.giver.transfers.saves + world.taker.transfers.loads:
        assert transfer.stopped.is_set(), "neither engine goes on"


def test_another_platform_is_refused_before_a_byte_moves(world: World) -> None:
    job = world.ask()
    _other_platform(world)
    job = world.run(job)
    assert job.error["params"]["image"] == "linux/arm64" and job.error["params"]["node"] == "linux/amd64"
    assert world.giver.transfers.saves == world.taker.transfers.loads == []


def test_a_retry_brings_it_after_all(world: World) -> None:
    job = world.ask()
    _hangs_up(world)
    world.run(job)
    PullJob.objects.update(due_at=timezone.now())
    job = world.run(job)
    assert (job.state, job.attempt) == ("succeeded", 2)
    assert codes(job).count("claimed") == 2


def test_silence_is_a_stall_only_while_bytes_should_move(world: World, settings: Any) -> None:
    settings.STALL_AFTER = 0.2
    release = threading.Event()
    job = world.ask()
    world.giver.transfers.save_scripts.append((Pack(0.5), Hold(release)))
    job = world.run(job)
    release.set()
    assert outcome(job) == ("queued", "stalled")


def test_an_engine_may_pack_in_silence(world: World, settings: Any) -> None:
    settings.STALL_AFTER = 0.2
    release = threading.Event()
    job = world.ask()
    world.giver.transfers.save_scripts.append((Hold(release), Pack()))
    thread = in_background(lambda: run_pull(job.pk, tools=world.tools))
    wait_for(lambda: world.giver.transfers.saves)
    release.wait(0.6)
    release.set()
    thread.join(60)
    job.refresh_from_db()
    assert outcome(job) == ("succeeded", "")


# --- cancelling, leaving ----------------------------------------------------------------------------------------------


def _held_transfer(world: World) -> tuple[PullJob, threading.Thread, threading.Event]:
    job, release = world.ask(), threading.Event()
    world.giver.transfers.save_scripts.append((Pack(0.5), Hold(release)))
    thread = in_background(lambda: run_pull(job.pk, tools=world.tools))
    wait_for(lambda: world.taker.transfers.loads and world.taker.transfers.loads[0].moved)
    return job, thread, release


def test_cancelling_ends_both_streams(world: World) -> None:
    job, thread, release = _held_transfer(world)
    cancel_pull(user=world.user, pull=job.pk)
    thread.join(60)
    assert not thread.is_alive()
    job.refresh_from_db()
    assert job.state == "cancelled"
    assert world.giver.transfers.saves[0].stopped.is_set() and world.taker.transfers.loads[0].stopped.is_set()
    release.set()


def test_a_worker_that_leaves_gives_it_back(world: World) -> None:
    job, thread, release = _held_transfer(world)
    world.stopping.set()
    thread.join(60)
    job.refresh_from_db()
    assert (job.state, job.attempt, job.source_name) == ("queued", 0, "n0")
    assert "interrupted" in codes(job)
    release.set()
