"""Registry endpoints: `host[:port][/namespace…]`, and which of several an image belongs to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

from imagelib.addresses.errors import AddressError
from imagelib.addresses.grammar import DOCKER_HUB, check_path, check_text, is_host, normal_host
from imagelib.addresses.reference import ImageReference

Scheme = Literal["http", "https"]

_SCHEME = re.compile(r"(https?)://", re.IGNORECASE)
# `docker login` and its configuration file call Docker Hub "https://index.docker.io/v1/".
_DOCKER_HUB_API = "v1"


@dataclass(frozen=True, slots=True)
class EndpointAddress:
    """A registry host, and the namespace in it or ""; `scheme` only if one was written."""

    host: str  # lower case: "docker.io", "registry.example.com:5000", "[::1]:5000"
    namespace: str = ""  # "team/project"
    scheme: Scheme | None = None

    @property
    def prefix(self) -> str:
        """The beginning that its images have in common: `registry.example.com:5000/team`."""
        return "/".join([self.host, *self.segments])

    @property
    def segments(self) -> list[str]:
        return self.namespace.split("/") if self.namespace else []

    def covers(self, reference: ImageReference) -> bool:
        """Same host, and a prefix by whole segments: `r.io/a` covers `r.io/a/x`, not `r.io/ab/x`."""
        if self.host != reference.host:
            return False
        return reference.repository.split("/")[: len(self.segments)] == self.segments


def parse_endpoint(text: str) -> EndpointAddress:
    """Read `[http[s]://]host[:port][/namespace…]`; raises `AddressError`.

    Slashes at the end are ignored. A host needs a dot or a port (or is `localhost`), as in an image address:
    Docker would take `harbor/app` for an image on Docker Hub.
    """
    check_text(text)
    match = _SCHEME.match(text)
    address = (text[match.end() :] if match else text).rstrip("/")
    _refuse_other_forms(address)
    head, slash, namespace = address.partition("/")
    if not is_host(head):
        raise AddressError("endpoint_host")
    host = normal_host(head)
    if ":" in namespace:
        raise AddressError("endpoint_is_image")
    if slash:
        check_path(namespace)
    if host == DOCKER_HUB and namespace == _DOCKER_HUB_API:
        namespace = ""
    return EndpointAddress(host, namespace, cast(Scheme, match.group(1).lower()) if match else None)


def best_endpoint(reference: ImageReference, endpoints: Sequence[str]) -> int | None:
    """Index of the endpoint that covers the reference with the longest namespace; None if none covers it.

    Of equal ones the first wins. A text that is no endpoint covers nothing: one bad row must not keep images
    that have nothing to do with it from being pulled.
    """
    return best_parsed(reference, [endpoint_or_none(text) for text in endpoints])


def best_parsed(reference: ImageReference, endpoints: Sequence[EndpointAddress | None]) -> int | None:
    """As `best_endpoint`, for endpoints that were parsed before because many references are looked up."""
    best, best_length = None, -1
    for index, endpoint in enumerate(endpoints):
        if endpoint and endpoint.covers(reference) and len(endpoint.segments) > best_length:
            best, best_length = index, len(endpoint.segments)
    return best


def endpoint_or_none(text: str) -> EndpointAddress | None:
    """`parse_endpoint`, None for a text that is no endpoint."""
    try:
        return parse_endpoint(text)
    except AddressError:
        return None


def _refuse_other_forms(address: str) -> None:
    if "://" in address:
        raise AddressError("endpoint_scheme")
    _, at, digest = address.rpartition("@")
    if at:
        raise AddressError("endpoint_is_image" if digest.startswith("sha256:") else "endpoint_credentials")
    if not address.isascii():
        raise AddressError("not_ascii")
