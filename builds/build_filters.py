"""Filters of the list of builds."""

from __future__ import annotations

import django_filters

from builds.models import Build
from core.filters import FlagFilter, IdFilter, MomentFilter
from core.jobs import ACTIVE_STATES, FINAL_STATES, JobState


class BuildFilter(django_filters.FilterSet):
    application = IdFilter(field_name="application_id")
    state = django_filters.MultipleChoiceFilter(choices=JobState.choices)
    active = FlagFilter(method="by_activity")
    node = IdFilter(field_name="node_id")
    image = django_filters.CharFilter(field_name="reference", lookup_expr="icontains")
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Build
        fields = ["application", "state", "node", "trigger", "error_code"]

    def by_activity(self, rows, _name, active):  # type: ignore[no-untyped-def]
        return rows.filter(state__in=ACTIVE_STATES if active else FINAL_STATES)
