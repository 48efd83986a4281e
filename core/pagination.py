"""Pages and a stable order for every list of the native API."""

from __future__ import annotations

from typing import Any

from rest_framework.filters import OrderingFilter
from rest_framework.pagination import PageNumberPagination


class Pages(PageNumberPagination):
    """`?page=1&page_size=25` → `{count, next, previous, results}`; at most 100 a page."""

    page_size = 25
    page_size_query_param = "page_size"
    max_page_size = 100


class StableOrdering(OrderingFilter):
    """`?ordering=-created_at`; the primary key is always the last criterion, so no row repeats or drops."""

    def get_ordering(self, request: Any, queryset: Any, view: Any) -> Any:
        ordering = super().get_ordering(request, queryset, view) or queryset.query.order_by or ("-pk",)
        names = {str(name).lstrip("-") for name in ordering}
        return ordering if names & {"pk", "id"} else (*ordering, "-pk")
