"""Pulls on a terminal (live bars) and in a pipe (one line per change). Pure display of snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from django.utils.translation import gettext as _
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from pulls.sizes import human_bytes

Picture = dict[str, Any]


def numbers(picture: Picture) -> str:
    """`extracted/downloaded/total`, as honest as the total is: `≥` while it is a minimum."""
    total = human_bytes(picture["bytes_total"])
    least = "" if picture["bytes_total_exact"] else "≥"
    return f"{human_bytes(picture['bytes_extracted'])}/{human_bytes(picture['bytes_downloaded'])}/{least}{total}"


def pace(picture: Picture) -> str:
    """Speed and the time that is left, as far as they are known."""
    parts = []
    if picture["speed_bps"] is not None:
        parts.append(f"{human_bytes(picture['speed_bps'])}/s")
    if eta := picture["eta_range_seconds"]:
        parts.append(f"{eta[0]:.0f}–{eta[1]:.0f} s")
    return "  ".join(parts)


def ending(picture: Picture) -> str:
    """What became of it, in a sentence."""
    if error := picture["error"]:
        return f"{error['cause']} {error['advice']} [{error['code']}]"
    return picture["digest"]


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
                self._console.print(self._line(picture), soft_wrap=True, markup=False)

    def _line(self, picture: Picture) -> str:
        head = f"{picture['node']['name']}  {picture['reference']}  {picture['state']}"
        middle = f"{picture['phase']}  {picture['percent']:.1f} %  {numbers(picture)}"
        attempt = _("attempt %(n)s of %(m)s") % {"n": picture["attempt"], "m": picture["max_attempts"]}
        return "  ".join(part for part in (head, middle, attempt, pace(picture), ending(picture)) if part)


class BarDisplay:
    """One live bar per pull."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:>5.1f} %"),
            TextColumn("{task.fields[detail]}"),
            console=console,
            transient=False,
        )
        self._tasks: dict[int, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._progress.stop()

    def show(self, pictures: Sequence[Picture]) -> None:
        for picture in pictures:
            if picture["id"] not in self._tasks:
                name = f"{picture['node']['name']}  {picture['reference']}"
                self._tasks[picture["id"]] = self._progress.add_task(name, total=100, detail="")
            detail = f"{picture['state']}  {numbers(picture)}  {pace(picture)}  {ending(picture)}"
            self._progress.update(self._tasks[picture["id"]], completed=picture["percent"], detail=detail)
