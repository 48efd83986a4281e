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


def _permanent(code: str) -> FailureKind:
    """Until somebody changes something, it fails in the same way."""
    return FailureKind(code, transient=False, max_attempts=1)


def _transient(code: str, *, first_delay: float = 5.0, longest_delay: float = 300.0) -> FailureKind:
    return FailureKind(code, True, None, first_delay, longest_delay)


def _once_more(code: str) -> FailureKind:
    """Mostly permanent, sometimes chance: worth one more attempt, not five."""
    return FailureKind(code, transient=True, max_attempts=2)


_KINDS = (
    # the way to the registry
    _once_more("registry_dns"),
    _once_more("docker_hub_unreachable"),
    _transient("registry_refused"),
    _transient("registry_timeout"),
    _transient("registry_reset"),
    _transient("registry_unreachable"),
    _once_more("registry_proxy"),
    _transient("registry_rate_limited", first_delay=120.0, longest_delay=600.0),
    _transient("registry_server_error"),
    _once_more("registry_bad_answer"),
    # TLS
    _permanent("registry_tls_unknown_ca"),
    _permanent("registry_tls_host_mismatch"),
    _permanent("registry_tls_expired"),
    _permanent("registry_tls_failed"),
    _permanent("registry_plain_http"),
    _permanent("registry_ca_invalid"),
    # who may
    _permanent("registry_unauthorized"),
    _permanent("registry_credentials_missing"),
    _permanent("registry_denied"),
    _once_more("registry_auth_expired"),
    _permanent("registry_token_insecure"),
    _permanent("registry_policy_blocked"),
    _permanent("image_access_denied"),
    _permanent("image_not_listed"),
    _permanent("node_not_listed"),
    # the image in the registry
    _permanent("image_not_found"),
    _permanent("repository_not_found"),
    _permanent("digest_not_found"),
    _permanent("platform_missing"),
    _permanent("platform_mismatch"),
    _permanent("platform_invalid"),
    _permanent("image_incomplete"),
    _permanent("layer_missing"),
    _once_more("layer_corrupt"),
    _once_more("registry_digest_mismatch"),
    _permanent("not_an_image"),
    _permanent("schema1_unsupported"),
    _permanent("manifest_unsupported"),
    _permanent("invalid_reference"),
    # the image on the node
    _permanent("no_space_left"),
    _once_more("layer_unpack_failed"),
    _permanent("too_many_layers"),
    _once_more("node_storage_failed"),
    _transient("node_out_of_resources"),
    _once_more("digest_mismatch"),
    _once_more("image_absent_after_pull"),
    _permanent("node_gone"),
    # another node or an archive as the source
    _transient("source_lost"),
    _once_more("source_refused"),
    _once_more("source_image_gone"),
    _once_more("source_disk_full"),
    _permanent("source_gone"),
    _permanent("archive_missing"),
    _permanent("archive_invalid"),
    _permanent("archive_ambiguous"),
    _permanent("archive_others"),
    _once_more("archive_damaged"),
    _once_more("transfer_mismatch"),
    # the engine
    _transient("engine_refused"),
    _transient("engine_timeout"),
    _once_more("engine_host_unknown"),
    _transient("engine_unreachable"),
    _transient("engine_gone"),
    _transient("engine_restarted"),
    _transient("engine_server_error"),
    _permanent("engine_rejected"),
    _permanent("engine_not_docker"),
    _permanent("engine_bad_address"),
    _permanent("engine_api_too_old"),
    _permanent("engine_api_too_new"),
    _permanent("engine_tls_client_certificate"),
    _permanent("engine_tls_wrong_ca"),
    _permanent("engine_tls_wrong_host"),
    _permanent("engine_tls_expected"),
    _permanent("engine_tls_unexpected"),
    _permanent("engine_tls_failed"),
    _permanent("engine_tls_key_invalid"),
    _permanent("engine_socket_missing"),
    _permanent("engine_socket_permission"),
    _permanent("engine_ssh_host_key"),
    _permanent("engine_ssh_auth"),
    _permanent("engine_ssh_failed"),
    # the job
    _transient("stalled"),
    _permanent("cancelled"),
    _transient("worker_lost"),
    _transient("database_away"),
    _permanent("secret_unreadable"),
    _once_more("internal_error"),
    _once_more("unknown"),
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
) -> Failure:
    """A failure whose code is known already. Raises KeyError for a code that is not in the catalogue."""
    return Failure(
        code=code,
        transient=CATALOGUE[code].transient,
        retry_after=retry_after,
        params={name: _text(value) for name, value in (params or {}).items()},
        evidence=tidy(evidence),
    )


def retry_delay(*, attempt: int, failure: Failure, jitter: float) -> float:
    """Seconds from the end of attempt number `attempt` (the first is 1) to the next one; `jitter` is in [0, 1).

    Doubles from the kind's first delay to its longest, jitter included: 5 s to 300 s for most. What the other side
    asked for is kept, and not exceeded by more than a tenth, but never waits longer than a day.
    """
    if failure.retry_after is not None:
        return min(max(failure.retry_after, 1.0) * (1 + jitter / 10), LONGEST_REQUESTED_DELAY)
    kind = CATALOGUE[failure.code]
    doublings = min(max(attempt, 1) - 1, 16)
    delay = min(kind.first_delay * 2.0**doublings, kind.longest_delay / (1 + _JITTER))
    return delay * (1 + _JITTER * jitter)


def _text(value: object) -> str:
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return str(value)
