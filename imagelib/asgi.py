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

from imagelib.bodies import WholeBodies, answer
from imagelib.wsgi import application as wsgi

_STREAMS = re.compile(r"/api/(pulls|instances)/(\d+/)?events/")
_threads = WSGIMiddleware(wsgi, workers=16)
# uvicorn waits for a body without any limit.
_pages = WholeBodies(_threads, seconds=60, limit=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
_streams = get_asgi_application()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] == "http" and scope["path"] == "/healthz":
        await answer(send, status=200, body=b'{"status": "ok"}', kind=b"application/json")
    elif scope["type"] == "http" and _STREAMS.fullmatch(scope["path"]):
        await _streams(scope, receive, send)
    elif scope["type"] == "http":
        await _pages(scope, receive, send)


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
