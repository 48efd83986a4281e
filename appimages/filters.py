"""Filters of the list of AppImages."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Q

from appimages.models import AppImage
from core.filters import MomentFilter


class AppImageFilter(django_filters.FilterSet):
    search = django_filters.CharFilter(method="search_text", help_text="Part of the name, the image or the tag.")
    name = django_filters.CharFilter(lookup_expr="icontains")
    image = django_filters.CharFilter(field_name="image_name", lookup_expr="icontains")
    tag = django_filters.CharFilter(field_name="image_tag")
    updated_after = MomentFilter(field_name="updated_at", lookup_expr="gte")
    updated_before = MomentFilter(field_name="updated_at", lookup_expr="lt")

    class Meta:
        model = AppImage
        fields = ["name"]

    def search_text(self, rows: Any, _name: str, text: str) -> Any:
        return rows.filter(Q(name__icontains=text) | Q(image_name__icontains=text) | Q(image_tag__icontains=text))
