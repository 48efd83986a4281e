"""What the first page says of custom images: its view lies below this app and cannot ask it."""

from __future__ import annotations

from django import template

from builds.models import Build, Decision, Submission
from core.jobs import ACTIVE_STATES

register = template.Library()


@register.simple_tag
def custom_images() -> dict[str, int]:
    """Submissions that wait for a decision, and builds under way."""
    return {
        "undecided": Submission.objects.filter(decision=Decision.OPEN).count(),
        "building": Build.objects.filter(state__in=ACTIVE_STATES).count(),
    }
