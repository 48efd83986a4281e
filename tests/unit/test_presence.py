"""Where images are, as far as pulls tell, for one image and for a page of AppImages."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from appimages.models import AppImage
from appimages.presence import effective_images
from appimages.users import users_of
from core.jobs import JobState
from core.system import SYSTEM
from imagelib.models import RegistryEndpoint
from nodes.models import ComputeNode
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
