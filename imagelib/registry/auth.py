"""Answering a registry's 401: Basic, or Bearer with a token from the registry's token service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from .errors import RegistryError
from .manifests import parse_json
from .redaction import Authorization, Secrets, basic_value
from .replies import error_from_reply, own_words
from .transport import Reply, Transport, is_loopback

_TOKEN_REPLY_LIMIT = 1024 * 1024
_TOKEN = re.compile(r"[\x21-\x7e]+")
# One item of a challenge header: `Bearer` (starts a challenge), `realm="…"` or `error=…` (belongs to the last one).
_ITEM = re.compile(r'[\s,]*([\w!#$%&\'*+.^`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?')


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to authenticate that the registry offers. `scheme` and the names of `params` are lower case."""

    scheme: str
    params: dict[str, str]


def parse_challenges(header: str) -> list[Challenge]:
    """All challenges of a WWW-Authenticate header, also of several that were joined by commas."""
    challenges: list[Challenge] = []
    for name, value in _items(header):
        if value is None:
            challenges.append(Challenge(name, {}))
        elif challenges:
            challenges[-1].params[name] = value
    return challenges


class Authorizer:
    """Credentials for one registry, and the answers to its challenges, kept for each scope."""

    def __init__(self, transport: Transport, secrets: Secrets, *, username: str, password: str) -> None:
        self._transport = transport
        self._secrets = secrets
        self.has_credentials = bool(username and password)
        self._basic = Authorization("Basic", basic_value(username, password)) if self.has_credentials else None
        self._known: dict[str, Authorization] = {}
        secrets.add_credentials(username, password)

    def known(self, scope: str) -> Authorization | None:
        """What the registry took for this scope before."""
        return self._known.get(scope)

    def answer(self, reply: Reply, scope: str) -> Authorization:
        """The Authorization to repeat a request with that got this 401. One round: the result may still be refused."""
        self._known.pop(scope, None)
        challenges = {item.scheme: item for item in parse_challenges(reply.headers.get("WWW-Authenticate", ""))}
        if "bearer" in challenges:
            authorization = self._bearer(challenges["bearer"].params, scope)
        elif "basic" not in challenges:
            raise RegistryError("registry_bad_answer", f"no known way to log in; {own_words(reply)}")
        elif self._basic is None:
            raise RegistryError("registry_credentials_missing", own_words(reply))
        else:
            authorization = self._basic
        self._known[scope] = authorization
        return authorization

    def refusal(self, reply: Reply, scope: str) -> RegistryError:
        """What a 401 to an answered challenge means; the answer is not used again.

        A token service that gives a token has accepted the credentials: what is missing then are rights.
        """
        authorization = self._known.pop(scope, None)
        if authorization and authorization.is_basic:
            return RegistryError("registry_unauthorized", own_words(reply))
        code = "registry_denied" if self.has_credentials else "registry_credentials_missing"
        return RegistryError(code, own_words(reply))

    def _bearer(self, challenge: dict[str, str], scope: str) -> Authorization:
        reply = self._transport.get_url(
            self._token_url(challenge, scope),
            accept="application/json",
            limit=_TOKEN_REPLY_LIMIT,
            authorization=self._basic,
        )
        if reply.status != 200:
            raise self._token_failure(reply)
        document = parse_json(reply.body)
        token = document.get("token") or document.get("access_token")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise RegistryError("registry_bad_answer", "the token service answered without a token")
        self._secrets.add(token)
        return Authorization("Bearer", token)

    def _token_url(self, challenge: dict[str, str], scope: str) -> str:
        realm = challenge.get("realm", "")
        parts = urlsplit(realm)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise RegistryError("registry_bad_answer", f"the token service has no valid address: {realm}")
        self._check_realm(parts.scheme, parts.netloc)
        query = [("service", challenge["service"])] if challenge.get("service") else []
        query += [("scope", item) for item in (challenge.get("scope") or scope).split()]
        joint = "&" if parts.query else "?"
        return f"{parts._replace(fragment='').geturl()}{joint if query else ''}{urlencode(query)}"

    def _check_realm(self, scheme: str, host: str) -> None:
        """Whether the credentials may go to the token service.

        The registry, which they are meant for, names its token service, so another host is normal and trusted. The
        way there has to be as safe as the way to the registry: HTTPS, or `insecure` allowed by the operator, or all
        of it within this machine. Without credentials there is nothing to protect.
        """
        if scheme == "https" or self._transport.insecure or self._basic is None:
            return
        if not (self._transport.is_loopback and is_loopback(host)):
            raise RegistryError("registry_token_insecure", f"token service at {scheme}://{host}")

    def _token_failure(self, reply: Reply) -> RegistryError:
        if reply.status not in (401, 403):
            return error_from_reply(reply, missing="registry_bad_answer")
        if not self.has_credentials:
            return RegistryError("registry_credentials_missing", own_words(reply))
        code = "registry_unauthorized" if reply.status == 401 else "registry_denied"
        return RegistryError(code, own_words(reply))


def _items(header: str) -> Iterator[tuple[str, str | None]]:
    for match in _ITEM.finditer(header):
        name, quoted, bare = match.groups()
        if quoted is not None:
            yield name.lower(), re.sub(r"\\(.)", r"\1", quoted)
        else:
            yield name.lower(), bare
