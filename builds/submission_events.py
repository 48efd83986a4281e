"""The history of a submission: which events exist, and their sentences."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from builds.models import Submission, SubmissionEvent
from pulls.failure_texts import describe

SENTENCES: dict[str, Any] = {
    "submitted": _("Submitted by %(user)s."),
    "checked": _("The checks are through: %(digest)s."),
    "absent": _("The checks found no such image: %(cause)s"),
    "retry": _("The registry could not be asked: %(cause)s The next attempt starts in %(delay)s s."),
    "check_failed": _("The checks could not be made: %(cause)s"),
    "check_cancelled": _("The checks were ended."),
    "checked_again": _("%(user)s asked for the checks again."),
    "withdrawn": _("Withdrawn by %(user)s."),
    "rejected": _("Rejected by %(user)s: %(reason)s"),
    "approved": _("Approved by %(user)s: %(entry)s is listed, pinned to %(digest)s."),
    "tag_moved": _("The tag has moved since the checks, to %(digest)s; the digest that was checked was approved."),
    "tag_not_asked": _("Whether the tag has moved since the checks could not be asked: %(cause)s"),
    "pulls": _("%(user)s asked for pulls onto %(nodes)s."),
}

# What these say, or that they are there, tells what a registry said.
OF_REGISTRY = ("checked", "absent", "retry", "check_failed", "tag_moved", "tag_not_asked")


def record(submission: Submission, code: str, *, at: datetime, user: Any = None, **values: Any) -> None:
    """Append one event. `values` are JSON-ready and never secret."""
    assert code in SENTENCES, code
    if user is not None:
        values["user"] = user.get_username()
    SubmissionEvent.objects.create(submission_id=submission.pk, at=at, user=user, code=code, values=values)


def sentence(event: SubmissionEvent) -> str:
    """The event in the reader's language. A stored error code becomes its cause."""
    values = dict(event.values)
    if "error_code" in values:
        values["cause"] = str(describe(values.pop("error_code"), values.pop("params", {})).cause)
    return str(SENTENCES[event.code]) % values
