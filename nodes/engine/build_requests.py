"""The parameters and headers of a build. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from .build_types import BUILDKIT, BuildSpec
from .types import RegistryAuth

HUB = "docker.io"
HUB_KEY = "https://index.docker.io/v1/"  # what engines look its credentials up by
_PERIOD = 100_000  # microseconds, the usual


def build_query(spec: BuildSpec, builder: str) -> dict[str, str]:
    query = {
        "version": "2" if builder == BUILDKIT else "1",
        "t": spec.tag,
        "dockerfile": spec.dockerfile,
        "rm": "1",
        "forcerm": "1",
        "buildargs": json.dumps(dict(spec.arguments)),
        "labels": json.dumps(dict(spec.labels)),
    }
    if spec.network:
        query["networkmode"] = spec.network
    if spec.pull:
        query["pull"] = "1"
    if spec.no_cache:
        query["nocache"] = "1"
    return query if builder == BUILDKIT else query | _limits(spec)


def _limits(spec: BuildSpec) -> dict[str, str]:
    query: dict[str, str] = {}
    if spec.memory_bytes is not None:
        # without a limit of its own the swap would be as much again
        query |= {"memory": str(spec.memory_bytes), "memswap": str(spec.memory_bytes)}
    if spec.cpus is not None:
        query |= {"cpuperiod": str(_PERIOD), "cpuquota": str(round(spec.cpus * _PERIOD))}
    return query


def registry_config(auths: Mapping[str, RegistryAuth]) -> dict[str, str]:
    """The header with the credentials for the base images of one build. Always there, as with a pull."""
    logins = {
        HUB_KEY if host == HUB else host: {"username": auth.username, "password": auth.password}
        for host, auth in auths.items()
    }
    return {"X-Registry-Config": base64.urlsafe_b64encode(json.dumps(logins).encode()).decode()}


def secrets_of(spec: BuildSpec) -> tuple[str, ...]:
    """Texts that no evidence may show."""
    hidden = (content.decode("utf-8", "replace").strip() for content in spec.secrets.values())
    return (*(auth.password for auth in spec.auths.values()), *hidden)
