"""Numbers beside the entries of the menu; none where nothing waits."""

from __future__ import annotations

from django.http import HttpRequest

from builds.models import Decision, Submission
from builds.services.notices import visible_notices


def undecided(request: HttpRequest) -> str:
    """Submissions that wait for an operator."""
    return _shown(Submission.objects.filter(decision=Decision.OPEN).count())


def unread(request: HttpRequest) -> str:
    """Notices of this person."""
    return _shown(visible_notices(request.user).filter(read_at=None).count())


def _shown(count: int) -> str:
    return str(count) if count else ""
