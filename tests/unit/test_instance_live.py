"""What the event stream of instances shows: every change, with a version that only grows, and the end."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from core.jobs import JobState
from instances.live import REMOVED, pictures, versions
from instances.models import Instance, Operation
from instances.observing import observe
from instances.services import operate, update_instance
from pulls.models import PullJob
from pulls.tools import Tools
from tests.support.fake_engine import FakeEngine
from tests.support.one_instance import instance_of, newest, only, prepare, run

pytestmark = pytest.mark.django_db(transaction=True)


def picture(pk: int) -> dict[str, Any]:
    return pictures([pk], "en")[pk]


def test_the_version_grows_with_all_that_people_see(instance: Instance, tools: Tools, engine: FakeEngine) -> None:
    seen: list[tuple[int, Any]] = []

    def look(what: str) -> None:
        shown = picture(instance.pk)
        assert shown["version"] == versions([instance.pk])[instance.pk]
        seen.append((shown["version"], what))

    look("created")
    run(instance, tools)
    look("running")
    update_instance(user=instance.user, instance=instance.pk, remark="mine")
    look("remark")
    operate(user=instance.user, instance=instance.pk, kind="stop")
    look("stopping")
    run(instance, tools)
    look("stopped")
    observe(instance, None, now=tools.now())
    look("gone")
    operate(user=instance.user, instance=instance.pk, kind="remove")
    look("removing")
    run(instance, tools)
    look("removed")
    numbers = [version for version, _what in seen]
    assert numbers == sorted(set(numbers)), seen
    assert picture(instance.pk) == {"id": instance.pk, "version": REMOVED, "state": "removed"}


def test_a_pull_shows_as_it_goes_on(ulrich: Any, node: Any, tools: Tools, engine: FakeEngine) -> None:
    prepare(engine, image=False)
    instance = instance_of(ulrich, node)
    run(instance, tools)
    before = picture(instance.pk)
    PullJob.objects.update(progress={"percent": 43.0})
    Operation.objects.update(due_at=timezone.now())
    run(instance, tools)  # looks, and waits again
    after = picture(instance.pk)
    assert after["version"] > before["version"]
    assert (after["state"], after["operation"]["pull"]["percent"]) == ("pulling", 43.0)


def test_a_picture_is_what_the_api_says(instance: Instance, tools: Tools, client: Any) -> None:
    run(instance, tools)
    client.force_login(instance.user)
    said = client.get(f"/api/instances/{instance.pk}/", headers={"accept-language": "en"}).json()
    shown = picture(instance.pk)
    assert shown.pop("version") > 0
    assert {**said, "state_age_seconds": 0} == {**shown, "state_age_seconds": 0}


def test_many_are_read_in_few_statements(
    instance: Instance, ulrich: Any, node: Any, django_assert_num_queries: Any
) -> None:
    ids = [instance.pk, *(instance_of(ulrich, node, name=f"n{number}", gpu_memory_gb=1).pk for number in range(2))]
    with django_assert_num_queries(1):
        versions(ids)
    with django_assert_num_queries(2):
        assert len(pictures(ids, "en")) == 3


def test_words_are_in_the_readers_language(instance: Instance, only_gone: Any) -> None:
    texts = {pictures([instance.pk], language)[instance.pk]["problem"]["text"] for language in ("en", "zh-hans")}
    assert len(texts) == 2


@pytest.fixture
def only_gone(instance: Instance, tools: Tools, engine: FakeEngine) -> None:
    run(instance, tools)
    engine.containers.remove(only(engine))
    observe(instance, None, now=tools.now())
    assert newest(instance).state == JobState.SUCCEEDED and Operation.objects.count() == 1
