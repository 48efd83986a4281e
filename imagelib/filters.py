"""Filters of the image library's lists."""

from __future__ import annotations

import django_filters

from core.filters import FlagFilter, MomentFilter
from imagelib.models import ImageRegistry, RegistryEndpoint


class ImageFilter(django_filters.FilterSet):
    name = django_filters.CharFilter(lookup_expr="icontains")
    address = django_filters.CharFilter(lookup_expr="icontains")
    source = django_filters.CharFilter(lookup_expr="icontains")
    is_listed = FlagFilter()
    supports_vgpu = FlagFilter()
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = ImageRegistry
        fields = ["name", "address", "source", "is_listed", "supports_vgpu"]


class RegistryFilter(django_filters.FilterSet):
    name = django_filters.CharFilter(lookup_expr="icontains")
    endpoint = django_filters.CharFilter(lookup_expr="icontains")
    is_default = FlagFilter()

    class Meta:
        model = RegistryEndpoint
        fields = ["name", "endpoint", "is_default"]
