"""The parts of an address and the rule for each: host, path, tag, digest.

The patterns come from docker-image-py, which mirrors the grammar of Docker's own reference library. Ours are
the guards in front of it (its parser accepts a trailing newline and takes seconds on very long text), the error
that names the broken rule, and what a pattern cannot check: port range and real IPv6 addresses.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address
from typing import Final

from docker_image.regexp import ImageRegexps

from imagelib.addresses.errors import AddressError

DOCKER_HUB: Final = "docker.io"
LEGACY_DOCKER_HUB: Final = "index.docker.io"
OFFICIAL_NAMESPACE: Final = "library"
MAX_LENGTH: Final = 500  # of the database columns that hold addresses, too
MAX_REPOSITORY_LENGTH: Final = 255  # Docker's own limit
MAX_PORT: Final = 65535

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# An "@" that starts a digest, whole or mistyped. A host with a port cannot look like this: it would need a
# port of 32 digits or the name "sha256".
_DIGEST_TAIL = re.compile(r"@(?:sha\d+:[^/@]*|[a-z][a-z0-9+._-]*:[0-9a-f]{32,})\Z", re.IGNORECASE)
_HOST = re.compile(r"(?P<name>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>.*))?")
_PORT = re.compile(r"[1-9][0-9]{0,4}")


def check_text(text: str) -> None:
    """Refuse what no pattern should ever see: overlong text, white space and control characters."""
    if len(text) > MAX_LENGTH:
        raise AddressError("too_long", limit=MAX_LENGTH)
    if any(character.isspace() or not character.isprintable() for character in text):
        raise AddressError("whitespace")


def split_userinfo(text: str) -> tuple[str | None, str]:
    """`"user:p@ss@host/x@sha256:…"` → `("user:p@ss", "host/x@sha256:…")`; None when there is no such part.

    The last "@" that does not start a digest ends the credentials: none can follow in `host/path:tag`.
    What is neither credentials nor a digest (`nginx@latest`, `nginx@sha256:12`) raises `digest_invalid`.
    """
    tail = _DIGEST_TAIL.search(text)
    if tail:
        check_digest(tail.group()[1:])
    at = text.rfind("@", 0, tail.start() if tail else len(text))
    if at < 0:
        return None, text
    userinfo, address = text[:at], text[at + 1 :]
    if ":" not in userinfo and not names_host(address):
        raise AddressError("digest_invalid")
    return userinfo, address


def names_host(text: str) -> bool:
    """Whether an image address starts with a registry host: a host-like part before the first "/"."""
    head, slash, _ = text.partition("/")
    return bool(slash) and is_host(head)


def is_host(part: str) -> bool:
    """Docker's test: `r.example.com`, `harbor:5000` and `localhost` are hosts, `library` is a namespace."""
    return "." in part or ":" in part or part.lower() == "localhost"


def normal_host(text: str) -> str:
    """A host name or `[ipv6]`, maybe with a port, in lower case; Docker Hub's old name is replaced."""
    if text.count(":") > 1 and "[" not in text:
        raise AddressError("ipv6_brackets")
    match = _HOST.fullmatch(text)
    if match is None:
        raise AddressError("host_invalid")
    name, port = match.group("name", "port")
    if port is not None and not _is_port(port):
        raise AddressError("port_invalid", limit=MAX_PORT)
    if not _is_host_name(name):
        raise AddressError("host_invalid")
    host = text.lower()
    return DOCKER_HUB if host == LEGACY_DOCKER_HUB else host


def check_path(path: str) -> None:
    """A repository or namespace: lower-case parts joined by "/"."""
    if "" in path.split("/"):
        raise AddressError("path_empty_part")
    if ImageRegexps.REMOTE_NAME_REGEXP.fullmatch(path):
        return
    if ImageRegexps.REMOTE_NAME_REGEXP.fullmatch(path.lower()):
        raise AddressError("repository_uppercase")
    raise AddressError("repository_invalid")


def check_tag(tag: str) -> None:
    if not ImageRegexps.TAG_REGEXP.fullmatch(tag):
        raise AddressError("tag_invalid", limit=128)


def check_digest(digest: str) -> None:
    """sha256 only: the one algorithm that registries and engines agree on."""
    if not _DIGEST.fullmatch(digest):
        raise AddressError("digest_invalid")


def _is_port(port: str) -> bool:
    return bool(_PORT.fullmatch(port)) and int(port) <= MAX_PORT


def _is_host_name(name: str) -> bool:
    if not name.startswith("["):
        return bool(ImageRegexps.DOMAIN_NAME_REGEXP.fullmatch(name))
    # The pattern keeps out zone identifiers and dotted quads, which Python knows and Docker does not.
    if not ImageRegexps.IPV6_ADDRESS_REGEXP.fullmatch(name):
        return False
    try:
        IPv6Address(name[1:-1])
    except AddressValueError:
        return False
    return True
