"""From an address as typed to the reference that is pulled, and the credentials that go with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import InvalidInput
from imagelib.address_texts import address_error_text, warning_text
from imagelib.addresses import AddressError, ImageReference, best_parsed, endpoint_or_none, join_tag, resolve
from imagelib.models import RegistryEndpoint
from imagelib.registry import RegistryClient


@dataclass(frozen=True, slots=True)
class Effective:
    """What an address means now: depends on the default registry and on the endpoints that exist."""

    reference: ImageReference
    warnings: tuple[Any, ...]  # sentences
    endpoint: RegistryEndpoint | None  # whose credentials, certificate and insecure flag apply

    def as_dict(self) -> dict[str, Any]:
        return {
            "effective_reference": self.reference.canonical,
            "warnings": [str(text) for text in self.warnings],
            "registry": {"id": self.endpoint.pk, "name": self.endpoint.name} if self.endpoint else None,
            "credentials": bool(self.endpoint and self.endpoint.has_credentials),
        }


class Endpoints:
    """The registry endpoints, read once: resolving a page of images costs one query, not one per row."""

    def __init__(self, rows: Sequence[RegistryEndpoint] | None = None) -> None:
        self._rows = list(RegistryEndpoint.objects.all()) if rows is None else list(rows)
        # Rows that no service wrote (an import, an older grammar) may be unusable: they count as not there.
        self._addresses = [endpoint_or_none(row.endpoint) for row in self._rows]
        usable = zip(self._rows, self._addresses, strict=True)
        self._default = next((address for row, address in usable if row.is_default and address), None)

    def effective(self, address: str) -> Effective:
        """Raises `AddressError` for `address`, never for what is stored."""
        resolution = resolve(address, default_endpoint=self._default)
        warnings = tuple(warning_text(warning.code, warning.params) for warning in resolution.warnings)
        return Effective(resolution.reference, warnings, self.for_reference(resolution.reference))

    def for_reference(self, reference: ImageReference) -> RegistryEndpoint | None:
        """The endpoint with the longest path prefix on the reference's own host; never another host's."""
        index = best_parsed(reference, self._addresses)
        return None if index is None else self._rows[index]


def effective_or_invalid(address: str, *, field: str = "address", endpoints: Endpoints | None = None) -> Effective:
    """As `Endpoints.effective`, with the address's fault as `InvalidInput` of `field`."""
    try:
        return (endpoints or Endpoints()).effective(address)
    except AddressError as error:
        raise InvalidInput({field: address_error_text(error.code, error.params)}) from None


def effective_image(*, name: str, tag: str) -> Effective:
    """What an image that is given as name and tag means now; its fault is `InvalidInput` of one of the two."""
    try:
        return Endpoints().effective(join_tag(name, tag))
    except AddressError as error:
        of_tag = error.code == "tag_invalid" or (error.code == "digest_invalid" and tag.startswith("sha256:"))
        raise InvalidInput(
            {"tag" if tag and of_tag else "name": address_error_text(error.code, error.params)}
        ) from None


def open_registry(host: str, endpoint: RegistryEndpoint | None, *, somebody_waits: bool = False) -> RegistryClient:
    """A client for `host` with the endpoint's credentials, if it has both halves. Raises `SecretUnreadable`.

    `somebody_waits`: a page is being loaded, so a registry that is slow to answer is given up within seconds.
    """
    options: dict[str, Any] = {}
    if somebody_waits:
        options |= {"timeout": (3.0, 5.0), "answer_seconds": 8.0, "total_seconds": 9.0}
    if endpoint is not None:
        options |= {"insecure": endpoint.insecure, "ca_pem": endpoint.ca_certificate}
        if endpoint.has_credentials:
            options |= {"username": endpoint.username, "password": endpoint.password.reveal()}
    return RegistryClient(host, **options)
