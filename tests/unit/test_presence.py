"""Where images are, as far as pulls tell, for one image and for a page of AppImages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from appimages.models import AppImage
from appimages.presence import effective_images
from appimages.users import users_of
from core.jobs import JobState
from core.system import SYSTEM
from imagelib.models import RegistryEndpoint
from instances.capacity import candidates
from nodes.models import ComputeNode
from nodes.services import save_node
from pulls.importing import nodes_to_ask
from pulls.lanes import claim_next
from pulls.models import PullJob
from pulls.presence import nodes_with, places_of
from tests.api import make

pytestmark = pytest.mark.django_db
REFERENCE = "docker.io/team/app:v1"


@pytest.fixture
def by(db: None) -> User:
    return User.objects.create_user("ulrich")


def pulled(by: User, node: ComputeNode, state: str, reference: str = REFERENCE, **values: Any) -> PullJob:
    return make.pull(by=by, on=node, state=state, reference=reference, **values)


@pytest.mark.parametrize(
    ("states", "there"),
    [
        ([], False),
        (["succeeded"], True),
        (["failed"], False),
        (["failed", "succeeded"], True),
        (["succeeded", "failed"], False),
        (["succeeded", "succeeded"], True),
        (["succeeded", "cancelled"], True),  # says nothing
        (["succeeded", "queued"], True),  # goes on
        (["succeeded", "failed", "succeeded"], True),
        (["queued"], False),
        (["cancelled"], False),
    ],
)
def test_the_last_pull_that_ended_tells(by: User, states: list[str], there: bool) -> None:
    node, other = make.node(), make.node()
    pulled(by, other, JobState.SUCCEEDED, "docker.io/team/other:v1")
    for state in states:
        pulled(by, node, state)
    nodes = ComputeNode.objects.values("pk")
    assert nodes_with(REFERENCE, nodes) == ({node.pk} if there else set())
    assert [place.node_id for place in places_of([REFERENCE], nodes)[REFERENCE]] == ([node.pk] if there else [])


def test_places_are_listed_by_name_with_what_arrived_and_only_among_the_nodes_asked_for(by: User) -> None:
    second, first, hidden = make.node(name="b"), make.node(name="a"), make.node(is_listed=False)
    for node in (second, first, hidden):
        pulled(by, node, JobState.SUCCEEDED, digest=f"sha256:{node.name}")
    nodes = ComputeNode.objects.filter(is_listed=True).values("pk")
    found = places_of([REFERENCE, "no"], nodes)
    assert [(place.node_name, place.digest) for place in found[REFERENCE]] == [("a", "sha256:a"), ("b", "sha256:b")]
    assert found["no"] == []


OLD, NEW, SAME = "tcp://10.0.0.5:2375", "tcp://10.0.0.6:2375", "ssh://root@10.0.0.5"


def move(node: ComputeNode, address: str) -> None:
    save_node(user=SYSTEM, values={"docker_address": address}, node=node, test=False)


def ways_to_see_it(node: ComputeNode) -> list[bool]:
    nodes, row = ComputeNode.objects.values("pk"), AppImage.objects.first()
    [shown] = effective_images([row], user=SYSTEM).values() if row else []
    [judged] = candidates(ComputeNode.objects.filter(pk=node.pk), reference=REFERENCE, now=timezone.now())
    return [
        node.pk in nodes_with(REFERENCE), node.pk in nodes_with(REFERENCE, nodes), judged.image_present,
        bool(places_of([REFERENCE], nodes)[REFERENCE]), bool(shown.places),
    ]  # fmt: skip


@pytest.mark.parametrize(("address", "there"), [(NEW, False), (SAME, True), ("", False)])
def test_a_node_that_becomes_another_machine_has_nothing(by: User, address: str, there: bool) -> None:
    node, other = make.node(docker_address=OLD), make.node(docker_address="tcp://10.0.0.7:2375")
    make.app_image(image={"name": "team/app", "tag": "v1"})
    pulled(by, node, JobState.SUCCEEDED)
    assert ways_to_see_it(node) == [True] * 5
    move(node, address)
    assert ways_to_see_it(node) == [there] * 5
    pulled(by, other, JobState.SUCCEEDED)
    assert nodes_with(REFERENCE) == ({node.pk, other.pk} if there else {other.pk})
    move(node, OLD)
    assert (node.pk in nodes_with(REFERENCE)) == there, "nobody looked whether it is the same one again"
    pulled(by, node, JobState.SUCCEEDED)
    assert ways_to_see_it(node)[:3] == [True] * 3


def test_a_pull_that_goes_on_while_its_node_becomes_another_machine_tells_nothing(by: User) -> None:
    node, now = make.node(docker_address=OLD), timezone.now() + timedelta(minutes=1)
    first = claim_next(hint=pulled(by, node, JobState.QUEUED).pk, now=now)
    assert first is not None
    move(node, NEW)
    first.requeue(due_at=now)
    again = claim_next(hint=first.pk, now=now)
    assert again is not None
    again.succeed(now=now)
    assert nodes_with(REFERENCE) == {node.pk}, "a worker began it anew, on the new machine"

    second = claim_next(hint=pulled(by, node, JobState.QUEUED).pk, now=now)
    assert second is not None
    move(node, OLD)
    second.succeed(now=now)
    assert nodes_with(REFERENCE) == set(), "it went to the old machine"

    waiting = pulled(by, node, JobState.QUEUED)
    move(node, NEW)
    third = claim_next(hint=waiting.pk, now=now)
    assert third is not None
    third.succeed(now=now)
    assert nodes_with(REFERENCE) == {node.pk}


def test_who_had_it_before_he_became_another_machine_is_not_asked_first(by: User) -> None:
    wants, had, has = (make.node(docker_address=f"tcp://10.0.1.{n}:2375", status="connected") for n in range(3))
    for node in (has, had):
        pulled(by, node, JobState.SUCCEEDED)
    job = pulled(by, wants, JobState.RUNNING)
    assert [node.pk for node in nodes_to_ask(job, wants)] == [had.pk, has.pk]
    move(had, NEW)
    ComputeNode.objects.filter(pk=had.pk).update(status="connected")
    assert [node.pk for node in nodes_to_ask(job, wants)] == [has.pk, had.pk]


def test_an_app_image_is_where_its_effective_image_is(by: User) -> None:
    RegistryEndpoint.objects.create(
        name="own", endpoint="r.example.com/team", is_default=True, username="u", password="p"
    )
    node, hidden = make.node(), make.node(is_listed=False)
    for target in (node, hidden):
        pulled(by, target, JobState.SUCCEEDED, "r.example.com/team/app:v1", digest=f"sha256:{target.pk}")
    pulled(by, make.node(), JobState.SUCCEEDED)  # what it would be without a default registry
    row = make.app_image(image={"name": "app", "tag": "v1"})
    (found,) = effective_images([row], user=by).values()
    assert (found.reference, found.sends_credentials, found.error) == ("r.example.com/team/app:v1", True, "")
    assert ([place.node_id for place in found.places], found.differs) == ([node.pk], False)
    (found,) = effective_images([row], user=SYSTEM).values()
    assert (len(found.places), found.differs) == (2, True)


def test_what_is_no_image_says_why() -> None:
    row = make.app_image(image={"name": "No Image", "tag": "v1"})
    (found,) = effective_images([row], user=SYSTEM).values()
    assert (found.reference, found.registry, found.places) == ("", None, ())
    assert "For" in str(found.error) or "xample" in str(found.error)


def test_a_page_costs_as_many_queries_as_one(by: User) -> None:
    nodes = [make.node() for _number in range(5)]
    for number in range(30):
        row = make.app_image(image={"name": f"team/app{number}", "tag": "v1"})
        for node in nodes:
            pulled(by, node, JobState.SUCCEEDED, f"docker.io/team/{row.document['image']['name'].split('/')[1]}:v1")
    rows = list(AppImage.objects.all())
    counts = []
    for some in (rows[:1], rows):
        with CaptureQueriesContext(connection) as captured:
            found = effective_images(some, user=SYSTEM)
        assert all(len(image.places) == 5 for image in found.values())
        counts.append(len(captured))
    assert counts == [2, 2]


def test_its_own_versions_do_not_use_an_app_image() -> None:
    row = make.app_image()
    assert row.versions.count() == 1 and users_of(row) == []
