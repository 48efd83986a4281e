"""Filters of the node list, and the order of the images on a node."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import django_filters
from django.utils.translation import gettext_lazy as _

from core.errors import InvalidInput
from core.filters import FlagFilter
from nodes.engine import ImageInfo
from nodes.models import ComputeNode

_IMAGE_KEYS: Mapping[str, Callable[[ImageInfo], Any]] = {
    "created": lambda image: image.created,
    "size": lambda image: image.size,
    "name": lambda image: min((*image.repo_tags, *image.repo_digests), default=""),
}
IMAGE_ORDERINGS = [sign + key for key in _IMAGE_KEYS for sign in ("", "-")]
_NEWEST_FIRST = "-created"


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


def image_ordering(text: str) -> Callable[[Iterable[ImageInfo]], list[ImageInfo]]:
    """A function that sorts by `text`, one of `IMAGE_ORDERINGS`, then by id. Raises `InvalidInput`."""
    text = text or _NEWEST_FIRST
    if text not in IMAGE_ORDERINGS:
        rule = _("Give one of %(orderings)s, for example -size.")
        raise InvalidInput({"ordering": rule % {"orderings": ", ".join(IMAGE_ORDERINGS)}})
    key, reverse = _IMAGE_KEYS[text.removeprefix("-")], text.startswith("-")
    return lambda images: sorted(images, key=lambda image: (key(image), image.id), reverse=reverse)
