"""One bounded HTTP request to a server that an operator named: no redirects, no proxies of the environment. Pure."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests
import urllib3

from imagelib.registry.network_failures import from_exception

_CHUNK = 64 * 1024


class CallFailed(Exception):
    """No whole answer came. `evidence` is what the network said, with the host that was asked."""

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
    """Takes `seconds` at most, of which connecting five. Reads `limit` bytes of the answer and fails when there are
    more; with a limit of 0 nothing of it is read."""
    deadline = time.monotonic() + seconds
    timeout = urllib3.Timeout(connect=min(5.0, seconds), total=seconds)
    try:
        with requests.Session() as session:
            session.trust_env = False
            request = session.prepare_request(requests.Request(method, url, headers=dict(headers), data=body or None))
            with session.send(request, stream=True, allow_redirects=False, timeout=timeout) as answer:  # type: ignore[arg-type]
                return Called(answer.status_code, answer.headers, _read(answer, limit, deadline))
    except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
        raise CallFailed(from_exception(error, urlsplit(url).netloc).evidence) from None


def _read(answer: requests.Response, limit: int, deadline: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    while limit and (part := answer.raw.read1(_CHUNK, decode_content=True)):
        parts.append(part)
        size += len(part)
        if size > limit:
            raise CallFailed(f"the answer is longer than {limit} bytes")
        if time.monotonic() > deadline:
            raise CallFailed("the answer took too long")
    return b"".join(parts)
