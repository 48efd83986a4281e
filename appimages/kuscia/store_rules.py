"""What Kubernetes refuses when Kuscia stores an AppImage: rules of the CRD that Kuscia itself does not check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appimages.kuscia.refusals import refused_by_store
from appimages.names import is_name
from core.dialects.kuscia import Refusal

PROTOCOLS, SCOPES = ("HTTP", "GRPC"), ("Cluster", "Domain", "Local")
_SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character, and so must each part between dots (e.g. 'example.com')"
)


def refuse_what_the_store_would(name: str, document: Mapping[str, Any], *, code: int) -> None:
    """Raises `Refusal` with `code` for the first fault."""
    if "image" in document and not is_name(name):
        raise Refusal(code, refused_by_store(name, "metadata.name", f'Invalid value: "{name}": {_SUBDOMAIN}'))
    for at, template in enumerate(document.get("deployTemplates", [])):
        for index, container in enumerate(template["spec"]["containers"]):
            for number, port in enumerate(container.get("ports", [])):
                path = f"spec.deployTemplates[{at}].spec.containers[{index}].ports[{number}]"
                for key, allowed in (("protocol", PROTOCOLS), ("scope", SCOPES)):
                    if port[key] not in allowed:
                        raise Refusal(code, refused_by_store(name, f"{path}.{key}", _unsupported(port[key], allowed)))


def _unsupported(value: str, allowed: tuple[str, ...]) -> str:
    return f'Unsupported value: "{value}": supported values: ' + ", ".join(f'"{one}"' for one in allowed)
