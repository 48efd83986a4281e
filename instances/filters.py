"""Filters of the lists of product specs, of instances and of deployments."""

from __future__ import annotations

import django_filters

from core.filters import FlagFilter, IdFilter, MomentFilter
from instances.models import ConfigSet, Deployment, Instance, Observed, ProductSpec, SecretSet


class SpecFilter(django_filters.FilterSet):
    name = django_filters.CharFilter(lookup_expr="icontains")
    gpu_model = django_filters.CharFilter(lookup_expr="icontains")
    is_listed = FlagFilter()
    supports_memory_split = FlagFilter()
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = ProductSpec
        fields = ["name", "gpu_model", "is_listed", "supports_memory_split"]


class InstanceFilter(django_filters.FilterSet):
    name = django_filters.CharFilter(lookup_expr="icontains")
    state = django_filters.ChoiceFilter(field_name="observed", choices=Observed.choices)
    image = IdFilter(field_name="image_id")
    spec = IdFilter(field_name="spec_id")
    node = IdFilter(field_name="node_id")
    user = django_filters.CharFilter(field_name="user__username")
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Instance
        fields = ["name"]


class DeploymentFilter(django_filters.FilterSet):
    name = django_filters.CharFilter(lookup_expr="icontains")
    app_image = django_filters.CharFilter(field_name="app_image__name")
    spec = IdFilter(field_name="spec_id")
    user = django_filters.CharFilter(field_name="user__username")
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Deployment
        fields = ["name"]


class ConfigSetFilter(django_filters.FilterSet):
    name = django_filters.CharFilter(lookup_expr="icontains")

    class Meta:
        model = ConfigSet
        fields = ["name"]


class SecretSetFilter(django_filters.FilterSet):
    name = django_filters.CharFilter(lookup_expr="icontains")

    class Meta:
        model = SecretSet
        fields = ["name"]
