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
    """The codes of a preview's warnings, but that its engine is dead. With a reason to refuse, that one's."""
    asked = {"image": instance.image_id, "spec": instance.spec_id, "node": instance.node_id, "name": "next"}
    with translation.override("en"):
        try:
            found = [one["code"] for one in preview(user=user, **asked)["warnings"]]
        except NotOffered as refused:
            return ["refused", refused.code]
    return [code for code in found if code != "size_unknown"]


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


def test_what_an_image_preloads_itself_is_known_to_the_next_preview(ulrich, node, engine, tools) -> None:
    prepare(engine, image=False)
    own = {"LD_PRELOAD": "/opt/own.so"}
    engine.add_image(replace(IMAGE, files=GLIBC_FILES, environment=own))
    instance = instance_of(ulrich, node)
    run(instance, tools)
    asked = {"image": instance.image_id, "spec": instance.spec_id, "node": instance.node_id, "name": "next"}
    shown = preview(user=ulrich, **asked)["environment"]["LD_PRELOAD"]
    assert shown == only(engine).spec.environment["LD_PRELOAD"] and shown.endswith(":/opt/own.so")
    old = ImageReport.objects.get()
    del old.facts["preload"]  # as it was written by an earlier version
    old.save()
    assert not preview(user=ulrich, **asked)["environment"]["LD_PRELOAD"].endswith(":/opt/own.so")
    run(instance_of(ulrich, node, name="again"), tools)
    assert preview(user=ulrich, **asked)["environment"]["LD_PRELOAD"] == shown
