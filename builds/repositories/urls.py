"""Addresses of git repositories: which ones may be read, and when two of them mean the same repository."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import SplitResult, unquote, urlsplit

from builds.repositories.errors import GitError

LONGEST = 500
_STRANGE = re.compile(r"[\x00-\x20\x7f-\x9f\\]")
_SCP = re.compile(r"(?:[^@/:]+@)?([^@/:]+):(?!//)(.+)", re.DOTALL)  # git@host:owner/name.git


def check_url(url: str) -> str:
    """The address as it is fetched: `https://host[:port]/path` or http. Raises `GitError` (`git_url_invalid`), whose
    evidence does not repeat what was typed: there may be a password in it."""
    parts = _split(url)
    if parts.scheme not in ("http", "https"):
        raise GitError("git_url_invalid", "scheme")
    if "@" in parts.netloc:
        raise GitError("git_url_invalid", "credentials")
    if not parts.hostname:
        raise GitError("git_url_invalid", "host")
    if parts.query or parts.fragment or not parts.path.strip("/"):
        raise GitError("git_url_invalid", "path")
    return url.rstrip("/")


def host_of(url: str) -> str:
    """`host[:port]` of an address that `check_url` took, in lower case."""
    return urlsplit(url).netloc.lower()


def origin_of(url: str) -> tuple[str, str]:
    """What a stored password belongs to."""
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def is_allowed(url: str, hosts: Sequence[str]) -> bool:
    """Whether the address is at one of `hosts` (`git.example.com`, or with a port that then counts); none: any."""
    parts = urlsplit(url)
    return not hosts or bool({host_of(url), parts.hostname or ""} & {host.lower() for host in hosts})


def identity(url: str) -> str:
    """`host/path` that all spellings of one repository share: scheme, port, credentials, letter case, `.git` and
    slashes do not count. Empty for what is no address. Two repositories of the same identity are possible, on two
    ports; so it finds candidates and proves nothing."""
    scp = None if "://" in url or _STRANGE.search(url) else _SCP.fullmatch(url)
    if scp:
        host, path = scp.groups()
    else:
        try:
            parts = _split(url)
        except GitError:
            return ""
        host, path = parts.hostname or "", parts.path
    path = re.sub(r"/{2,}", "/", unquote(path)).strip("/").lower().removesuffix(".git").rstrip("/")
    return f"{host.lower()}/{path}" if host and path else ""


def _split(url: str) -> SplitResult:
    if not url or len(url) > LONGEST or _STRANGE.search(url):
        raise GitError("git_url_invalid", "characters")
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  (raises for what is no port)
        url.encode()
    except ValueError:
        raise GitError("git_url_invalid", "host") from None
    return parts
