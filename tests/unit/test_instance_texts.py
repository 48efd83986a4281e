"""What went wrong is stored as codes, so that everybody reads it in a language of his own."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.utils import translation

from core.jobs import JobState
from instances.models import Observed
from instances.outcome import cause_of
from instances.placement import Rejection
from instances.refusal_texts import sentence
from instances.services.asking import no_room
from instances.snapshot import problem_of
from nodes.models import ComputeNode
from pulls.models import PullJob
from pulls.tools import Tools
from tests.support.fake_engine import FakeEngine
from tests.support.one_instance import AWAY, instance_of, prepare, run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("trouble", ["node", "pull"])
def test_what_went_wrong_is_told_in_the_reader_s_language_to_the_end(
    ulrich: Any, node: ComputeNode, engine: FakeEngine, tools: Tools, trouble: str
) -> None:
    """A worker speaks some language, which may be another."""
    prepare(engine, image=False)
    instance = instance_of(ulrich, node)
    with translation.override("zh-hans"):
        if trouble == "node":
            engine.failure = AWAY
            run(instance, tools, times=5)
        else:
            run(instance, tools)
            PullJob.objects.update(state=JobState.FAILED, error_code="no_space_left", error={"params": {}})
            run(instance, tools)
    assert instance.observed == Observed.FAILED
    texts = {}
    for language in ("en", "zh-hans"):
        with translation.override(language):
            texts[language] = (problem_of(instance) or {})["text"]
    assert not re.search(r"[\u4e00-\u9fff]", texts["en"]), texts["en"]
    assert not re.search(r"[a-z]{4}", texts["zh-hans"].replace("Docker", "")), texts["zh-hans"]


def test_every_cause_has_words() -> None:
    for cause in (cause_of("engine", "engine_gone"), cause_of("pull", "no_space_left"), cause_of("secret", "")):
        told = sentence("node_lost", {"cause": cause})
        assert "kind" not in told and len(told) > len(sentence("node_lost", {"cause": ""}))
    assert sentence("node_lost", {"cause": "as an older version stored it"}).endswith("as an older version stored it")


def test_each_node_tells_its_own_numbers() -> None:
    """Refusals that read the same are worded once, others are not."""
    short = [(1, "no_cpu_cores", 2), (2, "no_cpu_cores", 3), (3, "no_memory_mib", 2), (4, "no_cpu_cores", 2)]
    told = no_room(Rejection(node, f"n{node}", code, {"wanted": 8, "free": free}) for node, code, free in short)
    assert [one["node"] for one in told.extra["nodes"]] == ["n1", "n2", "n3", "n4"]
    assert [one["reason"] for one in told.extra["nodes"]] == [
        sentence(code, {"wanted": 8, "free": free}) for _node, code, free in short
    ]
