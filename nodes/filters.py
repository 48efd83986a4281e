"""Filters of the node list."""

from __future__ import annotations

import django_filters

from core.filters import FlagFilter
from nodes.models import ComputeNode


class NodeFilter(django_filters.FilterSet):
    name = django_filters.CharFilter(lookup_expr="icontains")
    region = django_filters.CharFilter(lookup_expr="icontains")
    gpu_name = django_filters.CharFilter(lookup_expr="icontains")
    public_ip = django_filters.CharFilter(lookup_expr="icontains")
    private_ip = django_filters.CharFilter(lookup_expr="icontains")
    is_listed = FlagFilter()

    class Meta:
        model = ComputeNode
        fields = ["name", "region", "gpu_name", "is_listed", "status", "public_ip", "private_ip"]
