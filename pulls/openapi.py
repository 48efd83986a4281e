"""The event streams in the OpenAPI document: they are no REST views, so the generator cannot find them."""

from __future__ import annotations

from typing import Any

_ANSWERS: dict[str, Any] = {
    "200": {
        "description": "`event: snapshot`, `id:` the row's version, `data:` a snapshot as `GET /api/pulls/{id}/` "
        "gives it. The present one comes at once, then every change; a comment every 15 s keeps the stream open.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    "401": {"description": "No session, token or fresh ticket."},
    "404": {"description": "No such pull, or not yours."},
}
_TICKET: dict[str, Any] = {
    "in": "query", "name": "ticket", "schema": {"type": "string"},
    "description": "From `POST /api/pulls/{id}/ticket/`, for clients that cannot send headers.",
}  # fmt: skip


def add_event_streams(result: dict[str, Any], **_context: Any) -> dict[str, Any]:
    """A post-processing hook of drf-spectacular."""
    one = {"in": "path", "name": "id", "required": True, "schema": {"type": "integer"}}
    many = {"in": "query", "name": "id", "schema": {"type": "array", "items": {"type": "integer"}}, "explode": True}
    result["paths"]["/api/pulls/{id}/events/"] = _stream("pulls_events_retrieve", "One pull, live.", one)
    result["paths"]["/api/pulls/events/"] = _stream("pulls_events_list", "Up to 100 pulls in one stream.", many)
    return result


def _stream(name: str, text: str, parameter: dict[str, Any]) -> dict[str, Any]:
    return {
        "get": {
            "operationId": name, "description": text, "tags": ["pulls"], "parameters": [parameter, _TICKET],
            "security": [{"jwtAuth": []}, {"cookieAuth": []}, {}], "responses": _ANSWERS,
        }
    }  # fmt: skip
