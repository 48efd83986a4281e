"""The catalogue of everything that can end an attempt to pull, and when the next attempt makes sense. Pure.

Sentences for people are in `pulls.failure_texts`; `docs/errors.md` shows both together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from pulls.engine_words import recognise
from pulls.evidence import tidy

LONGEST_REQUESTED_DELAY = 86400.0  # seconds: the most that a registry's Retry-After can hold up a pull
_JITTER = 0.5  # of the delay, so that many pulls that failed together do not come back together


@dataclass(frozen=True)
class Failure:
    """One failure that happened. `retry_after` is the wait in seconds that the other side asked for."""

    code: str
    transient: bool
    retry_after: float | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class FailureKind:
    """How to treat a code. `max_attempts` counts from the first attempt of a job; None means the job's own limit.

    `first_delay` and `longest_delay` are seconds; the delay doubles with every attempt in between.
    """

    code: str
    transient: bool
    max_attempts: int | None
    first_delay: float = 5.0
    longest_delay: float = 300.0


def permanent(code: str) -> FailureKind:
    """Until somebody changes something, it fails in the same way."""
    return FailureKind(code, transient=False, max_attempts=1)


def transient(code: str, *, first_delay: float = 5.0, longest_delay: float = 300.0) -> FailureKind:
    return FailureKind(code, True, None, first_delay, longest_delay)


def once_more(code: str) -> FailureKind:
    """Mostly permanent, sometimes chance: worth one more attempt, not five."""
    return FailureKind(code, transient=True, max_attempts=2)


_KINDS = (
    # the way to the registry
    once_more("registry_dns"),
    once_more("docker_hub_unreachable"),
    transient("registry_refused"),
    transient("registry_timeout"),
    transient("registry_reset"),
    transient("registry_unreachable"),
    once_more("registry_proxy"),
    transient("registry_rate_limited", first_delay=120.0, longest_delay=600.0),
    transient("registry_server_error"),
    once_more("registry_bad_answer"),
    # TLS
    permanent("registry_tls_unknown_ca"),
    permanent("registry_tls_host_mismatch"),
    permanent("registry_tls_expired"),
    permanent("registry_tls_failed"),
    permanent("registry_plain_http"),
    permanent("registry_ca_invalid"),
    # who may
    permanent("registry_unauthorized"),
    permanent("registry_credentials_missing"),
    permanent("registry_denied"),
    once_more("registry_auth_expired"),
    permanent("registry_token_insecure"),
    permanent("registry_policy_blocked"),
    permanent("image_access_denied"),
    permanent("image_not_listed"),
    permanent("node_not_listed"),
    # the image in the registry
    permanent("image_not_found"),
    permanent("repository_not_found"),
    permanent("digest_not_found"),
    permanent("platform_missing"),
    permanent("platform_mismatch"),
    permanent("platform_invalid"),
    permanent("image_incomplete"),
    permanent("layer_missing"),
    once_more("layer_corrupt"),
    once_more("registry_digest_mismatch"),
    permanent("not_an_image"),
    permanent("schema1_unsupported"),
    permanent("manifest_unsupported"),
    permanent("invalid_reference"),
    # the image on the node
    permanent("no_space_left"),
    once_more("layer_unpack_failed"),
    permanent("too_many_layers"),
    once_more("node_storage_failed"),
    transient("node_out_of_resources"),
    once_more("digest_mismatch"),
    once_more("image_absent_after_pull"),
    permanent("node_gone"),
    # another node or an archive as the source
    transient("source_lost"),
    once_more("source_refused"),
    once_more("source_image_gone"),
    once_more("source_disk_full"),
    permanent("source_gone"),
    permanent("archive_missing"),
    permanent("archive_invalid"),
    permanent("archive_ambiguous"),
    permanent("archive_others"),
    once_more("archive_damaged"),
    once_more("transfer_mismatch"),
    # the engine
    transient("engine_refused"),
    transient("engine_timeout"),
    once_more("engine_host_unknown"),
    transient("engine_unreachable"),
    transient("engine_gone"),
    transient("engine_restarted"),
    transient("engine_server_error"),
    permanent("engine_rejected"),
    permanent("engine_not_docker"),
    permanent("engine_bad_address"),
    permanent("engine_api_too_old"),
    permanent("engine_api_too_new"),
    permanent("engine_tls_client_certificate"),
    permanent("engine_tls_wrong_ca"),
    permanent("engine_tls_wrong_host"),
    permanent("engine_tls_expected"),
    permanent("engine_tls_unexpected"),
    permanent("engine_tls_failed"),
    permanent("engine_tls_key_invalid"),
    permanent("engine_socket_missing"),
    permanent("engine_socket_permission"),
    permanent("engine_ssh_host_key"),
    permanent("engine_ssh_auth"),
    permanent("engine_ssh_failed"),
    # the job
    transient("stalled"),
    permanent("cancelled"),
    transient("worker_lost"),
    transient("database_away"),
    permanent("secret_unreadable"),
    once_more("internal_error"),
    once_more("unknown"),
)
CATALOGUE: Mapping[str, FailureKind] = MappingProxyType({kind.code: kind for kind in _KINDS})


def classify_engine_text(text: str, *, status: int | None, credentials_sent: bool | None = None) -> Failure:
    """The failure behind an engine's own words about a pull.

    `status` is the HTTP status they came with, None when they came as an event inside a stream.
    `credentials_sent`, where the caller knows it, tells wrong credentials from missing ones; engines mix these up.
    """
    code, params = recognise(text, status=status)
    if code == "registry_unauthorized" and credentials_sent is False:
        code = "registry_credentials_missing"
    elif code == "registry_credentials_missing" and credentials_sent:
        code = "registry_unauthorized"
    return failure(code, evidence=text, params=params)


def failure(
    code: str,
    *,
    evidence: str = "",
    retry_after: float | None = None,
    params: Mapping[str, object] | None = None,
    among: Mapping[str, FailureKind] = CATALOGUE,
) -> Failure:
    """A failure whose code is known already. Raises KeyError for a code that is not in the catalogue."""
    return Failure(
        code=code,
        transient=among[code].transient,
        retry_after=retry_after,
        params={name: _text(value) for name, value in (params or {}).items()},
        evidence=tidy(evidence),
    )


def retry_delay(
    *, attempt: int, failure: Failure, jitter: float, among: Mapping[str, FailureKind] = CATALOGUE
) -> float:
    """Seconds from the end of attempt number `attempt` (the first is 1) to the next one; `jitter` is in [0, 1).

    Doubles from the kind's first delay to its longest, jitter included: 5 s to 300 s for most. What the other side
    asked for is kept, and not exceeded by more than a tenth, but never waits longer than a day.
    """
    if failure.retry_after is not None:
        return min(max(failure.retry_after, 1.0) * (1 + jitter / 10), LONGEST_REQUESTED_DELAY)
    kind = among[failure.code]
    doublings = min(max(attempt, 1) - 1, 16)
    delay = min(kind.first_delay * 2.0**doublings, kind.longest_delay / (1 + _JITTER))
    return delay * (1 + _JITTER * jitter)


def _text(value: object) -> str:
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return str(value)
