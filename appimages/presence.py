"""What would be pulled for AppImages now, and where that is already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from appimages.models import AppImage
from imagelib.address_texts import address_error_text
from imagelib.addresses import AddressError, join_tag
from imagelib.models import RegistryEndpoint
from imagelib.references import Endpoints
from nodes.services import visible_nodes
from pulls.presence import Place, places_of


@dataclass(frozen=True, slots=True)
class EffectiveImage:
    """`reference` is empty, and `error` says why, when name and tag are no image."""

    reference: str = ""
    registry: RegistryEndpoint | None = None
    warnings: tuple[Any, ...] = ()
    error: Any = ""
    places: tuple[Place, ...] = ()

    @property
    def sends_credentials(self) -> bool:
        return bool(self.registry and self.registry.has_credentials)

    @property
    def differs(self) -> bool:
        """Whether nodes have different images of the same name: the tag was moved between the pulls."""
        return len({place.digest for place in self.places if place.digest}) > 1


def effective_images(rows: Iterable[AppImage], *, user: Any) -> dict[str, EffectiveImage]:
    """By name, with those nodes that the user may see: two queries however many there are."""
    endpoints = Endpoints()
    found = {row.name: _effective(row.document["image"], endpoints) for row in rows}
    references = {image.reference for image in found.values() if image.reference}
    nodes = visible_nodes(user).order_by().values("pk")
    places = places_of(references, nodes) if references else {}
    return {name: _at(image, places) for name, image in found.items()}


def _effective(image: Mapping[str, Any], endpoints: Endpoints) -> EffectiveImage:
    try:
        found = endpoints.effective(join_tag(image["name"], image["tag"]))
    except AddressError as error:  # Kuscia stores what is no address, and so do we
        return EffectiveImage(error=address_error_text(error.code, error.params))
    return EffectiveImage(found.reference.canonical, found.endpoint, found.warnings)


def _at(image: EffectiveImage, places: Mapping[str, list[Place]]) -> EffectiveImage:
    return replace(image, places=tuple(places.get(image.reference, ())))
