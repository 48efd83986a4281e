"""Filters of the pull list."""

from __future__ import annotations

import django_filters

from core.filters import FlagFilter, IdFilter, MomentFilter
from core.jobs import ACTIVE_STATES, FINAL_STATES, JobState
from pulls.models import PullJob


class PullFilter(django_filters.FilterSet):
    reference = django_filters.CharFilter(lookup_expr="icontains")
    state = django_filters.MultipleChoiceFilter(choices=JobState.choices)
    active = FlagFilter(method="by_activity")
    node = IdFilter(field_name="node_id")
    image = IdFilter(field_name="image_id")
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = PullJob
        fields = ["reference", "state", "node", "image", "source", "error_code"]

    def by_activity(self, rows, _name, active):  # type: ignore[no-untyped-def]
        return rows.filter(state__in=ACTIVE_STATES if active else FINAL_STATES)
