"""Filters of the lists of submissions and notices."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet

from builds.models import Decision, Notice, Submission
from core.filters import FlagFilter, IdFilter, MomentFilter
from core.jobs import JobState


class SubmissionFilter(django_filters.FilterSet):
    reference = django_filters.CharFilter(lookup_expr="icontains")
    decision = django_filters.MultipleChoiceFilter(choices=Decision.choices)
    state = django_filters.MultipleChoiceFilter(choices=JobState.choices)
    mine = FlagFilter(method="by_owner")
    build = IdFilter(field_name="build_id")
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Submission
        fields = ["reference", "decision", "state", "build"]

    def by_owner(self, rows: QuerySet[Submission], _name: str, mine: bool) -> QuerySet[Submission]:
        own = {"requested_by": self.request.user}
        return rows.filter(**own) if mine else rows.exclude(**own)


class NoticeFilter(django_filters.FilterSet):
    unread = FlagFilter(method="by_reading")

    class Meta:
        model = Notice
        fields = ["code"]

    def by_reading(self, rows: QuerySet[Notice], _name: str, unread: Any) -> QuerySet[Notice]:
        return rows.filter(read_at__isnull=unread)
