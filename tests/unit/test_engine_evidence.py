"""What may be stored and shown of a foreign text, and the error tree that carries it."""

from __future__ import annotations

import copy
import pickle

import pytest

from nodes.engine.errors import CODES, EngineError, EngineRejected
from nodes.engine.evidence import clean

PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  two\n\tlines\x00 ", "two lines"),
        (f"key {PEM} bad", "key [PEM] bad"),
        (f"cut {PEM[:40]}", "cut [PEM]"),
        (
            'Get "https://user:pass@host/v2/": EOF',
            'Get "https://******@host/v2/": EOF',
        ),
        (
            'Get "https://s3.test/blob?X-Amz-Signature=abc&token=def": EOF',
            'Get "https://s3.test/blob?…": EOF',
        ),
        ("password hunter2! is wrong", "password ****** is wrong"),
        ("http://10.0.0.1:5000/v2/: refused", "http://10.0.0.1:5000/v2/: refused"),
    ],
)
def test_clean(text: str, expected: str) -> None:
    assert clean(text, secrets=["hunter2!", "", "is"]) == expected


def test_long_texts_are_cut() -> None:
    assert len(clean("x" * 2001)) == 2000
    cut = clean("what happened " + "x" * 5000 + " and why")
    assert cut.startswith("what happened") and cut.endswith("and why") and " … " in cut
    assert clean("x" * 2000) == "x" * 2000
    assert len(clean("<html>" * 1_000_000)) == 2000


def test_errors() -> None:
    error = EngineError("engine_refused", "[Errno 111] Connection refused")
    assert (error.transient, str(error)) == (True, "engine_refused: [Errno 111] Connection refused")
    assert EngineError("engine_host_unknown", transient=True).transient
    assert str(EngineError("engine_host_unknown")) == "engine_host_unknown"
    with pytest.raises(KeyError):
        EngineError("engine_refusde")


def test_a_refusal_is_an_error_with_a_status() -> None:
    refusal = EngineRejected(404, "manifest unknown")
    assert isinstance(refusal, EngineError)
    assert (refusal.status, refusal.code, refusal.evidence) == (404, "engine_rejected", "manifest unknown")
    assert refusal.code in CODES


@pytest.mark.parametrize("error", [EngineError("engine_gone", "x", False), EngineRejected(None, "y")])
def test_errors_can_be_copied(error: EngineError) -> None:
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert vars(twin) == vars(error)
