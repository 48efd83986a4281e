"""Logs: in JSON every event is one line that a collector can read, also of other libraries and with a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.process import clean_environment

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import logging, structlog
from core.logging import configure
configure({"format": "%s", "level": "INFO"})
structlog.contextvars.bind_contextvars(request_id="r-1")
structlog.get_logger("ours").info("started", given_up=2)
logging.getLogger("other.library").debug("unheard")
try:
    {}["missing"]
except KeyError:
    logging.getLogger("other.library").error("Failed: %%s", "a\\nb", exc_info=True)
    structlog.get_logger("ours").exception("crashed")
"""


def logged(style: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM % style],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""
    return done.stderr


def test_json() -> None:
    entries = [json.loads(line) for line in logged("json").splitlines()]
    assert [(entry["event"], entry["logger"], entry["level"]) for entry in entries] == [
        ("started", "ours", "info"),
        ("Failed: a\nb", "other.library", "error"),
        ("crashed", "ours", "error"),
    ]
    assert entries[0]["given_up"] == 2
    assert {entry["request_id"] for entry in entries} == {"r-1"}
    assert all("KeyError: 'missing'" in entry["exception"] for entry in entries[1:])


@pytest.mark.parametrize("text", ["given_up=2", "request_id=r-1", "KeyError: 'missing'"])
def test_plain(text: str) -> None:
    shown = logged("plain")
    assert text in shown
    assert "unheard" not in shown and "\x1b" not in shown
