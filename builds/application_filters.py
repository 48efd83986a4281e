"""Filters of the list of applications."""

from __future__ import annotations

import django_filters

from builds.models import Application, SourceKind


class ApplicationFilter(django_filters.FilterSet):
    name = django_filters.CharFilter(lookup_expr="icontains")
    owner = django_filters.CharFilter(field_name="owner__username")
    base_image = django_filters.CharFilter(lookup_expr="icontains")
    source = django_filters.ChoiceFilter(choices=SourceKind.choices)

    class Meta:
        model = Application
        fields = ["name", "owner", "base_image", "source"]
