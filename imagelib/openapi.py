"""The event streams in the OpenAPI document: they are no REST views, so the generator cannot find them."""

from __future__ import annotations

from typing import Any


def add_event_streams(result: dict[str, Any], **_context: Any) -> dict[str, Any]:
    """A post-processing hook of drf-spectacular."""
    one = {"in": "path", "name": "id", "required": True, "schema": {"type": "integer"}}
    many = {"in": "query", "name": "id", "schema": {"type": "array", "items": {"type": "integer"}}, "explode": True}
    for kind, name in (("builds", "build"), ("pulls", "pull"), ("instances", "instance")):
        for way, parameter, text in (("{id}/", one, f"One {name}, live."), ("", many, f"Up to 100 {kind}, live.")):
            operation = f"{kind}_events_{'retrieve' if way else 'list'}"
            result["paths"][f"/api/{kind}/{way}events/"] = _stream(
                kind, name, operation, text, [parameter, _ticket(kind)]
            )
    return result


def _ticket(kind: str) -> dict[str, Any]:
    return {
        "in": "query", "name": "ticket", "schema": {"type": "string"},
        "description": f"From `POST /api/{kind}/{{id}}/ticket/`, for clients that cannot send headers. A stream opened "
        "with it ends with the access token that asked for it, or half an hour after a session did.",
    }  # fmt: skip


def _stream(kind: str, name: str, operation: str, text: str, parameters: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "get": {
            "operationId": operation, "description": text, "tags": [kind], "parameters": parameters,
            "security": [{"jwtAuth": []}, {"cookieAuth": []}, {}], "responses": _answers(kind, name),
        }
    }  # fmt: skip


def _answers(kind: str, name: str) -> dict[str, Any]:
    text = (
        f"`event: snapshot`, `id:` the row's version, `data:` a snapshot as `GET /api/{kind}/{{id}}/` gives it, with "
        "its `version`. The present one comes at once, then every change; a comment every 15 s keeps the stream open. "
        "It ends with the login that opened it."
    )
    answers = {
        "200": {"description": text, "content": {"text/event-stream": {"schema": {"type": "string"}}}},
        "401": {"description": "No session, token or fresh ticket."},
        "404": {"description": f"No such {name}, or not yours."},
    }
    if kind == "builds":
        answers["200"]["description"] += (
            " New lines of the log: `GET /api/builds/{id}/log/?from=N` when `log_lines` grew."
        )
    if kind == "instances":
        answers["200"]["description"] += (
            " One that was removed has the state `removed`, and so has any that is not yours or never was: a stream of "
            "nothing else ends with it, and with its id as `Last-Event-ID` it is 204."
        )
        answers["404"]["description"] = "No instance was named."
    return answers
