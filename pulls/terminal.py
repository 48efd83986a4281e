"""Pulls on a terminal (live bars) and in a pipe (one line per change). Pure display of snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from core.jobs import FINAL_STATES, JobState
from pulls.sizes import human_bytes

Picture = dict[str, Any]

_PHASES = {
    "resolving": gettext_lazy("asking the registry"),
    "waiting": gettext_lazy("waiting"),
    "downloading": gettext_lazy("downloading"),
    "extracting": gettext_lazy("unpacking"),
    "verifying": gettext_lazy("verifying"),
}


def doing(picture: Picture) -> str:
    """What happens now, in a word or two."""
    if picture["state"] == JobState.RUNNING and picture["phase"] in _PHASES:
        return str(_PHASES[picture["phase"]])
    return str(JobState(picture["state"]).label)


def numbers(picture: Picture) -> str:
    """Downloaded of the total, as honest as the total is: `≥` while it is a minimum. Empty while nothing is known."""
    if picture["bytes_total"] is None:
        return ""
    least = "" if picture["bytes_total_exact"] else "≥"
    return f"{human_bytes(picture['bytes_downloaded'])} / {least}{human_bytes(picture['bytes_total'])}"


def pace(picture: Picture) -> str:
    """Speed and the time that is left, as far as they are known."""
    parts = []
    if picture["speed_bps"] is not None:
        parts.append(f"{human_bytes(picture['speed_bps'])}/s")
    if eta := picture["eta_range_seconds"]:
        low, high = (f"{value:.0f}" for value in eta)
        parts.append(_("%(time)s s left") % {"time": low if low == high else f"{low}–{high}"})
    return "  ".join(parts)


def ending(picture: Picture) -> str:
    """What became of it, in a sentence; of a pull that is tried again, why."""
    if error := picture["error"]:
        return f"{error['cause']} {error['advice']} [{error['code']}]"
    return str(picture["digest"])


def attempt(picture: Picture) -> str:
    """Which attempt it is, from the second on."""
    if picture["attempt"] < 2:
        return ""
    return _("attempt %(n)s of %(m)s") % {"n": picture["attempt"], "m": picture["max_attempts"]}


def title(picture: Picture) -> str:
    return f"{picture['node']['name']}  {picture['reference']}"


class LineDisplay:
    """One line whenever state or phase changes, and every ten percent."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said: dict[int, tuple[Any, ...]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        return None

    def show(self, pictures: Sequence[Picture]) -> None:
        for picture in pictures:
            mark = (picture["state"], picture["phase"], int(picture["percent"] // 10), picture["attempt"])
            if self._said.get(picture["id"]) != mark:
                self._said[picture["id"]] = mark
                _print(self._console, _line(picture))


class BarDisplay:
    """One live bar per pull; what became of it stands above the bars, in full."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, ratio=3)),
            BarColumn(bar_width=20),
            TextColumn("{task.percentage:>5.1f} %", table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[detail]}", markup=False, table_column=Column(no_wrap=True, ratio=4)),
            console=console,
            expand=True,
        )
        self._tasks: dict[int, TaskID] = {}
        self._told: dict[int, tuple[Any, ...]] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._progress.stop()

    def show(self, pictures: Sequence[Picture]) -> None:
        for picture in pictures:
            pk = picture["id"]
            if pk not in self._tasks:
                self._tasks[pk] = self._progress.add_task(title(picture), total=100, detail="")
            detail = _join(doing(picture), numbers(picture), pace(picture), attempt(picture))
            self._progress.update(self._tasks[pk], completed=picture["percent"], detail=detail)
            self._tell(picture)

    def _tell(self, picture: Picture) -> None:
        news = (picture["state"], picture["attempt"])
        if self._told.get(picture["id"]) == news or not (picture["error"] or picture["state"] in FINAL_STATES):
            return
        self._told[picture["id"]] = news
        _print(self._progress.console, _join(title(picture), doing(picture), ending(picture)))


def _line(picture: Picture) -> str:
    percent = f"{picture['percent']:.1f} %"
    return _join(
        title(picture), doing(picture), percent, numbers(picture), pace(picture), attempt(picture), ending(picture)
    )


def _join(*parts: str) -> str:
    return "  ".join(part for part in parts if part)


def _print(console: Console, text: str) -> None:
    console.print(text, soft_wrap=True, markup=False, emoji=False)
