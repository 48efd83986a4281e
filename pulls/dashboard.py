"""The admin's first page: what is moving, how the nodes are, what failed last, and what to set up first."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from core.admin_tools import age
from core.jobs import ACTIVE_STATES, JobState
from imagelib.models import ImageRegistry, RegistryEndpoint
from nodes.models import STATUS_FRESH_FOR, NodeStatus
from nodes.services import usable_nodes
from pulls.models import PullJob
from pulls.services import visible_pulls
from pulls.snapshot import snapshot

SHOWN_PULLS = 8
SHOWN_FAILURES = 5


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Adds to the index page's context; a fixed number of queries."""
    now = timezone.now()
    pulls = visible_pulls(request.user)
    active = list(pulls.filter(state__in=ACTIVE_STATES).order_by("state", "-pk")[:SHOWN_PULLS])
    failed = list(pulls.filter(state=JobState.FAILED).order_by("-finished_at")[:SHOWN_FAILURES])
    return context | {
        "title": _("Overview"),
        "active_pulls": [_with_json(brief(job, now=now)) for job in active],
        "active_count": PullJob.objects.filter(state__in=ACTIVE_STATES).count(),
        "failed_pulls": [brief(job, now=now) | {"age": age(job.finished_at)} for job in failed],
        "nodes": count_nodes(now),
        "images": ImageRegistry.objects.aggregate(all=Count("pk"), listed=Count("pk", filter=Q(is_listed=True))),
        "endpoints": RegistryEndpoint.objects.count(),
        "any_pull": bool(active or failed) or PullJob.objects.exists(),
    }


def brief(job: PullJob, *, now: datetime) -> dict[str, Any]:
    """The snapshot without its layers, for lists."""
    picture = snapshot(job, now=now)
    del picture["layers"]
    return picture


def _with_json(picture: dict[str, Any]) -> dict[str, Any]:
    return picture | {"json": json.dumps(picture)}


def count_nodes(now: datetime) -> dict[str, int]:
    """Nodes with a Docker address, by status; one older than `STATUS_FRESH_FOR` counts as stale, whatever it was."""
    fresh = Q(checked_at__gte=now - STATUS_FRESH_FOR)
    return usable_nodes().aggregate(
        all=Count("pk"),
        connected=Count("pk", filter=fresh & Q(status=NodeStatus.CONNECTED)),
        failed=Count("pk", filter=fresh & Q(status=NodeStatus.FAILED)),
        stale=Count("pk", filter=~fresh | Q(checked_at__isnull=True)),
    )
