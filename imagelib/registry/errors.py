"""The one exception of the registry client and its codes."""

from __future__ import annotations

from collections.abc import Mapping

# The codes are shared with the catalogue of pull failures, which has cause and advice for each.
CODES = frozenset(
    {
        # the way to the registry
        "registry_dns",  # the name does not resolve
        "registry_refused",  # nobody listens on the port
        "registry_timeout",  # no connection or no answer in time
        "registry_reset",  # the connection broke before the answer was complete
        "registry_unreachable",  # no route to the host
        # TLS
        "registry_tls_unknown_ca",
        "registry_tls_host_mismatch",
        "registry_tls_expired",  # or not valid yet
        "registry_tls_failed",  # any other failed handshake
        "registry_plain_http",  # HTTPS was asked, plain HTTP answered
        "registry_ca_invalid",  # our own setting: the CA certificate is not PEM
        # who may
        "registry_unauthorized",  # the credentials are wrong
        "registry_credentials_missing",  # none were given; the repository may also not exist
        "registry_denied",  # known, but not allowed; the repository may also not exist
        "registry_token_insecure",  # the credentials would cross the network unencrypted
        # what is there
        "image_not_found",
        "repository_not_found",
        "platform_missing",  # params: platforms, wanted
        "image_incomplete",  # a manifest names a part that the registry does not have
        "not_an_image",  # a chart, a plugin or another artifact
        "schema1_unsupported",  # only the format of 2015 is there
        # how the registry does
        "registry_rate_limited",
        "registry_server_error",
        "registry_bad_answer",  # it answers, but not like a registry
        "registry_digest_mismatch",  # the content is not what its digest says
    }
)

# No registry gave these answers: something is in the way between here and it, and a node may well have another way.
UNREACHABLE_CODES = frozenset(
    {
        "registry_dns",
        "registry_refused",
        "registry_timeout",
        "registry_reset",
        "registry_unreachable",
        "registry_tls_unknown_ca",
        "registry_tls_host_mismatch",
        "registry_tls_expired",
        "registry_tls_failed",
        "registry_plain_http",
        "registry_ca_invalid",
        "registry_bad_answer",
    }
)


class RegistryError(Exception):
    """A registry could not be used. `code` is one of CODES.

    `evidence` is the registry's (or the network's) own words, at most 500 characters, free of credentials and tokens.
    `retry_after` is the wait in seconds that the registry asked for. `params` feed the sentence for `code`.
    """

    def __init__(
        self,
        code: str,
        evidence: str = "",
        retry_after: float | None = None,
        params: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(code)  # only the code: `evidence` is cleaned of secrets after the fact
        self.code = code
        self.evidence = evidence
        self.retry_after = retry_after
        self.params = dict(params or {})

    def __str__(self) -> str:
        return f"{self.code}: {self.evidence}" if self.evidence else self.code
