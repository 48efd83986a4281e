"""How an AppImage's image relates to the image library: operators curate what may be run there, for AppImages too."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.utils.translation import gettext_lazy as _

from core.errors import PermissionRefused
from core.rows import save_row
from imagelib.addresses import AddressError, join_tag
from imagelib.models import ImageRegistry
from imagelib.references import Endpoints, effective_or_invalid

_LONGEST_ADDRESS = 500


def address_of(document: dict[str, Any]) -> str:
    """What the document's image is called, as in the image library."""
    image = document["image"]
    return join_tag(image.get("name") or "", image.get("tag") or "")


def entry_of(document: dict[str, Any], *, user: Any) -> ImageRegistry:
    """The library's entry that means the same image, listed ones first.

    Users may run what is listed. For operators an entry that is missing is made, unlisted, so that what runs is in the
    library all the same. Raises `InvalidInput`, and `PermissionRefused` naming the image.
    """
    endpoints = Endpoints()
    address = address_of(document)
    wanted = effective_or_invalid(address, field="image", endpoints=endpoints).reference
    last = wanted.repository.rpartition("/")[2]
    alike = ImageRegistry.objects.filter(address__contains=last).order_by("-is_listed", "pk")
    for row in alike if user.is_staff else alike.filter(is_listed=True):
        with suppress(AddressError):  # stored by an older grammar
            if endpoints.effective(row.address).reference.canonical == wanted.canonical:
                return row
    if not user.is_staff:
        text = _("%(reference)s is not listed in the image library. Ask an operator to list it.")
        raise PermissionRefused(text % {"reference": wanted.canonical}, code="image_not_listed")
    made = ImageRegistry(name=wanted.canonical[:255], address=address[:_LONGEST_ADDRESS], is_listed=False)
    save_row(made, fields=[], duplicate=_("There is an entry with this name and address already."))
    return made
