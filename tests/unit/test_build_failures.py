"""The part of the error catalogue that builds know: every recorded wording, every code, both languages."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import pytest
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from builds.failure_texts import OWN as OWN_TEXTS
from builds.failure_texts import STAND_INS, TEXTS, describe
from builds.failures import CATALOGUE, OWN, build_failure, failure, push_failure, retry_delay
from builds.typical_words import OWN as TYPICAL

FIXTURES = json.loads((Path(__file__).parent.parent / "fixtures" / "build_failures.json").read_text(encoding="utf-8"))
WORDS: list[dict[str, Any]] = FIXTURES["words"]
DECIDED: list[dict[str, Any]] = FIXTURES["own"]


@pytest.mark.parametrize("row", WORDS, ids=lambda row: f"{row['doing']}-{row['code']}-{row['text'][:40]}")
def test_every_recorded_wording_gets_its_code(row: dict[str, Any]) -> None:
    judge = build_failure if row["doing"] == "build" else push_failure
    found = judge(row["text"], status=row["status"])
    assert found.code == row["code"]
    assert row.get("params", {}).items() <= found.params.items()
    assert found.transient == CATALOGUE[row["code"]].transient


def test_every_code_of_builds_has_a_fixture_and_texts() -> None:
    assert set(OWN) <= {row["code"] for row in [*WORDS, *DECIDED]}
    assert set(OWN) == set(OWN_TEXTS)
    assert set(CATALOGUE) == set(TEXTS)


def test_the_typical_words_were_heard() -> None:
    heard = {(row["code"], row["text"]) for row in WORDS} | {(row["code"], row["evidence"]) for row in DECIDED}
    assert set(TYPICAL.items()) <= heard


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_every_sentence_is_complete_with_and_without_parameters(language: str, code: str) -> None:
    with override(language):
        for params in ({}, dict.fromkeys(STAND_INS, "X1")):
            text = describe(code, params)
            for part in (text.title, text.cause, text.advice):
                assert part and "%(" not in part


def test_own_failures_are_known_to_the_pauses_before_another_attempt() -> None:
    assert retry_delay(attempt=2, failure=failure("git_unreachable"), jitter=0.0) == 10.0


# The command of a step is free text: whatever it says, the step has failed and nothing else.
@given(st.text(alphabet=string.printable, max_size=60))
def test_the_words_of_a_command_never_decide(command: str) -> None:
    for text in (
        f"The command '/bin/sh -c {command}' returned a non-zero code: 1",
        f'failed to solve: process "/bin/sh -c {command}" did not complete successfully: exit code: 1',
    ):
        assert build_failure(text, status=None).code == "build_step_failed"
