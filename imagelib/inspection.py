"""Preflight: ask the registry about an image or an endpoint without pulling anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.errors import SecretUnreadable
from imagelib.failure_texts import registry_failure_text
from imagelib.models import RegistryEndpoint
from imagelib.references import Effective, effective_or_invalid, open_registry
from imagelib.registry import UNREACHABLE_CODES, RegistryError


def check_address(address: str) -> dict[str, Any]:
    """`{reachable, exists, digest, platforms: [{platform, size_bytes}], effective_reference, …, error}`.

    `reachable` is from this server; a node may sit in another network. `exists` is None when that is unknown.
    Takes up to 10 s; to be called outside any transaction.
    """
    effective = effective_or_invalid(address)
    answer = effective.as_dict() | {
        "reachable": True,
        "exists": True,
        "digest": "",
        "platforms": [],
        "error": None,
    }
    try:
        return answer | _describe(effective)
    except RegistryError as error:
        return answer | _refusal(error, effective.reference.host)
    except SecretUnreadable as error:
        return answer | {"reachable": None, "exists": None, "error": _problem(error.code, str(error))}


def check_endpoint(endpoint: RegistryEndpoint) -> dict[str, Any]:
    """`{reachable, accepted, error}`: does the registry answer, and does it take these credentials?"""
    host = endpoint.endpoint.partition("/")[0]
    try:
        with open_registry(host, endpoint, somebody_waits=True) as client:
            client.ping()
    except RegistryError as error:
        answered = error.code not in UNREACHABLE_CODES
        problem = _problem(error.code, error.evidence, {"host": host, **error.params})
        return {"reachable": answered, "accepted": False, "error": problem}
    except SecretUnreadable as error:
        return {"reachable": None, "accepted": None, "error": _problem(error.code, str(error))}
    return {"reachable": True, "accepted": True, "error": None}


_ABSENT = frozenset({"image_not_found", "repository_not_found", "digest_not_found"})


def _describe(effective: Effective) -> dict[str, Any]:
    reference = effective.reference
    with open_registry(reference.host, effective.endpoint, somebody_waits=True) as client:
        found = client.describe(reference.repository, reference.remote)
    sizes = {str(item.platform): item.layers_size if item.sizes_known else None for item in found.manifests}
    platforms = [{"platform": str(item), "size_bytes": sizes.get(str(item))} for item in found.platforms]
    return {"digest": found.digest, "platforms": platforms}


def _refusal(error: RegistryError, host: str) -> dict[str, Any]:
    return {
        "reachable": error.code not in UNREACHABLE_CODES,
        "exists": False if error.code in _ABSENT else None,
        "error": _problem(error.code, error.evidence, {"host": host, **error.params}),
    }


def _problem(code: str, evidence: str, params: Mapping[str, object] | None = None) -> dict[str, Any]:
    text = registry_failure_text(code, params)
    return {"code": code, "cause": str(text.cause), "advice": str(text.advice), "evidence": evidence}
