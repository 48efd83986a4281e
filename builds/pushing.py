"""Where the images of an application may go: builds push with logins that operators stored, so operators say where.

The application's owner counts, today, not who saves or starts it, as with the logins for base images; and of several
endpoints that one whose login is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from imagelib.addresses import parse, parse_endpoint
from imagelib.models import RegistryEndpoint
from imagelib.pushing import EVERYWHERE, common_places, is_within, places_of
from imagelib.references import Endpoints

NOT_ALLOWED = "target_not_allowed"


@dataclass(frozen=True, slots=True)
class Objection:
    """`places`: namespaces below `endpoint` where the application may push; none at all if empty."""

    endpoint: RegistryEndpoint
    places: list[str]

    def sentence(self, user: Any) -> str:
        told = {"registry": self.endpoint.name, "user": user.get_username() if user else _("nobody")}
        if not self.places:
            text = _(
                "Applications of %(user)s may push nowhere below the registry endpoint “%(registry)s”. Choose another "
                "one, or ask an operator to name a namespace under Registry endpoints, “users may push to”: for "
                "example team-a."
            )
            return text % told
        text = _(
            "Below the registry endpoint “%(registry)s”, applications of %(user)s may push to %(places)s. Use for "
            "example the namespace %(first)s, or ask an operator to name another one under Registry endpoints, “users "
            "may push to”."
        )
        return text % {**told, "places": ", ".join(self.places), "first": self.places[0]}


def objection_to(repository: str, owner: Any, endpoints: Endpoints) -> Objection | None:
    """Why applications of this owner may not push an image of this name; None: they may."""
    reference = parse(repository)
    endpoint = endpoints.for_reference(reference)
    if endpoint is None or is_trusted(owner):  # without an endpoint there is no login to lend
        return None
    places = places_below(endpoint, owner)
    path = reference.repository.split("/")[len(parse_endpoint(endpoint.endpoint).segments) : -1]
    return None if is_within("/".join(path), places) else Objection(endpoint, places)


def places_below(endpoint: RegistryEndpoint, owner: Any) -> list[str]:
    """Namespaces, or `*`. An application without an owner has nobody's own."""
    if owner is None:
        return common_places(endpoint.users_push_to)
    return places_of(endpoint.users_push_to, username=owner.get_username(), pk=owner.pk)


def usual_namespace(endpoint: RegistryEndpoint, owner: Any) -> str:
    """Where a new application's images go if nobody says it."""
    places = [] if is_trusted(owner) else places_below(endpoint, owner)
    return "" if EVERYWHERE in places else next(iter(places), "")


def is_trusted(owner: Any) -> bool:
    return owner is not None and owner.is_active and owner.is_staff
