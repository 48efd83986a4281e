"""Server-sent events: how one is written, and the answer that carries them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from django.http import StreamingHttpResponse

RETRY = b"retry: 2000\n\n"  # milliseconds after which a browser comes again
KEEP_ALIVE = b": keep-alive\n\n"
KEEP_ALIVE_EVERY = 15.0  # seconds; proxies close silent connections


def event(name: str, data: Mapping[str, Any], *, number: int | None = None) -> bytes:
    """`number`: what a browser that comes again tells as the last one it has seen."""
    numbered = "" if number is None else f"id: {number}\n"
    return f"{numbered}event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def answer_with(events: AsyncIterator[bytes]) -> StreamingHttpResponse:
    """Nothing on the way may keep or change them."""
    response = StreamingHttpResponse(events, content_type="text/event-stream")
    response["Cache-Control"] = "no-cache, no-transform"
    response["X-Accel-Buffering"] = "no"
    return response
