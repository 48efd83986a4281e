"""How pulls look on a terminal and in a pipe."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import translation
from rich.console import Console

from pulls.terminal import BarDisplay, LineDisplay, Picture, attempt, doing, ending, numbers, pace


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    with translation.override("en"):
        yield


def picture(**values: Any) -> Picture:
    return {
        "id": 1, "node": {"id": 1, "name": "gpu1"}, "reference": "registry.example.com/app:1", "state": "running",
        "phase": "downloading", "percent": 12.3, "bytes_total": 2_000_000, "bytes_total_exact": True,
        "bytes_downloaded": 250_000, "bytes_extracted": 0, "speed_bps": 1_500_000.0, "eta_range_seconds": [3, 5],
        "attempt": 1, "max_attempts": 5, "digest": "", "error": None, **values,
    }  # fmt: skip


FAILED: dict[str, Any] = {
    "state": "failed", "phase": "failed", "speed_bps": None, "eta_range_seconds": None,
    "error": {"code": "image_not_found", "cause": "It is [not] there.", "advice": "Check :smile: the tag."},
}  # fmt: skip


def lines(*shown: Picture) -> list[str]:
    console = Console(file=io.StringIO(), width=40)
    with LineDisplay(console) as display:
        for item in shown:
            display.show([item])
    return console.file.getvalue().splitlines()


def bars(*shown: Picture, width: int = 120) -> str:
    console = Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None)
    with BarDisplay(console) as display:
        for item in shown:
            display.show([item])
    return console.file.getvalue()


def test_sizes_are_decimal_and_a_minimum_is_marked() -> None:
    assert numbers(picture()) == "250.0 kB / 2.0 MB"
    assert numbers(picture(bytes_total_exact=False)) == "250.0 kB / ≥2.0 MB"
    assert numbers(picture(bytes_total=None)) == ""


def test_speed_and_time_left() -> None:
    assert pace(picture()) == "1.5 MB/s  3–5 s left"
    assert pace(picture(eta_range_seconds=[4.2, 3.9])) == "1.5 MB/s  4 s left"
    assert pace(picture(speed_bps=None, eta_range_seconds=None)) == ""


def test_what_happens_now() -> None:
    assert doing(picture()) == "downloading"
    assert doing(picture(phase="of a newer version")) == "running"
    assert doing(picture(state="queued", phase="waiting")) == "queued"
    with translation.override("zh-hans"):
        assert doing(picture(state="queued", phase="waiting")) == "排队中"


def test_only_later_attempts_are_counted() -> None:
    assert attempt(picture()) == ""
    assert attempt(picture(attempt=2)) == "attempt 2 of 5"


def test_how_it_ended() -> None:
    assert ending(picture(digest="sha256:1")) == "sha256:1"
    assert ending(picture(**FAILED)) == "It is [not] there. Check :smile: the tag. [image_not_found]"


def test_in_a_pipe_one_line_per_change_and_ten_percent() -> None:
    said = lines(picture(), picture(percent=13.0), picture(percent=21.0), picture(percent=21.5, phase="extracting"))
    assert len(said) == 3
    assert said[0] == ("gpu1  registry.example.com/app:1  downloading  12.3 %  250.0 kB / 2.0 MB  1.5 MB/s  3–5 s left")
    assert "unpacking" in said[2]


def test_in_a_pipe_nothing_is_wrapped_coloured_or_interpreted() -> None:
    [line] = lines(picture(**FAILED))
    assert line.endswith("It is [not] there. Check :smile: the tag. [image_not_found]")
    assert "\x1b" not in line


def test_a_bar_moves_and_shows_the_numbers() -> None:
    text = bars(picture(), picture(percent=50.0, bytes_downloaded=1_000_000))
    assert "gpu1  registry.example.com/app:1" in text
    assert " 50.0 %" in text
    assert "1.0 MB / 2.0 MB" in text


@pytest.mark.parametrize("width", [40, 80, 200])
def test_what_became_of_a_pull_stands_above_the_bars_once_and_in_full(width: int) -> None:
    text = bars(picture(), picture(**FAILED), picture(**FAILED), width=width)
    assert text.count("It is [not] there. Check :smile: the tag. [image_not_found]") == 1


def test_a_name_that_looks_like_markup_is_shown_as_it_is() -> None:
    assert "[bold]gpu" in bars(picture(node={"id": 1, "name": "[bold]gpu"}))
