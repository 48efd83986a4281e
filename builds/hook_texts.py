"""What came of a message of a git server, and what is wrong with one, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from builds.hooks import Verdict
from builds.models import Application
from builds.pushing import NOT_ALLOWED
from builds.services.hooks import BUILT, NO_OWNER, SUPERSEDED, UNLISTED, WAITING
from core.errors import InvalidInput

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

OUTCOMES: Mapping[str, str | _StrPromise] = {
    BUILT: _("built"),
    UNLISTED: _("built: the message does not list every file that changed"),
    WAITING: _("waits for the build that goes on, or for a compute node"),
    SUPERSEDED: _("not built: a newer push to the branch came while it waited"),
    Verdict.OTHER_BRANCH: _("not built: neither main nor feat/… nor the application's branch"),
    Verdict.OTHER_PATHS: _("not built: nothing changed in the application's folder"),
    Verdict.NO_BRANCH: _("not built: not a branch"),
    Verdict.DELETED: _("not built: the branch was deleted"),
    NO_OWNER: _("not built: the application has no owner any more"),
    NOT_ALLOWED: _("not built: the application's owner may not push to its target"),
    InvalidInput.code: _(
        "not built: the commit or the image would have no valid name; look at the application's values"
    ),
}
FAULTS: Mapping[str, str | _StrPromise] = {
    "not_json": _(
        "The body is neither JSON nor a form with JSON in “payload”. Choose application/json at the git server; a body "
        'looks for example like {"ref": "refs/heads/main", "after": "…", "repository": {…}}.'
    ),
    "no_repository": _(
        "“repository” is missing: this is no message about one, for example "
        '{"repository": {"clone_url": "https://git.example.com/team/images.git"}}.'
    ),
    "no_ref": _("“ref” is not what was pushed to, for example refs/heads/main."),
    "no_commits": _(
        "“before” and “after” are not the ids of commits, for example 4b825dc642cb6eb9a060e54bf8d69288fbee4904."
    ),
}
_SHOWN = 10


def recent_deliveries(application: Application) -> dict[str, Any]:
    """Context of `builds/deliveries.html`: the last messages about an application."""
    rows = application.deliveries.all()[:_SHOWN]
    return {
        "deliveries": [
            {
                "at": row.created_at,
                "branch": row.branch,
                "commit": row.commit[:12],
                "outcome": OUTCOMES.get(row.outcome) or _("not built: %(reason)s") % {"reason": row.outcome},
                "build": row.build_id,
            }
            for row in rows
        ]
    }
