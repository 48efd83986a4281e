"""What a terminal says to its browser, apart from what the shell shows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from instances.models import TerminalEnd

# Close codes: 4000 and the HTTP status that says as much. 1000 is what everybody knows as a good end.
GOOD_END = 1000
FRAMES: Mapping[str, Any] = {
    "binary": _('Send JSON texts, such as {"type": "input", "data": "ls"}, and no binary frames.'),
    "long": _("This is too much at once. Paste at most 250,000 characters."),
    "json": _('This is no JSON. Send a text such as {"type": "input", "data": "ls"}.'),
    "type": _('Send {"type": "input", "data": "ls"} or {"type": "resize", "cols": 80, "rows": 24}.'),
    "data": _('“data” must be a text, such as {"type": "input", "data": "ls"}.'),
    "size": _('“cols” and “rows” must be numbers from 1 to 1000, such as {"type": "resize", "cols": 80, "rows": 24}.'),
}
ENDS: Mapping[str, tuple[int, Any]] = {
    TerminalEnd.SHELL: (GOOD_END, ""),
    TerminalEnd.IDLE: (4408, _("Nothing was typed for a long time, so the terminal was closed.")),
    TerminalEnd.LOGIN: (4401, _("Your login has ended. Log in again.")),
    TerminalEnd.GONE: (4404, _("The instance is not there any more, or it is not yours.")),
    TerminalEnd.CONTAINER: (4409, _("The container has stopped.")),
    TerminalEnd.ENGINE: (4503, _("The connection to the compute node broke.")),
    TerminalEnd.FAULTS: (4400, _("Too many frames were not understood.")),
    TerminalEnd.SERVER: (1012, _("The server is being restarted. Connect again in a moment.")),
}
NOT_LOGGED_IN = _("You are not logged in, or your login has expired. Log in again.")
FULL = _("Too many terminals are open on this server. Try again later.")
NO_INPUT = _("The program takes no input at the moment. What was typed last is lost.")


def error_frame(message: Any) -> str:
    """In the active language."""
    return json.dumps({"type": "error", "message": str(message)}, ensure_ascii=False)


def other_shell(name: str) -> bytes:
    """A line that the terminal shows before its shell, in the active language."""
    told = _("The shell that was asked for is not in this container. This is %(name)s.") % {"name": name}
    return f"\x1b[2m{told}\x1b[0m\r\n".encode()
