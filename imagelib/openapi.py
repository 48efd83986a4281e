"""The event streams in the OpenAPI document: they are no REST views, so the generator cannot find them."""

from __future__ import annotations

from typing import Any

_TICKET: dict[str, Any] = {
    "in": "query", "name": "ticket", "schema": {"type": "string"},
    "description": "From `POST /api/pulls/{id}/ticket/`, for clients that cannot send headers.",
}  # fmt: skip


def add_event_streams(result: dict[str, Any], **_context: Any) -> dict[str, Any]:
    """A post-processing hook of drf-spectacular."""
    one = {"in": "path", "name": "id", "required": True, "schema": {"type": "integer"}}
    many = {"in": "query", "name": "id", "schema": {"type": "array", "items": {"type": "integer"}}, "explode": True}
    for kind, name, further in (("pulls", "pull", [_TICKET]), ("instances", "instance", [])):
        for way, parameter, text in (("{id}/", one, f"One {name}, live."), ("", many, f"Up to 100 {kind}, live.")):
            operation = f"{kind}_events_{'retrieve' if way else 'list'}"
            result["paths"][f"/api/{kind}/{way}events/"] = _stream(kind, name, operation, text, [parameter, *further])
    return result


def _stream(kind: str, name: str, operation: str, text: str, parameters: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "get": {
            "operationId": operation, "description": text, "tags": [kind], "parameters": parameters,
            "security": [{"jwtAuth": []}, {"cookieAuth": []}, {}], "responses": _answers(kind, name),
        }
    }  # fmt: skip


def _answers(kind: str, name: str) -> dict[str, Any]:
    removed = " One that was removed has the state `removed`." if kind == "instances" else ""
    text = (
        f"`event: snapshot`, `id:` the row's version, `data:` a snapshot as `GET /api/{kind}/{{id}}/` gives it, with "
        "its `version`. The present one comes at once, then every change; a comment every 15 s keeps the stream open."
    )
    return {
        "200": {"description": text + removed, "content": {"text/event-stream": {"schema": {"type": "string"}}}},
        "401": {"description": "No session, token or fresh ticket."},
        "404": {"description": f"No such {name}, or not yours."},
    }
