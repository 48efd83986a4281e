"""Where an entry of the library came from: its pages lie below this app and cannot ask it."""

from __future__ import annotations

from django import template
from django.db.models import QuerySet

from builds.models import Submission
from imagelib.models import ImageRegistry

register = template.Library()


@register.simple_tag
def submissions_of_image(image: ImageRegistry) -> QuerySet[Submission]:
    """The submissions that led to the entry, newest first."""
    return image.submissions.select_related("build", "requested_by").order_by("-pk")[:5]
