"""The server's entry point: a small switch between two Djangos.

Ordinary requests go to Django's WSGI application in a few threads (pure ASGI costs 3–5 times the CPU for synchronous
views and leaks database connections); event streams go to Django's ASGI application.
"""

from __future__ import annotations

import os
import re
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagelib.settings")

from a2wsgi import WSGIMiddleware
from django.core.asgi import get_asgi_application

from imagelib.wsgi import application as wsgi

_STREAMS = re.compile(r"/api/pulls/(\d+/)?events/")
_pages = WSGIMiddleware(wsgi, workers=8)
_streams = get_asgi_application()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
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
