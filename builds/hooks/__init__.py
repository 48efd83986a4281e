"""What git servers tell of a push: GitHub, Gitea and those that speak as they do. Pure."""

from builds.hooks.conditions import Verdict, verdict_on
from builds.hooks.messages import LARGEST, Message, MessageError, Push, read_message
from builds.hooks.signatures import is_signed_by, signatures_in

__all__ = [
    "LARGEST",
    "Message",
    "MessageError",
    "Push",
    "Verdict",
    "is_signed_by",
    "read_message",
    "signatures_in",
    "verdict_on",
]
