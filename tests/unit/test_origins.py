"""Whose page opened a WebSocket."""

from __future__ import annotations

from typing import Any

import pytest

from core.origins import is_own_origin
from core.visitors import comes_from_us, request_of

OWN = "https://imagelib.example.com:8443"
TRUSTED = ("https://spa.example.org", "https://*.example.net")


@pytest.mark.parametrize("origin", [OWN, "https://spa.example.org", "https://a.example.net", "https://a.b.example.net"])
def test_our_own_and_those_that_are_trusted(origin: str) -> None:
    assert is_own_origin(origin, own=OWN, trusted=TRUSTED)


@pytest.mark.parametrize(
    "origin",
    [
        "", "null", "https://evil.example", "http://imagelib.example.com:8443", "https://imagelib.example.com",
        OWN + "0", OWN + ".evil.example", "http://spa.example.org", "https://example.net", "http://a.example.net",
        "https://evilexample.net", "https://a.example.net.evil.example", "https://spa.example.org.evil.example",
    ],
)  # fmt: skip
def test_others(origin: str) -> None:
    assert not is_own_origin(origin, own=OWN, trusted=TRUSTED)


def scope(origin: str | None, *, scheme: str = "ws", **headers: str) -> dict[str, Any]:
    named = {"host": "localhost:8000", **({} if origin is None else {"origin": origin}), **headers}
    return {
        "type": "websocket", "scheme": scheme, "path": "/api/instances/1/terminal/", "query_string": b"",
        "client": ("127.0.0.1", 5), "server": ("127.0.0.1", 8000),
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items()],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("origin", "scheme", "verdict"),
    [
        ("http://localhost:8000", "ws", True),
        ("https://localhost:8000", "wss", True),
        ("https://localhost:8000", "ws", False),
        ("http://localhost:8001", "ws", False),
        ("http://evil.example", "ws", False),
        (None, "ws", None),
    ],
)
def test_the_origin_of_a_request(settings: Any, origin: str | None, scheme: str, verdict: bool | None) -> None:
    settings.ALLOWED_HOSTS = ["*"]  # which must not make everybody welcome
    assert comes_from_us(request_of(scope(origin, scheme=scheme))) is verdict


def test_behind_a_proxy_that_ends_tls(settings: Any) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    asked = scope("https://localhost:8000", x_forwarded_proto="https")
    assert comes_from_us(request_of(asked)) is True


def test_trusted_origins_are_those_of_forms(settings: Any) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://*.example.net"]
    assert comes_from_us(request_of(scope("https://spa.example.net"))) is True
