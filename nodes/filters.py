"""Filters of the node list."""

from __future__ import annotations

import django_filters

from nodes.models import ComputeNode


class NodeFilter(django_filters.FilterSet):
    name = django_filters.CharFilter(lookup_expr="icontains")
    region = django_filters.CharFilter(lookup_expr="icontains")
    gpu_name = django_filters.CharFilter(lookup_expr="icontains")

    class Meta:
        model = ComputeNode
        fields = ["name", "region", "gpu_name", "is_listed", "status", "public_ip", "private_ip"]
