"""Which image an address means when a default registry is configured."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from imagelib.addresses.endpoints import EndpointAddress, parse_endpoint
from imagelib.addresses.grammar import DOCKER_HUB, OFFICIAL_NAMESPACE, names_host
from imagelib.addresses.reference import ImageReference, parse

WarningCode = Literal["namespace_dropped", "host_kept", "deep_path_kept", "tag_missing"]


@dataclass(frozen=True, slots=True)
class AddressWarning:
    """What the user should know about a valid address; `params` are parts of parsed addresses."""

    code: WarningCode
    params: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resolution:
    """The image that will be pulled, and what to tell the user about how it was found."""

    reference: ImageReference
    warnings: tuple[AddressWarning, ...] = ()


_Placed = tuple[ImageReference, tuple[AddressWarning, ...]]


def resolve(text: str, *, default_endpoint: str | EndpointAddress | None) -> Resolution:
    """Apply the default registry (as text, parsed, or None) to an image address; raises `AddressError` for either.

    `app` and `namespace/app` move to `default_endpoint/app`, as in Kuscia: the endpoint says where images
    are, and switching it moves every short name. The namespace is replaced, with a warning if it gets lost.
    An address that names a host is always respected (Kuscia documents that, but its code moves `host/app`).
    Three or more parts without a host stay on Docker Hub.
    Docker Hub itself as the default, without a namespace, changes nothing: `bitnami/redis` stays what it is.
    """
    if isinstance(default_endpoint, str) and default_endpoint:
        default_endpoint = parse_endpoint(default_endpoint)
    endpoint = default_endpoint or EndpointAddress(DOCKER_HUB)
    reference, warnings = _place(parse(text), endpoint, host_named=names_host(text))
    return Resolution(reference, (*warnings, *_version_warnings(reference)))


def _place(reference: ImageReference, endpoint: EndpointAddress, *, host_named: bool) -> _Placed:
    if endpoint.prefix == DOCKER_HUB:
        return reference, ()
    if host_named:
        return reference, _host_warnings(reference, endpoint)
    return _move(reference, endpoint)


def _move(reference: ImageReference, endpoint: EndpointAddress) -> _Placed:
    *namespace, image = reference.repository.split("/")
    if len(namespace) > 1:
        params = {"path": reference.repository, "endpoint": endpoint.prefix}
        return reference, (AddressWarning("deep_path_kept", params),)
    moved = replace(reference, host=endpoint.host, repository="/".join([*endpoint.segments, image]))
    # "library" is what Docker Hub's short names stand for, so losing it loses nothing.
    if namespace in ([OFFICIAL_NAMESPACE], endpoint.segments[-1:]):
        return moved, ()
    kept = f"{endpoint.host}/{reference.repository}"
    params = {"namespace": namespace[0], "reference": moved.canonical, "kept": kept}
    return moved, (AddressWarning("namespace_dropped", params),)


def _host_warnings(reference: ImageReference, endpoint: EndpointAddress) -> tuple[AddressWarning, ...]:
    if reference.host == endpoint.host:
        return ()
    return (AddressWarning("host_kept", {"host": reference.host, "endpoint": endpoint.prefix}),)


def _version_warnings(reference: ImageReference) -> tuple[AddressWarning, ...]:
    if reference.tag or reference.digest:
        return ()
    return (AddressWarning("tag_missing", {"reference": reference.canonical}),)
