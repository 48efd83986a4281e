"""The server's entry point: a small switch between two Djangos.

Ordinary requests go to Django's WSGI application in a few threads (pure ASGI costs 3–5 times the CPU for synchronous
views and leaks database connections); event streams go to Django's ASGI application, WebSockets to the terminals.
`/healthz` is answered here: a process whose threads are all busy is alive.
"""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import parse_qs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagelib.settings")

from a2wsgi import WSGIMiddleware
from django.conf import settings
from django.core.asgi import get_asgi_application

from imagelib.bodies import WholeBodies, answer, with_whole_bodies
from imagelib.wsgi import application as wsgi

_STREAMS = re.compile(r"/api/(builds|pulls|instances)/(\d+/)?events/")
_LOGS = re.compile(r"/api/instances/\d+/logs/")
_TERMINAL = re.compile(r"/api/instances/(\d+)/terminal/")
_FRONT_END_TERMINAL = re.compile(r"(/api)?/instance/terminal")
_threads = WSGIMiddleware(with_whole_bodies(wsgi), workers=16)
# uvicorn waits for a body without any limit.
_pages = WholeBodies(_threads, seconds=60, limit=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
_streams = get_asgi_application()

# What has models needs Django, which has been set up by now.
from instances.terminals import FrontEndTerminal, NativeTerminal  # noqa: E402


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] == "http" and scope["path"] == "/healthz":
        await answer(send, status=200, body=b'{"status": "ok"}', kind=b"application/json")
    elif scope["type"] == "websocket":
        await _socket(scope, receive, send)
    elif _is_stream(scope):
        await _streams(scope, receive, send)
    else:
        await _pages(scope, receive, send)


def _is_stream(scope: dict[str, Any]) -> bool:
    if _LOGS.fullmatch(scope["path"]):
        return parse_qs(scope["query_string"].decode("latin-1")).get("follow", [""])[-1] == "1"
    return bool(_STREAMS.fullmatch(scope["path"]))


async def _socket(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The terminals; anything else is refused before it is open."""
    if found := _TERMINAL.fullmatch(scope["path"]):
        await NativeTerminal.as_asgi(instance=found[1])(scope, receive, send)
    elif _FRONT_END_TERMINAL.fullmatch(scope["path"]):
        await FrontEndTerminal.as_asgi()(scope, receive, send)
    else:
        await receive()
        await send({"type": "websocket.close"})


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
