"""A build on a terminal or in a pipe: its log as it comes, a line for each new phase, and what became of it."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rich.console import Console

from builds.log_buffer import Line
from core.jobs import JobState
from pulls.sizes import human_bytes

Picture = dict[str, Any]

_PHASES = {
    "preparing": gettext_lazy("preparing"),
    "building": gettext_lazy("building"),
    "pushing": gettext_lazy("pushing"),
    "verifying": gettext_lazy("verifying"),
}


def doing(picture: Picture) -> str:
    """What happens now, in a word or two."""
    if picture["state"] == JobState.RUNNING and picture["phase"] in _PHASES:
        return str(_PHASES[picture["phase"]])
    return str(JobState(picture["state"]).label)


def shown(line: Line) -> str:
    """A line of the log as people read it."""
    _seconds, step, kind, text = line
    marks = {
        "step": f"#{step} {text}",
        "cached": f"#{step} " + _("from the cache"),
        "done": f"#{step} " + _("done in %(seconds)s s") % {"seconds": text},
        "failed": f"#{step} " + _("failed after %(seconds)s s") % {"seconds": text},
        "warning": f"#{step} " + _("warning: %(text)s") % {"text": text},
        "note": f"* {text}",
    }
    return marks.get(kind, f"#{step} | {text}" if step else str(text))


def ending(picture: Picture) -> str:
    """What became of it, in a sentence."""
    if error := picture["error"]:
        return f"{error['cause']} {error['advice']} [{error['code']}]"
    if picture["state"] == JobState.SUCCEEDED:
        return f"{picture['image']}@{picture['digest']}"
    return ""


class Display:
    """Prints what is new."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said = ""

    def log(self, lines: list[Line]) -> None:
        for line in lines:
            self._print(shown(line))

    def show(self, picture: Picture) -> None:
        """State and phase, and of a push every ten percent."""
        said = _join(doing(picture), _push(picture) if picture["phase"] == "pushing" else "", ending(picture))
        if said != self._said:
            self._said = said
            self._print(_join("==", picture["application"]["name"], said))

    def _print(self, text: str) -> None:
        self._console.print(text, soft_wrap=True, markup=False, emoji=False)


def _push(picture: Picture) -> str:
    total, moved = picture["bytes_total"] or 0, picture["bytes_pushed"]
    if not total:
        return ""
    return f"{moved * 10 // total * 10} %  ≥{human_bytes(total)}"


def _join(*parts: str) -> str:
    return "  ".join(part for part in parts if part)
