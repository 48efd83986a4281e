"""The one exception tree of the engine gateway. Codes and evidence only: sentences for people are made elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# code -> would trying again later, with nothing changed by anybody, be reasonable?
CODES: Mapping[str, bool] = MappingProxyType(
    {
        "engine_refused": True,  # nothing listens there (now)
        "engine_timeout": True,  # no answer: packets dropped, or an engine that accepts and never answers
        "engine_host_unknown": False,  # the name does not resolve
        "engine_unreachable": True,  # no route to the host
        "engine_tls_client_certificate": False,  # the engine wants a client certificate, or another one
        "engine_tls_wrong_ca": False,  # our CA did not sign the engine's certificate
        "engine_tls_wrong_host": False,  # the engine's certificate is for another name or address
        "engine_tls_expected": False,  # plain client on a TLS port
        "engine_tls_unexpected": False,  # TLS client on a plain port
        "engine_tls_failed": False,  # any other TLS failure: expired, no common version, …
        "engine_tls_key_invalid": False,  # our PEM texts are broken or do not belong together
        "engine_socket_missing": False,
        "engine_socket_permission": False,
        "engine_api_too_old": False,
        "engine_api_too_new": False,
        "engine_not_docker": False,  # something answers, and it is not a Docker engine
        "engine_bad_address": False,
        "engine_ssh_host_key": False,  # unknown or changed host key
        "engine_ssh_auth": False,
        "engine_ssh_failed": False,  # the remote docker command did not start, protocol errors
        "engine_server_error": True,  # the engine, or a proxy before it, answers 5xx or 429 to everything
        "engine_gone": True,  # the connection broke while it was in use
        "engine_rejected": False,  # the engine answered, and said no: see `EngineRejected`
    }
)


class EngineError(Exception):
    """An engine could not be used.

    `code` is a key of `CODES`; `transient` says whether a retry may help (the code's own default unless given);
    `evidence` is the telling text of the cause: at most 500 characters, without secrets.
    """

    def __init__(self, code: str, evidence: str = "", transient: bool | None = None) -> None:
        self.code = code
        self.evidence = evidence
        self.transient = CODES[code] if transient is None else transient
        super().__init__(code, evidence, self.transient)

    def __str__(self) -> str:
        return f"{self.code}: {self.evidence}" if self.evidence else self.code


class EngineRejected(EngineError):
    """The engine answered and refused; `evidence` is its own text.

    `status` is the HTTP status, or None when the refusal came as an `error` event inside a 200 stream. The status
    hides the registry's one and differs between engines (docker-engine.md §3), so `transient` is False here and
    whoever knows the context classifies by the text.
    """

    def __init__(self, status: int | None, evidence: str) -> None:
        super().__init__("engine_rejected", evidence, transient=False)
        self.status = status
        self.args = (status, evidence)  # what copying and pickling call the class with
