"""Which layers are where, as pulls tell, and what nodes lack of an image by that."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from core.jobs import JobState
from core.system import SYSTEM
from imagelib.references import open_registry
from instances.accelerator import Demand
from instances.capacity import candidates
from instances.placement import Room, place
from nodes.models import ComputeNode, NodeStatus
from nodes.services import delete_nodes, save_node
from pulls.layers import MOST_LAYERS, normal, number, remember, weight_of
from pulls.models import ImageLayer, NodeLayer, PulledImage, PullJob
from pulls.outcome import Layers
from pulls.services import request_pulls
from pulls.tools import Tools
from pulls.work import run_pull
from tests.api import make
from tests.integration.scripted_server import Answer, Handler, ScriptedServer, scripted_server
from tests.support.fake_engine import FakeEngine, FakeFleet
from tests.support.fake_registry import FakeLayer, FakeRegistry
from tests.support.one_pull import REFERENCE, in_background
from tests.support.served_images import ServedImage, serve
from tests.support.transfer_world import World

pytestmark = pytest.mark.django_db(transaction=True)
AMD64 = "linux/amd64"
BASE, MIDDLE, TOP, OTHER = (
    FakeLayer(name, size) for name, size in (("base", 1000), ("middle", 200), ("top", 30), ("other", 7))
)
ADDRESSES = tuple(f"tcp://10.0.0.{number}:2375" for number in range(3))


class Fleet:
    """Three nodes and a registry."""

    def __init__(self, registry: ScriptedServer, user: Any) -> None:
        self.registry, self.user = registry, user
        self.images = FakeRegistry()
        self.engines = [FakeEngine(self.images) for _address in ADDRESSES]
        self.nodes = [make.node(docker_address=address) for address in ADDRESSES]
        fleet = FakeFleet(dict(zip(ADDRESSES, self.engines, strict=True)))
        self.tools = Tools(
            now=timezone.now, monotonic=time.monotonic, sleep=time.sleep, jitter=lambda: 0.0,
            connect=fleet.connect, registry=open_registry, interrupted=lambda: False,
        )  # fmt: skip

    def image(self, name: str, *layers: FakeLayer) -> ServedImage:
        """Of that name from now on."""
        image = ServedImage(f"{self.registry.address}/team/{name}", "v1", layers)
        serve(self.registry, image)
        self.images.add(image)
        return image

    def pull(self, image: ServedImage, on: int) -> PullJob:
        [(_node, job)] = request_pulls(user=self.user, nodes=[self.nodes[on].pk], reference=image.reference)
        run_pull(job.pk, tools=self.tools)
        job.refresh_from_db()
        assert job.state == JobState.SUCCEEDED, (job.error_code, job.error)
        return job

    def lacks(self, image: ServedImage) -> list[int | None]:
        """What each node lacks of it."""
        weight = weight_of(image.reference)
        return [weight.bytes_to_move(node.pk, AMD64) for node in self.nodes]


@pytest.fixture
def fleet(people: Any) -> Iterator[Fleet]:
    with scripted_server() as registry:
        registry.script = {"/v2/": Answer(200, {})}
        make.registry(endpoint=registry.address, insecure=True)
        yield Fleet(registry, people)


def test_each_node_lacks_what_no_pull_brought_there(fleet: Fleet) -> None:
    first, second = fleet.image("first", BASE, TOP), fleet.image("second", BASE, MIDDLE, OTHER)
    fleet.pull(first, on=1)
    assert fleet.lacks(first) == [1030, 0, 1030]
    assert fleet.lacks(second) == [None, None, None], "nobody ever pulled it: all are equal"
    fleet.pull(second, on=2)
    assert fleet.lacks(second) == [1207, 207, 0]
    assert fleet.lacks(first) == [1030, 0, 30]


def test_a_container_goes_where_most_of_its_image_is(fleet: Fleet) -> None:
    first, second = fleet.image("first", BASE, TOP), fleet.image("second", BASE, MIDDLE)
    fleet.pull(first, on=2)
    away = make.node()
    fleet.pull(second, on=1)
    for rows in (PullJob, NodeLayer):  # as if it had been brought somewhere else
        rows.objects.filter(node=fleet.nodes[1]).update(node=away)
    ComputeNode.objects.update(status=NodeStatus.CONNECTED, checked_at=timezone.now(), platform=AMD64)
    found = candidates(
        ComputeNode.objects.all(), reference=second.reference, now=timezone.now(), demand=Demand(count=0)
    )
    best = [fit.node for fit in place(Demand(count=0), Room(), found).fits]
    assert best == [away.pk, *(fleet.nodes[number].pk for number in (2, 0, 1))]


def test_a_layer_that_an_image_has_twice_moves_once(fleet: Fleet) -> None:
    image = fleet.image("twice", BASE, OTHER, MIDDLE, OTHER)
    fleet.pull(image, on=0)
    assert fleet.lacks(image) == [0, 1207, 1207]


def test_what_the_engine_had_before_counts_whoever_brought_it(fleet: Fleet) -> None:
    first, second = fleet.image("first", BASE, MIDDLE), fleet.image("second", TOP)
    fleet.engines[1].add_image(first)
    fleet.pull(first, on=0)
    assert fleet.lacks(first) == [0, 1200, 1200], "nobody has asked it since"
    fleet.pull(second, on=1)
    assert fleet.lacks(first) == [0, 0, 1200]


def test_what_was_removed_by_hand_is_forgotten_with_the_next_pull_there(fleet: Fleet) -> None:
    first, second, third = fleet.image("first", BASE, TOP), fleet.image("second", BASE), fleet.image("third", OTHER)
    for image in (first, second):
        fleet.pull(image, on=1)
    assert fleet.engines[1].remove(first.reference)
    fleet.pull(third, on=1)
    assert fleet.lacks(first) == [1030, 30, 1030], "its base is still another image's"


def test_a_tag_that_was_moved_weighs_what_it_stands_for_now(fleet: Fleet) -> None:
    old = fleet.image("app", BASE, TOP)
    fleet.pull(old, on=0)
    new = fleet.image("app", BASE, MIDDLE)
    assert new.reference == old.reference
    fleet.pull(new, on=1)
    assert fleet.lacks(new) == [200, 0, 1200]
    assert (PulledImage.objects.count(), ImageLayer.objects.count()) == (1, 2)


def test_a_tag_that_moves_while_it_is_pulled_leaves_sizes_unknown(fleet: Fleet) -> None:
    """What the registry described is not what the engine got."""
    old = fleet.image("app", BASE, TOP)
    before = [fleet.registry.script]
    new = fleet.image("app", BASE, MIDDLE)
    after = fleet.registry.script

    def moving(handler: Handler) -> Any:
        script = before.pop() if before else after
        return next(answer for path, answer in script.items() if re.fullmatch(path, handler.path))

    fleet.registry.script = {r"/v2/team/app/manifests/v1": moving} | after
    job = fleet.pull(new, on=0)
    assert "tag_moved" in job.events.values_list("code", flat=True)
    assert fleet.lacks(new) == [None] * 3
    assert layers_of(fleet.nodes[0]) == {number(diff_id) for diff_id in new.diff_ids} != set(old.diff_ids)


def test_without_sizes_the_layers_are_remembered_and_the_image_is_not(ask: Any, tools: Tools) -> None:
    """The registry does not answer us, only the engine."""
    job = ask()
    run_pull(job.pk, tools=tools)
    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED
    assert NodeLayer.objects.filter(node=job.node_id).count() == 2
    assert weight_of(REFERENCE).bytes_to_move(job.node_id, AMD64) is None


def test_what_came_from_another_node_is_there_too(people: Any) -> None:
    world = World(people)
    job = world.run(world.ask())
    assert job.state == JobState.SUCCEEDED
    assert set(NodeLayer.objects.values_list("node", flat=True)) == {world.nodes[1].pk}
    assert NodeLayer.objects.count() == 2


def test_a_failed_pull_teaches_nothing(fleet: Fleet) -> None:
    image = fleet.image("broken", BASE, FakeLayer("gone", 5, missing=True))
    [(_node, job)] = request_pulls(user=fleet.user, nodes=[fleet.nodes[0].pk], reference=image.reference)
    run_pull(job.pk, tools=fleet.tools)
    job.refresh_from_db()
    assert job.state != JobState.SUCCEEDED
    assert not NodeLayer.objects.exists() and not PulledImage.objects.exists()


# --- remembering ------------------------------------------------------------------------------------------------------


def learned(node: ComputeNode, *names: str, platform: str = AMD64, **more: Any) -> Layers:
    return Layers(node, platform, more.pop("asked_at", timezone.now()), names, **more)


def layers_of(node: ComputeNode) -> set[int]:
    return set(NodeLayer.objects.filter(node=node).values_list("layer", flat=True))


def test_what_another_pull_brought_since_the_engine_was_asked_stays() -> None:
    node, asked_at = make.node(), timezone.now()
    remember("r/a:1", learned(node, "a"), now=asked_at - timedelta(seconds=1))
    remember("r/b:1", learned(node, "b"), now=asked_at + timedelta(seconds=1))
    remember("r/c:1", learned(node, "c", others=frozenset(), asked_at=asked_at), now=timezone.now())
    assert layers_of(node) == {number("b"), number("c")}


def test_each_kind_of_machine_has_its_own_layers_whatever_it_is_called() -> None:
    node = make.node()
    remember("r/a:1", learned(node, "a", sizes={"a": 10}), now=timezone.now())
    remember("r/a:1", learned(node, "b", "a", platform="linux/aarch64", sizes={"b": 5, "a": 10}), now=timezone.now())
    weight = weight_of("r/a:1")
    assert weight.bytes_to_move(node.pk + 1, "linux/x86_64") == 10
    assert weight.bytes_to_move(node.pk + 1, "linux/arm64/v8") == 15
    assert weight.bytes_to_move(node.pk, "linux/amd64") == 0
    assert [weight.bytes_to_move(node.pk, platform) for platform in ("linux/riscv64", "", "?")] == [None] * 3


@pytest.mark.parametrize(
    ("platform", "known_as"),
    [("linux/amd64", "linux/amd64"), ("Linux/x86_64", "linux/amd64"), ("", ""), ("linux", ""), ("a/b/c/d", "")],
)
def test_platforms_have_one_spelling(platform: str, known_as: str) -> None:
    assert normal(platform) == known_as


def test_any_text_of_an_engine_is_a_number_that_fits() -> None:
    texts = ["", "sha256:" + "a" * 64, "sha256:" + "b" * 64, "层", "\ud800", "x" * 100_000]
    node = make.node()
    remember("r/a:1", learned(node, *texts), now=timezone.now())
    assert layers_of(node) == {number(text) for text in texts} and len(layers_of(node)) == len(texts)


def test_a_node_that_leads_to_another_machine_has_none_of_its_layers() -> None:
    node = ComputeNode.objects.get(pk=make.node(docker_address="tcp://10.0.0.5:2375").pk)
    stale = ComputeNode.objects.get(pk=node.pk)
    remember("r/a:1", learned(node, "a"), now=timezone.now())
    save_node(user=SYSTEM, values={"docker_address": "tcp://10.0.0.5:2376"}, node=node, test=False)
    assert layers_of(node) == {number("a")}, "the same machine"
    save_node(user=SYSTEM, values={"docker_address": "tcp://10.0.0.6:2375"}, node=node, test=False)
    assert layers_of(node) == set()
    remember("r/b:1", learned(stale, "b"), now=timezone.now())
    assert layers_of(node) == set(), "of a pull that began on the other machine"


def test_with_a_node_go_its_layers() -> None:
    node, other = make.node(), make.node()
    for one in (node, other):
        remember("r/a:1", learned(one, "a"), now=timezone.now())
    delete_nodes(user=SYSTEM, ids=[node.pk])
    assert list(NodeLayer.objects.values_list("node", flat=True)) == [other.pk]
    remember("r/b:1", learned(node, "b"), now=timezone.now())
    assert NodeLayer.objects.count() == 1


def test_sizes_that_no_column_holds_are_remembered_nowhere() -> None:
    """What a registry says is only a claim; each of these would fit, their sum does not."""
    node, most = make.node(), 2**63 - 1
    sizes = {"a": most, "b": most}
    with pytest.raises(Exception, match=r"(?i)out of range|overflow|too large"):
        remember("r/a:1", learned(node, "a", "b", sizes=sizes), now=timezone.now())
    assert not PulledImage.objects.exists()
    assert weight_of("r/a:1").bytes_to_move(node.pk, AMD64) is None


def test_a_node_with_very_many_layers_is_cut_short() -> None:
    node = make.node()
    others = frozenset(map(str, range(MOST_LAYERS + 5)))
    for _turn in range(2):
        remember("r/a:1", learned(node, "0", others=others), now=timezone.now())
        assert NodeLayer.objects.count() == MOST_LAYERS
    remember("r/a:1", learned(node, "0", others=frozenset()), now=timezone.now())
    assert layers_of(node) <= {number("0")}


def test_pulls_that_end_in_the_same_moment_lose_nothing() -> None:
    node, ready, errors = make.node(), threading.Barrier(4), []
    chains = [tuple(f"{layer}" for layer in range(start, start + 200)) for start in range(0, 400, 100)]

    def end(names: tuple[str, ...]) -> None:
        ready.wait(60)
        try:
            for order in (names, names[::-1]):
                what = learned(node, *order, sizes={name: len(name) for name in order}, others=frozenset(chains[0]))
                remember("r/a:1", what, now=timezone.now())
        except Exception as error:
            errors.append(error)
            raise

    threads = [in_background(lambda names=names: end(names)) for names in chains]
    for thread in threads:
        thread.join(120)
    assert not errors
    [image] = PulledImage.objects.all()
    assert image.size == sum(image.layers.values_list("size", flat=True))
    assert image.layers.count() == 200
    assert {number(name) for name in chains[0]} <= layers_of(node)
