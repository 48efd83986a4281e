"""How lists draw a build."""

from __future__ import annotations

from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from builds.failure_texts import describe
from builds.models import Build
from core.admin_tools import job_state, with_age
from core.jobs import JobState


def state_and_why(job: Build) -> SafeString:
    """The state, and below it what went wrong or how long it took. `build_list.js` follows those that go on."""
    shown = job_state(job)
    if job.is_active:
        return format_html('<span class="il-two il-packed" data-build="{}">{}</span>', job.pk, shown)
    return format_html('<span class="il-two il-packed">{}{}</span>', shown, _below(job))


def asked_by(job: Build) -> SafeString:
    by = job.requested_by.get_username() if job.requested_by else job.get_trigger_display()
    return with_age(by, job.created_at)


def _below(job: Build) -> Any:
    if job.error_code and job.state != JobState.CANCELLED:
        return format_html('<span class="il-second">{}</span>', describe(job.error_code, job.error.get("params")).title)
    if job.started_at and job.finished_at:
        seconds = round((job.finished_at - job.started_at).total_seconds())
        return format_html('<span class="il-second" data-seconds="{}">{} s</span>', seconds, seconds)
    return ""
