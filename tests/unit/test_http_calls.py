"""What a bounded call does with answers without bounds."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from builds.http_calls import CallFailed, call
from tests.support.serving import serving


class _Talker(BaseHTTPRequestHandler):
    """`/long` says much, `/slow` a little at a time and for ever."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            while self.path == "/slow":
                self.wfile.write(b"x")
            self.wfile.write(b"x" * 3000)
        except ConnectionError:  # nobody listens any more
            pass

    def log_message(self, *_words: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), _Talker)) as server:
        yield f"http://127.0.0.1:{server.server_port}"


def test_answers_are_read_as_far_as_they_may_go(url: str) -> None:
    assert call("GET", f"{url}/long", headers={}, seconds=60, limit=3000).body == b"x" * 3000
    assert call("GET", f"{url}/long", headers={}, seconds=60, limit=0).body == b""
    with pytest.raises(CallFailed, match="longer than 2999 bytes"):
        call("GET", f"{url}/long", headers={}, seconds=60, limit=2999)


def test_an_answer_that_never_ends(url: str) -> None:
    with pytest.raises(CallFailed, match="took too long"):
        call("GET", f"{url}/slow", headers={}, seconds=5, limit=1 << 40)
