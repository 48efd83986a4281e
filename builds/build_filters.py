"""Filters of the list of builds."""

from __future__ import annotations

import django_filters

from builds.failures import untold_codes
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

    error_code = django_filters.CharFilter(method="by_error")

    class Meta:
        model = Build
        fields = ["application", "state", "node", "trigger"]

    def by_error(self, rows, _name, code):  # type: ignore[no-untyped-def]
        """By what the asker sees."""
        return rows.filter(error_code__in=[code] if self.request.user.is_staff else untold_codes(code))

    def by_activity(self, rows, _name, active):  # type: ignore[no-untyped-def]
        return rows.filter(state__in=ACTIVE_STATES if active else FINAL_STATES)
