"""One bounded HTTP request to a server that an operator named: no redirects, no proxies of the environment. Pure."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import requests
import urllib3

_CHUNK = 64 * 1024


class CallFailed(Exception):
    """No whole answer came. `evidence` is what the network said, without the address that was asked."""

    def __init__(self, evidence: str) -> None:
        super().__init__(evidence)
        self.evidence = evidence


@dataclass(frozen=True, slots=True)
class Called:
    """The answer, whatever its status."""

    status: int
    headers: Mapping[str, str]  # names in any case
    body: bytes = field(repr=False)


def call(method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"", seconds: float, limit: int) -> Called:
    """Takes `seconds` at most, of which connecting five; reads `limit` bytes and fails when there are more."""
    deadline = time.monotonic() + seconds
    timeout = urllib3.Timeout(connect=min(5.0, seconds), total=seconds)
    try:
        with requests.Session() as session:
            session.trust_env = False
            request = session.prepare_request(requests.Request(method, url, headers=dict(headers), data=body or None))
            with session.send(request, stream=True, allow_redirects=False, timeout=timeout) as answer:  # type: ignore[arg-type]
                return Called(answer.status_code, answer.headers, _read(answer, limit, deadline))
    except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
        raise CallFailed(_words(error)) from None


def _read(answer: requests.Response, limit: int, deadline: float) -> bytes:
    parts, size = [], 0
    while part := answer.raw.read1(_CHUNK, decode_content=True):
        parts.append(part)
        size += len(part)
        if size > limit:
            raise CallFailed(f"the answer is longer than {limit} bytes")
        if time.monotonic() > deadline:
            raise CallFailed("the answer took too long")
    return b"".join(parts)


def _words(error: BaseException) -> str:
    """The innermost statement: `Connection refused` instead of a nest of class names with an address."""
    seen: BaseException = error
    for _ in range(10):
        inner = getattr(seen, "reason", None) or next(
            (arg for arg in seen.args if isinstance(arg, BaseException)), None
        )
        if not isinstance(inner, BaseException):
            break
        seen = inner
    if isinstance(seen, urllib3.exceptions.TimeoutError | requests.Timeout | TimeoutError):
        return "no answer in time"
    return str(getattr(seen, "strerror", None) or seen.args[-1] if seen.args else type(seen).__name__)[:300]
