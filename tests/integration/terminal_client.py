"""A terminal as a browser has it: a WebSocket with cookies or a token, and what came through it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from time import monotonic
from typing import Any
from urllib.parse import urlencode

import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.services.product import ADMIN, Product

PATIENCE = 90.0  # seconds for anything to happen


class TerminalClient:
    """`headers` are what the handshake carries; `origin` the page that opened it, None for a script."""

    def __init__(self, product: Product, path: str, *, origin: str | None = None, **headers: str) -> None:
        self.shown = b""
        self.errors: list[str] = []
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._resources = ExitStack()
        opening = connect(
            product.url.replace("http", "ws") + path,
            origin=origin,  # type: ignore[arg-type]
            additional_headers=named,
            open_timeout=PATIENCE,
            max_size=None,
            compression=None,
            proxy=None,
        )
        self.socket: ClientConnection = self._resources.enter_context(opening)

    def type(self, text: str) -> None:
        self.send({"type": "input", "data": text})

    def resize(self, columns: int, rows: int) -> None:
        self.send({"type": "resize", "cols": columns, "rows": rows})

    def send(self, frame: Any) -> None:
        self.socket.send(frame if isinstance(frame, (str, bytes)) else json.dumps(frame))

    def read(self) -> None:
        """One frame. A binary one must be text by itself, as the front end takes it to be."""
        frame = self.socket.recv(timeout=PATIENCE)
        if isinstance(frame, bytes):
            frame.decode()
            self.shown += frame
        else:
            told = json.loads(frame)
            assert told["type"] == "error", told
            self.errors.append(told["message"])

    def until(self, words: str) -> str:
        """What it shows, once the words are there; what came before is forgotten then."""
        for _ in self._reading(lambda: words.encode() not in self.shown):
            self.read()
        before, _, self.shown = self.shown.partition(words.encode())
        return before.decode() + words

    def until_error(self) -> str:
        for _ in self._reading(lambda: not self.errors):
            self.read()
        return self.errors.pop(0)

    def end(self) -> tuple[int, str]:
        """The close code, once it is closed, and the last error that was told."""
        try:
            for _ in self._reading(lambda: True):
                self.read()
        except ConnectionClosed as closed:
            assert closed.rcvd is not None
            return closed.rcvd.code, (self.errors or [""])[-1]
        raise AssertionError("it never ends")

    def _reading(self, wanted: Callable[[], bool]) -> Iterator[None]:
        """As long as it is wanted and there is patience: a terminal may talk for ever."""
        until = monotonic() + PATIENCE
        while wanted():
            assert monotonic() < until, f"still waiting; it shows {self.shown[-500:]!r}"
            yield

    def close(self) -> None:
        self._resources.close()

    def __enter__(self) -> TerminalClient:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def native(product: Product, instance: int, *, user: str = ADMIN, shell: str = "sh", **headers: str) -> TerminalClient:
    """By an access token, as a script."""
    headers = {"Authorization": f"Bearer {product.token(user)}", "Accept_Language": "en", **headers}
    return TerminalClient(product, f"/api/instances/{instance}/terminal/?shell={shell}", **headers)


def by_cookie(
    product: Product, path: str, cookies: dict[str, str], *, origin: str | None, language: str = "en"
) -> TerminalClient:
    sent = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return TerminalClient(product, path, origin=origin, Cookie=sent, Accept_Language=language)


def front_end_path(instance: int, *, prefix: str = "/api", shell: str = "sh") -> str:
    return f"{prefix}/instance/terminal?{urlencode({'ID': instance, 'shell': shell})}"


def front_end_login(product: Product, user: str, password: str) -> str:
    """The token in the front end's cookie."""
    with requests.Session() as session:
        session.trust_env = False
        body = {"username": user, "password": password}
        answer = session.post(f"{product.url}/api/base/login", json=body, timeout=30)
        assert answer.json()["code"] == 0, answer.text
        return str(session.cookies["x-token"])


def admin_login(product: Product) -> requests.Session:
    """A browser that is logged in to the admin."""
    session = requests.Session()
    session.trust_env = False
    at = f"{product.url}/admin/login/"
    session.get(at, timeout=30)
    form = {"username": ADMIN, "password": product.admin_password, "csrfmiddlewaretoken": session.cookies["csrftoken"]}
    answer = session.post(at, data=form, headers={"Referer": at}, allow_redirects=False, timeout=30)
    assert answer.status_code == 302, answer.text
    return session
