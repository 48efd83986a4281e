"""What has ended is forgotten after some months; what still tells something stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.utils import timezone

from core.jobs import JobState
from instances.history import forget_old_history
from instances.models import Operation, TerminalSession
from pulls.history import forget_old_pulls
from pulls.models import PulledImage, PullEvent, PullJob
from tests.api import make

pytestmark = pytest.mark.django_db
NOW = timezone.now()
OLD, YOUNG = NOW - timedelta(days=91), NOW - timedelta(days=89)


@pytest.fixture
def user() -> User:
    return User.objects.create_user("ulrich")


@pytest.fixture(params=[500, 2])
def _at_once(request: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.history.AT_ONCE", request.param)


@pytest.mark.usefixtures("_at_once")
def test_old_pulls_go_but_the_last_of_an_image_on_a_node(user: User) -> None:
    node, other = make.node(), make.node()

    def pull(state: str, finished: Any, on: Any = node, reference: str = "r.example.com/a:1") -> PullJob:
        return make.pull(by=user, on=on, state=state, finished_at=finished, reference=reference)

    gone = [pull(state, OLD) for state in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)]
    gone[0].events.create(at=OLD, attempt=1, code="succeeded")
    kept = [
        pull(JobState.SUCCEEDED, OLD),  # the last one there
        pull(JobState.SUCCEEDED, OLD, other),
        pull(JobState.SUCCEEDED, OLD, reference="r.example.com/b:1"),
        pull(JobState.SUCCEEDED, YOUNG, reference="r.example.com/c:1"),
        pull(JobState.QUEUED, None, reference="r.example.com/c:1"),
    ]
    nowhere = pull(JobState.SUCCEEDED, OLD, make.node(), reference="r.example.com/d:1")
    for name in "abcd":
        image = PulledImage.objects.create(reference=f"r.example.com/{name}:1", platform="linux/amd64", size=1)
        image.layers.create(layer=1, size=1)
    PullJob.objects.filter(pk=nowhere.pk).update(node=None)
    assert forget_old_pulls(now=NOW) == 4
    assert set(PullJob.objects.values_list("pk", flat=True)) == {job.pk for job in kept}
    assert not PullEvent.objects.exists()
    assert [image.reference[-3] for image in PulledImage.objects.order_by("reference")] == ["a", "b", "c"]
    assert forget_old_pulls(now=NOW) == 0


@pytest.mark.usefixtures("_at_once")
def test_old_operations_and_terminals_go(user: User) -> None:
    there = make.instance(by=user)
    old = [make.operation(there, "stop", state=JobState.SUCCEEDED, finished_at=OLD) for _ in range(3)]
    removed = [make.operation(there, "stop", state=JobState.FAILED, finished_at=at) for at in (OLD, OLD, YOUNG)]
    Operation.objects.filter(pk__in=[one.pk for one in removed]).update(instance=None)
    for seen, ended in ((OLD, OLD), (OLD, None), (YOUNG, YOUNG), (NOW, None)):
        TerminalSession.objects.create(user=user, began_at=OLD, seen_at=seen, ended_at=ended)
    assert forget_old_history(now=NOW) == 4
    assert set(Operation.objects.values_list("pk", flat=True)) == {one.pk for one in (*old, removed[2])}
    assert set(TerminalSession.objects.values_list("seen_at", flat=True)) == {YOUNG, NOW}


def test_the_days_are_a_setting(user: User, settings: Any) -> None:
    settings.KEEP_HISTORY_DAYS = 30
    TerminalSession.objects.create(user=user, began_at=YOUNG, seen_at=YOUNG)
    assert forget_old_history(now=NOW) == 1


@pytest.mark.parametrize("digest", ["sha512:" + "a" * 128])
def test_digests_of_any_length_fit(user: User, digest: str) -> None:
    columns = [field for model in apps.get_models() for field in model._meta.fields if field.name == "digest"]
    assert len(columns) >= 3 and all(field.max_length >= len(digest) for field in columns), columns
    make.pull(by=user, digest=digest)
    assert PullJob.objects.get().digest == digest
