"""What signed pushes lead to: builds, and pushes that wait for one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.utils import timezone

from builds.models import Application, Build, HookDelivery, Trigger
from builds.services.builds import cancel_build, request_build
from builds.services.hooks import take_up_waiting
from core.jobs import JobState
from imagelib.models import RegistryEndpoint
from nodes.models import ComputeNode
from tests.api.hooks import application, outcomes, tell
from tests.support.one_build import builder
from tests.support.pushes import AFTER, gitea_push, github_push

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _the_day_of_the_pushes() -> Iterator[None]:
    with time_machine.travel(datetime(2026, 11, 26, 12, tzinfo=UTC), tick=True):
        yield


@pytest.fixture
def app(user: User) -> Application:
    builder()
    return application(owner=user)


def end(build: Build) -> None:
    Build.objects.filter(pk=build.pk).update(state=JobState.SUCCEEDED, finished_at=timezone.now())


def push(number: int, *, ref: str = "refs/heads/main", pushed_at: int = 1795687200) -> dict[str, Any]:
    return github_push(ref=ref, after=f"{number:040x}".replace("0", "d"), pushed_at=pushed_at + number)


def kept() -> list[tuple[str, str]]:
    return list(HookDelivery.objects.order_by("pk").values_list("branch", "outcome"))


@pytest.mark.parametrize("server", ["github", "gitea"])
def test_a_push_is_built(app: Application, user: User, server: str) -> None:
    content = github_push() if server == "github" else gitea_push()
    assert outcomes(tell(content, server=server)) == {app.name: "built"}
    build = Build.objects.get()
    assert (build.application, build.requested_by, build.trigger) == (app, user, Trigger.WEBHOOK)
    assert (build.git_branch, build.revision, build.git_path) == ("main", AFTER, "src/app")
    assert HookDelivery.objects.get().build == build


def test_the_pushed_branch_is_built_not_the_applications_own(app: Application) -> None:
    new = github_push(ref="refs/heads/feat/cuda12", before="0" * 40)
    assert outcomes(tell(new)) == {app.name: "built"}
    assert Build.objects.get().git_branch == "feat/cuda12"


def test_a_list_with_gaps_is_built_and_says_so(app: Application) -> None:
    assert outcomes(tell(github_push() | {"forced": True, "commits": []})) == {app.name: "built_unlisted"}
    assert Build.objects.count() == 1


def test_one_push_for_several_applications(app: Application, user: User) -> None:
    other = application(owner=user, git_path="src/other")
    files = {"added": ["src/other/a", "src/app/b"], "removed": [], "modified": []}
    answer = tell(github_push(files=files))
    assert outcomes(answer) == {app.name: "built", other.name: "built"}
    assert {one["build"] for one in answer.json()["results"]} == set(Build.objects.values_list("pk", flat=True))
    assert tell(github_push(files=files)).status_code == 409
    assert Build.objects.count() == 2


def test_a_build_of_an_operators_application_is_an_operators(operator: User) -> None:
    builder()
    app = application(owner=operator)
    assert outcomes(tell(github_push())) == {app.name: "built"}
    assert Build.objects.get().as_operator


def test_a_push_during_a_build_waits_for_its_end(app: Application, user: User) -> None:
    going_on = request_build(user=user, application=app.pk)
    assert outcomes(tell(push(1))) == {app.name: "waiting"}
    assert take_up_waiting() == 0 and kept() == [("main", "waiting")]
    end(going_on)
    assert take_up_waiting() == 1 and kept() == [("main", "built")]
    build = Build.objects.exclude(pk=going_on.pk).get()
    assert build.revision == push(1)["after"] and build.trigger == Trigger.WEBHOOK
    assert HookDelivery.objects.get().build == build
    assert take_up_waiting() == 0 and Build.objects.count() == 2


def test_a_build_that_was_cancelled_makes_room_too(app: Application, user: User) -> None:
    going_on = request_build(user=user, application=app.pk)
    outcomes(tell(push(1)))
    cancel_build(user=user, build=going_on.pk)
    assert take_up_waiting() == 1


def test_of_the_pushes_to_a_branch_only_the_newest_is_built(app: Application, user: User) -> None:
    going_on = request_build(user=user, application=app.pk)
    for number, ref in enumerate(("refs/heads/main", "refs/heads/feat/a", "refs/heads/main"), start=1):
        outcomes(tell(push(number, ref=ref)))
    assert kept() == [("main", "superseded"), ("feat/a", "waiting"), ("main", "waiting")]
    end(going_on)
    for branch in ("feat/a", "main"):
        assert take_up_waiting() == 1
        build = Build.objects.latest("pk")
        assert build.git_branch == branch
        assert take_up_waiting() == 0  # one at a time
        end(build)
    assert Build.objects.latest("pk").revision == push(3)["after"]


def test_a_push_that_was_overtaken_on_its_way(app: Application, user: User) -> None:
    request_build(user=user, application=app.pk)
    assert outcomes(tell(push(5))) == {app.name: "waiting"}
    assert outcomes(tell(push(4))) == {app.name: "superseded"}
    assert kept() == [("main", "waiting"), ("main", "superseded")]


def test_without_a_node_a_push_waits_for_one(app: Application) -> None:
    ComputeNode.objects.update(is_listed=False)
    assert outcomes(tell(push(1))) == {app.name: "waiting"}
    assert take_up_waiting() == 0
    ComputeNode.objects.update(is_listed=True)
    assert take_up_waiting() == 1


def test_a_waiting_push_whose_owner_has_gone(app: Application, user: User) -> None:
    going_on = request_build(user=user, application=app.pk)
    outcomes(tell(push(1)))
    end(going_on)
    Application.objects.update(owner=None)
    assert take_up_waiting() == 1 and kept() == [("main", "no_owner")]
    assert take_up_waiting() == 0


def test_an_application_that_cannot_be_built_keeps_the_reason(app: Application) -> None:
    Application.objects.update(base_tag="x" * 128)
    assert outcomes(tell(push(1))) == {app.name: "invalid"}
    assert kept() == [("main", "invalid")] and not Build.objects.exists()


def test_a_push_whose_image_may_not_go_to_its_place_is_told_why(app: Application) -> None:
    """The answer names applications alone; the page of this one says it in words."""
    RegistryEndpoint.objects.filter(pk=app.target_registry_id).update(users_push_to="team")
    assert outcomes(tell(github_push())) == {app.name: "target_not_allowed"}
    assert kept() == [("main", "target_not_allowed")] and not Build.objects.exists()
