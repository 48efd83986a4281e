"""What the page that starts pulls offers: images are searched for as one types, nodes are shown some at a time.

A library may hold a hundred thousand images, and a fleet thousands of nodes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.admin.widgets import AutocompleteSelect
from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.admin_tools import two_lines
from core.errors import InvalidInput
from imagelib.models import ImageRegistry
from nodes.admin import free_space, status_label
from nodes.models import ComputeNode
from nodes.services import usable_nodes
from pulls.models import PullJob, Source
from pulls.spool import path_of

NODES_SHOWN = 200
_IMAGE = PullJob._meta.get_field("image")


class FoundImages(AutocompleteJsonView):
    """The images that match what is typed, page by page."""

    def serialize_result(self, obj: Any, to_field_name: str) -> dict[str, str]:
        return {**super().serialize_result(obj, to_field_name), "text": _image_text(obj)}


class _ImageSelect(AutocompleteSelect):
    url_name = "%s:pulls_images"


class ImageField(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return _image_text(obj)


class ImageChoice(forms.Form):
    """Renders just the chosen image; the others are asked for when somebody types."""

    image = ImageField(
        queryset=ImageRegistry.objects.all(),
        widget=_ImageSelect(
            _IMAGE, admin.site, attrs={"id": "il-image", "data-placeholder": gettext_lazy("Choose an image…")}
        ),
    )


def nodes_to_choose(*, search: str, chosen: Iterable[int]) -> tuple[list[ComputeNode], int]:
    """The first nodes that match, and those chosen already; and how many more match."""
    rows = usable_nodes().order_by("name", "pk")
    found = rows.filter(Q(name__icontains=search) | Q(region__icontains=search)) if search else rows
    shown = list(found[:NODES_SHOWN])
    ids = {node.pk for node in shown}
    kept = list(rows.filter(pk__in=set(chosen) - ids))
    return kept + shown, found.exclude(pk__in=ids | {node.pk for node in kept}).count()


def drawn_node(node: ComputeNode) -> dict[str, Any]:
    """A node that can be chosen, as pages show it."""
    name = two_lines(node.name, node.region if node.is_listed else _("unlisted"))
    return {"pk": node.pk, "name": name, "status": status_label(node), "free": free_space(node)}


def asked_source(posted: QueryDict) -> dict[str, Any]:
    """Where the image is to come from, as `request_pulls` wants it. Raises `NotFound` for an archive that is gone."""
    source = posted.get("source", Source.REGISTRY)
    if source == Source.NODE:
        return {"source": source, "source_node": number(posted.get("source_node"))}
    if source == Source.ARCHIVE:
        if not posted.get("archive"):
            raise InvalidInput({"archive": _("Choose a file, for example image.tar.")})
        return {"source": source, "archive": path_of(str(posted["archive"]))}
    return {"source": Source.AUTO if source == Source.AUTO else Source.REGISTRY}


def shown_source(posted: QueryDict, *, usual: str = Source.REGISTRY, givers: bool = True) -> dict[str, Any]:
    """What the page offers as sources, and what was chosen in vain."""
    return {
        "source": posted.get("source", usual),
        "source_node": number(posted.get("source_node")),
        "archive": posted.get("archive", ""),
        "givers": list(usable_nodes().order_by("name", "pk")[:NODES_SHOWN]) if givers else [],
    }


def number(text: str | None) -> int:
    """An id; 0 for what is none."""
    return int(text) if text and text.isdecimal() and len(text) < 19 else 0


def _image_text(image: ImageRegistry) -> str:
    text = f"{image.name} – {image.address}"
    return text if image.is_listed else f"{text} ({_('unlisted')})"
