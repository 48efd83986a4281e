"""What the image library's pages may show of an image's examination: they lie below this app and cannot ask it."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext as _

from imagelib.addresses import AddressError
from imagelib.models import ImageRegistry
from imagelib.references import Endpoints
from instances.accelerators.registry import CARDS
from instances.examination_texts import advice, cause
from instances.preflight import last_seen
from instances.preload import judge

register = template.Library()


@register.simple_tag
def slices_of_image(image: ImageRegistry) -> list[dict[str, str]]:
    """Why slices cannot be had, whatever the node, with an image whose entry allows them:
    `[{title, cause, advice}]`."""
    if not image.supports_vgpu:
        return []
    try:
        reference = Endpoints().effective(image.address).reference.canonical
    except AddressError:
        return []
    found = judge(None, last_seen(reference), CARDS.PRELOADED, node="")
    titles = {True: _("Slices cannot be had with this image"), False: _("Slices may not be limited with this image")}
    return [
        {"title": titles[one.refuses], "cause": cause(one.code, one.params), "advice": advice(one.code)}
        for one in found
    ]
