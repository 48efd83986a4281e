"""`user:password@host/path:tag`: taking the credentials off before anything is parsed, stored or shown."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from imagelib.addresses.errors import AddressError
from imagelib.addresses.grammar import check_text, names_host, split_userinfo

# Anchored, because a password may contain "://".
_SCHEME = re.compile(r"(?:https?|docker|oci)://", re.IGNORECASE)
_ESCAPED = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*")


@dataclass(frozen=True, slots=True)
class SplitAddress:
    """`address` is free of credentials but not parsed yet; both credentials are None, or both non-empty."""

    address: str
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)


def split_credentials(text: str) -> SplitAddress:
    """Take `user:password@` off the front of an image address; raises `AddressError`.

    - The last "@" that does not start a digest ends the password, the first ":" ends the user name. So a
      password may contain "@", ":" and "/", and a user name "@" (`me@example.com:secret@r.example.com/app`).
    - Percent escapes are decoded as in a URL (`%40` is "@", `%20` a space), for the user name and the
      password each, if every "%" starts an escape and the result is printable UTF-8; otherwise the part is
      taken as typed (`100%` stays `100%`). A password that itself contains `%40` is written with `%2540`.
    - Credentials belong to a registry, so a registry host must follow: `user:password@nginx` is refused,
      Docker Hub is written `user:password@docker.io/library/nginx`.
    """
    check_text(text)
    if _SCHEME.match(text):
        raise AddressError("scheme_present")
    userinfo, address = split_userinfo(text)
    if userinfo is None:
        return SplitAddress(text)
    if "://" in address:
        raise AddressError("scheme_present")
    if not names_host(address):
        raise AddressError("credentials_need_host")
    username, password = _read_userinfo(userinfo)
    return SplitAddress(address, username, password)


def _read_userinfo(userinfo: str) -> tuple[str, str]:
    username, _, password = userinfo.partition(":")
    if not username:
        raise AddressError("username_missing")
    if not password:
        raise AddressError("password_missing")
    username = _unescaped(username)
    if ":" in username:  # written as %3A; HTTP basic authentication has no way to send it
        raise AddressError("username_colon")
    return username, _unescaped(password)


def _unescaped(text: str) -> str:
    if not _ESCAPED.fullmatch(text):
        return text
    # Bytes that are not UTF-8 become lone surrogates, which are not printable.
    decoded = unquote(text, errors="surrogateescape")
    return decoded if decoded.isprintable() else text
