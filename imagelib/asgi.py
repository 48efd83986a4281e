"""The server's entry point: a small switch between two Djangos.

Ordinary requests go to Django's WSGI application in a few threads (pure ASGI costs 3–5 times the CPU for synchronous
views and leaks database connections); event streams go to Django's ASGI application. `/healthz` is answered here: a
process whose threads are all busy is alive.
"""

from __future__ import annotations

import os
import re
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagelib.settings")

from a2wsgi import WSGIMiddleware
from django.conf import settings
from django.core.asgi import get_asgi_application

from imagelib.bodies import SenderGone, answer, whole_body
from imagelib.wsgi import application as wsgi

_STREAMS = re.compile(r"/api/pulls/(\d+/)?events/")
_BODY_SECONDS = 60.0  # uvicorn has no limit of its own
_pages = WSGIMiddleware(wsgi, workers=16)
_streams = get_asgi_application()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] == "http" and scope["path"] == "/healthz":
        await answer(send, status=200, body=b'{"status": "ok"}', kind=b"application/json")
    elif scope["type"] == "http" and _STREAMS.fullmatch(scope["path"]):
        await _streams(scope, receive, send)
    elif scope["type"] == "http":
        await _page(scope, receive, send)


async def _page(scope: dict[str, Any], receive: Any, send: Any) -> None:
    try:
        receive = await whole_body(receive, seconds=_BODY_SECONDS, limit=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    except SenderGone:
        return
    except TimeoutError:
        text = f"The request's body did not arrive within {_BODY_SECONDS:.0f} seconds.\n".encode()
        await answer(send, status=408, body=text, kind=b"text/plain; charset=utf-8", close=True)
        return
    await _pages(scope, receive, send)


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
