"""The history of a pull: which events exist, and their sentences."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from pulls.failure_texts import describe
from pulls.models import PullEvent, PullJob
from pulls.sizes import human_bytes

SENTENCES: dict[str, Any] = {
    "requested": _("Requested by %(user)s."),
    "joined": _("%(user)s wants the same image here and shares this pull."),
    "withdrawn": _("%(user)s no longer wants it; others do, so it goes on."),
    "claimed": _("Attempt %(attempt)s started."),
    "planned": _("The registry says: %(total)s to download, %(reused)s are on the node already."),
    "already_here": _("The image is on the node already; nothing has to move."),
    "routed": _("The registry does not give it to this node (%(reason)s); %(source)s has the image and gives it."),
    "no_holder": _("The registry does not give it to this node (%(reason)s), and no other node has the image."),
    "transfer_planned": _("%(source)s gives the image: at least %(total)s will move."),
    "archive_planned": _("The image comes from an archive: %(total)s will move."),
    "total_unknown": _(
        "The registry cannot be asked from this server (%(reason)s): the total is a minimum until the engine knows."
    ),
    "already_present": _("Every layer is on the node already."),
    "tag_moved": _("The tag moved while pulling: the registry now says %(digest)s, and that is what arrived."),
    "engine_retries": _("The engine tries layer %(layer)s again."),
    "downloaded": _("All bytes are downloaded; the engine unpacks them."),
    "retry": _("Attempt %(attempt)s ended: %(cause)s The next attempt starts in %(delay)s s."),
    "worker_lost": _("The worker of attempt %(attempt)s fell silent and was given up."),
    "interrupted": _("The worker is shutting down; the pull starts again on another one."),
    "succeeded": _("The image is on the node: %(digest)s."),
    "failed": _("Failed: %(cause)s"),
    "cancel_requested": _("%(user)s cancelled."),
    "cancelled": _("Cancelled; the engine no longer downloads for this pull."),
    "cancelled_waiting": _("Cancelled while it waited; nothing was being downloaded."),
    "arrived_anyway": _("The image had just arrived when it was cancelled, and stays on the node: %(digest)s."),
    "retried": _("%(user)s asked again: pull %(pull)s."),
}


def record(job: PullJob, code: str, *, at: datetime, **values: Any) -> None:
    """Append one event. `values` are JSON-ready and never secret."""
    assert code in SENTENCES, code
    PullEvent.objects.create(pull_id=job.pk, at=at, attempt=job.attempt, code=code, values=values)


def sentence(event: PullEvent) -> str:
    """The event in the reader's language. A stored error code becomes its cause."""
    values = {"attempt": event.attempt, **event.values}
    for name in ("total", "reused"):
        if name in values:
            values[name] = human_bytes(values[name])
    if "error_code" in values:
        values["cause"] = str(describe(values.pop("error_code"), values.pop("params", {})).cause)
    return str(SENTENCES[event.code]) % values
