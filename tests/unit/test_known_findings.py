"""What a preview says of slices before anything is made: what was seen the last time somebody looked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone, translation

from instances.models import ImageReport, Instance, LibraryReport
from instances.preflight import COUNTS_FOR
from instances.services import preview
from instances.services.asking import NotOffered
from tests.support.one_instance import (
    GLIBC_FILES,
    LIBRARY_FILE,
    MUSL_FILES,
    WHOLE_CARD,
    gpu_node,
    instance_of,
    only,
    prepare,
    run,
)
from tests.support.one_pull import IMAGE

pytestmark = pytest.mark.django_db(transaction=True)


def warnings_for(user: Any, instance: Instance) -> list[str]:
    """The codes of a preview's warnings, but those for a dead engine. With a reason to refuse, that one's."""
    asked = {"image": instance.image_id, "spec": instance.spec_id, "node": instance.node_id, "name": "next"}
    with translation.override("en"):
        try:
            found = [one["code"] for one in preview(user=user, **asked)["warnings"]]
        except NotOffered as refused:
            return ["refused", refused.code]
    return [code for code in found if code not in ("size_unknown", "image_environment_unknown")]


def test_a_preview_refuses_what_is_known_not_to_work(ulrich, node, engine, tools) -> None:
    prepare(engine, files=MUSL_FILES)
    instance = instance_of(ulrich, node)
    assert warnings_for(ulrich, instance) == ["data_disk_not_limited"], "nothing is known yet"
    engine.containers.permissions[LIBRARY_FILE] = 0o600
    run(instance, tools)
    before = len(engine.containers.created)
    assert warnings_for(ulrich, instance) == ["refused", "library_not_readable"]
    assert len(engine.containers.created) == before
    other = instance_of(ulrich, gpu_node(), name="other")
    assert warnings_for(ulrich, other) == ["refused", "image_musl"], "the image is the same everywhere"
    whole = instance_of(ulrich, node, name="whole", data_disk_gb=0, **WHOLE_CARD)
    assert warnings_for(ulrich, whole) == []


def test_what_stood_against_a_library_long_ago_only_warns(ulrich, node, engine, tools) -> None:
    prepare(engine)
    instance = instance_of(ulrich, node)
    engine.containers.permissions[LIBRARY_FILE] = 0o600
    run(instance, tools)
    assert warnings_for(ulrich, instance) == ["refused", "library_not_readable"]
    LibraryReport.objects.update(checked_at=timezone.now() - COUNTS_FOR)
    assert warnings_for(ulrich, instance) == ["data_disk_not_limited", "library_not_readable"]


def test_a_preview_shows_what_the_engine_will_get(ulrich, node, engine, tools) -> None:  # P20
    """To the last variable, also of an image that is not at hand: as soon as it was seen once."""
    prepare(engine, image=False)
    own = {"LD_PRELOAD": "/opt/own.so", "CUDA_DEVICE_MEMORY_LIMIT_0": "20g", "API_KEY": "of the image alone"}
    engine.add_image(replace(IMAGE, files=GLIBC_FILES, environment=own))
    instance = instance_of(ulrich, node)
    asked = {"image": instance.image_id, "spec": instance.spec_id, "node": instance.node_id, "name": "next"}

    def shown() -> tuple[dict[str, str], bool]:
        found = preview(user=ulrich, **asked)
        del found["environment"]["CUDA_DEVICE_MEMORY_SHARED_CACHE"]  # named after the instance
        return found["environment"], "image_environment_unknown" in [one["code"] for one in found["warnings"]]

    assert shown()[1], "it was never seen"
    run(instance, tools)
    got = dict(only(engine).spec.environment)
    del got["CUDA_DEVICE_MEMORY_SHARED_CACHE"]
    assert shown() == (got, False)
    assert got["LD_PRELOAD"].endswith(":/opt/own.so") and got["CUDA_DEVICE_MEMORY_LIMIT_0"] == ""
    old = ImageReport.objects.get()
    assert "of the image alone" not in str(old.facts)
    del old.facts["environment"]  # as it was written by an earlier version
    old.save()
    assert shown()[1]
    run(instance_of(ulrich, node, name="again"), tools)
    assert shown() == (got, False)


def test_a_preview_warns_of_a_node_that_failed_lately_when_there_is_no_other(ulrich, node, engine, tools) -> None:
    prepare(engine)
    engine.containers.device_drivers.clear()
    instance = instance_of(ulrich, node, data_disk_gb=0, **WHOLE_CARD)
    assert warnings_for(ulrich, instance) == []
    run(instance, tools)
    assert warnings_for(ulrich, instance) == ["node_failed_lately"]
    prepare(engine)
    run(instance_of(ulrich, node, name="again"), tools)
    assert warnings_for(ulrich, instance) == ["node_failed_lately"], "nobody has asked for its cards again"
