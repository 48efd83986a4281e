"""Git's smart protocol over HTTP: dulwich speaks it, the connections are ours.

dulwich's own connections read proxies, certificates and headers from the environment and from configuration files, and
follow redirects anywhere. Here nothing of that happens: TLS is always verified, credentials go to the host that they
were stored for, and no answer is longer or slower than `Limits` say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, BinaryIO, Self
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
import urllib3
from dulwich.client import AbstractHttpGitClient
from dulwich.errors import GitProtocolError, HangupException
from dulwich.object_store import ObjectStoreGraphWalker
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from builds.repositories.errors import GitCode, GitError
from builds.repositories.watching import Watch, Watched
from core.dial import Dialed
from imagelib.registry.connections import HttpAdapter, Session, tls_context
from imagelib.registry.network_failures import from_exception
from imagelib.registry.redaction import Authorization, basic_value

MAX_REDIRECTS = 3
REFS_LIMIT = 32_000_000  # bytes of what comes before the pack: a list of all branches, at worst
ANY_USER = "git"  # servers that take tokens want some user name beside it
_SERVICE = "git-upload-pack"
_ADVERTISEMENT = f"application/x-{_SERVICE}-advertisement"
_NETWORK = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
# What dulwich raises, in one place or another, about an answer that is not git's.
_NOT_GIT = (GitProtocolError, HangupException, ValueError, AssertionError, LookupError, TypeError, AttributeError)
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")
_STATUSES: dict[int, GitCode] = {
    401: "git_unauthorised", 403: "git_unauthorised", 404: "git_repository_missing", 410: "git_repository_missing",
    408: "git_unreachable", 429: "git_unreachable",
}  # fmt: skip


@dataclass(slots=True)
class _Answer:
    """As much of an HTTP answer as dulwich looks at."""

    content_type: str
    redirect_location: str
    close: Callable[[], None]


class GitClient(AbstractHttpGitClient):
    """One repository. Used within a `Watch`."""

    def __init__(self, url: str, *, username: str, password: str, watch: Watch) -> None:
        super().__init__(url, thin_packs=False)  # a thin pack is complete only together with what a clone has
        self._address = url.rstrip("/") + "/"
        self._watch = watch
        self._authorization = None
        if username or password:
            self._authorization = Authorization("Basic", basic_value(username or ANY_USER, password))
        self._session = Session()
        self._session.mount("http://", _Adapter())
        self._at_most = REFS_LIMIT
        self._beginning = b""  # of the last answer

    def __enter__(self) -> Self:
        if self._address.startswith("https:"):
            self._session.mount("https://", _Adapter(tls_context("", verify=True)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def fetch_commit(self, *, branch: str, commit: str, into: BinaryIO) -> tuple[str, str]:
        """Write the pack of one commit, without its history; returns the commit's id and the branch's name.

        `branch` empty: the default one, whose name some servers do not tell. A `commit` that the branch does not point
        to is asked for by its id, which not every server allows.
        """
        wanted: list[str] = []

        def choose(refs: Any, depth: int | None = None) -> list[Any]:
            wanted.append(commit or _tip(refs, branch))
            self._at_most = self._watch.limits.max_bytes
            return [wanted[0].encode()]

        walker = ObjectStoreGraphWalker([], lambda _commit: [])
        prefix = [f"refs/heads/{branch}".encode() if branch else b"HEAD"]
        try:
            done = self.fetch_pack("", choose, walker, into.write, depth=1, ref_prefix=prefix)
        except _NOT_GIT as error:
            raise self._refusal() or GitError("git_bad_answer", _words(error)) from None
        finally:
            self._watch.rest()
        if refusal := self._refusal():
            raise refusal
        head = dict(done.symrefs or {}).get(b"HEAD", b"").decode("utf-8", "replace")  # type: ignore[call-overload]
        return wanted[0], branch or head.removeprefix("refs/heads/")

    def _refusal(self) -> GitError | None:
        """What the server said instead of a pack: dulwich passes over it, or words it as a broken protocol."""
        if self._beginning[4:8] != b"ERR ":
            return None
        said = self._beginning[8:].decode("utf-8", "replace").strip()
        return GitError("git_commit_missing" if "not our ref" in said else "git_bad_answer", said)

    def _http_request(
        self,
        url: str,
        headers: dict[str, str] | None = None,
        data: bytes | Iterator[bytes] | None = None,
        raise_for_status: bool = True,
    ) -> Any:
        for _ in range(MAX_REDIRECTS + 1):
            response = self._ask(url, headers or {}, data)
            if not response.is_redirect:
                break
            response.close()
            url = self._redirect_target(url, response.headers["Location"], may_move=data is None)
        else:
            raise GitError("git_bad_answer", f"more than {MAX_REDIRECTS} redirects")
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip()
        if response.status_code != 200:
            response.close()
            code = _STATUSES.get(response.status_code, "git_unreachable" if response.status_code >= 500 else None)
            raise GitError(code or "git_bad_answer", f"{urlsplit(url).netloc}: HTTP {response.status_code}")
        if data is None and kind != _ADVERTISEMENT:
            response.close()
            raise GitError("git_bad_answer", f"{urlsplit(url).netloc}: {kind or 'no type'} instead of git's answer")
        self._beginning = b""
        moved = url if data is None else ""
        return _Answer(kind, moved, response.close), lambda size: self._read(response, size)

    def _ask(self, url: str, headers: dict[str, str], data: Any) -> requests.Response:
        limits = self._watch.limits
        try:
            return self._session.request(
                "GET" if data is None else "POST",
                url,
                headers=headers,
                data=data,
                auth=self._authorization,  # every `url` is on the host that it is for
                stream=True,
                allow_redirects=False,
                timeout=(limits.connect, limits.silence + 5),  # the watch is faster, and knows why
            )
        except (*_NETWORK, ValueError) as error:
            raise _network_failure(error, url) from None

    def _redirect_target(self, url: str, location: str, *, may_move: bool) -> str:
        """Only to another path of the same host, or from http to https there; and only before anything was asked."""
        try:
            target = urljoin(url, location)
            old, new = urlsplit(url), urlsplit(target)
            stays = _origin(old) == _origin(new) or (_is_upgrade(old, new))
        except ValueError:
            raise GitError("git_bad_answer", "redirect to an invalid address") from None
        if not (may_move and stays) or "@" in new.netloc:
            where = f"{new.scheme}://{new.hostname or ''}"
            raise GitError("git_bad_answer", f"refused to follow a redirect to {where}")
        if new.scheme == "https" and old.scheme == "http":
            self._session.mount("https://", _Adapter(tls_context("", verify=True)))
        return target

    def _read(self, response: requests.Response, size: int) -> bytes:
        """Exactly `size` bytes unless the answer ends before."""
        parts: list[bytes] = []
        missing = size
        while missing:
            try:
                part = response.raw.read1(missing)
            except _NETWORK as error:
                raise _network_failure(error, response.url) from None
            if not part:
                break
            self._watch.count(len(part), self._at_most)
            parts.append(part)
            missing -= len(part)
        whole = b"".join(parts)
        if len(self._beginning) < 500:
            self._beginning += whole[: 500 - len(self._beginning)]
        return whole


class _HttpConnection(Watched, Dialed, HTTPConnection):
    pass


class _HttpsConnection(Watched, Dialed, HTTPSConnection):
    pass


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


class _Adapter(HttpAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}


def _tip(refs: Any, branch: str) -> str:
    name = f"refs/heads/{branch}" if branch else "HEAD"
    found = refs.get(name.encode())
    if found is None:
        raise GitError("git_branch_missing", branch or "HEAD")
    text = bytes(found).decode("ascii", "replace")
    if not _COMMIT.match(text):
        raise GitError("git_bad_answer", "the repository names its objects by SHA-256" if len(text) == 64 else text)
    return text


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _is_upgrade(old: SplitResult, new: SplitResult) -> bool:
    return (old.hostname, _origin(old)[2], _origin(new)[2]) == (new.hostname, 80, 443) and new.scheme == "https"


def _network_failure(error: Exception, url: str) -> GitError:
    return GitError("git_unreachable", from_exception(error, urlsplit(url).netloc).evidence)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
