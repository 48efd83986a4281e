"""Request bodies are awaited before a thread is given to the request: who sends slowly must not keep others waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from io import BytesIO
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
_WHOLE = "imagelib.body"  # in the scope, for `with_whole_bodies`


class SenderGone(Exception):
    """The connection ended within the body. What arrived of it must not be taken for the whole."""


async def whole_body(receive: Receive, *, seconds: float, limit: int) -> tuple[bytes | None, Receive]:
    """Wait for the body; returns it, and a `receive` that gives it at once and then goes on as the one given.

    Of a body longer than `limit` bytes only the beginning is awaited, and None returned: Django refuses it by its
    announced length. Raises `TimeoutError` after `seconds`, and `SenderGone`.
    """
    parts: list[bytes] = []
    size, more = 0, True
    async with asyncio.timeout(seconds):
        while more and size <= limit:
            message = await receive()
            if message["type"] != "http.request":
                raise SenderGone
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            more = message.get("more_body", False)
    body = b"".join(parts)
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": more}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return (None if more else body), replay


class WholeBodies:
    """ASGI middleware: calls `app` once the body is there. Whoever needs longer than `seconds` gets a 408."""

    def __init__(self, app: Any, *, seconds: float, limit: int) -> None:
        self.app = app
        self._seconds, self._limit = seconds, limit

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        try:
            body, receive = await whole_body(receive, seconds=self._seconds, limit=self._limit)
        except SenderGone:
            return
        except TimeoutError:
            text = f"The request's body did not arrive within {self._seconds:g} seconds.\n".encode()
            await answer(send, status=408, body=text, kind=b"text/plain; charset=utf-8", close=True)
            return
        await self.app({**scope, _WHOLE: body}, receive, send)


def with_whole_bodies(app: Any) -> Any:
    """WSGI middleware, behind `WholeBodies`: what is there already is read without asking the event loop for it, which
    would take as long as a question to the database."""

    def asked(environ: dict[str, Any], start_response: Any) -> Any:
        body = environ["asgi.scope"][_WHOLE]
        if body is not None:
            environ["wsgi.input"] = BytesIO(body)
        return app(environ, start_response)

    return asked


async def answer(send: Send, *, status: int, body: bytes, kind: bytes, close: bool = False) -> None:
    """One small answer without any help of Django."""
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    if close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
