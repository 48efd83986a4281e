"""Kuscia's API in the OpenAPI document, under the tag `kuscia`: made of the tables that its messages are read by."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from appimages.kuscia.fields import Field, Kind, Message

TAG = "kuscia"
_TEXT, _NUMBER = {"type": "string"}, {"type": "integer"}
_STATUS = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {"code": _NUMBER, "message": _TEXT, "details": {"type": "array", "items": {"type": "object"}}},
}


class TokenHeader(OpenApiAuthenticationExtension):
    target_class = "appimages.kuscia.authentication.TokenAuthentication"
    name = "kusciaToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "apiKey", "in": "header", "name": "Token"}


class KusciaSchema(AutoSchema):
    """A route is named as Kuscia's own method for it."""

    def get_tags(self) -> list[str]:
        return [TAG]

    def get_operation_id(self) -> str:
        return f"kuscia_{self.path.rpartition('/')[2]}"

    def get_request_serializer(self) -> Any:
        return {"application/json": _object(self._message(), asked=True)}

    def get_response_serializers(self) -> Any:
        answer: dict[str, Any] = {"type": "object", "required": ["status"], "properties": {"status": _STATUS}}
        if described := self.view.answers:  # type: ignore[attr-defined]
            data = _object(described)
            many = self.view.many  # type: ignore[attr-defined]
            answer["properties"]["data"] = {"type": "array", "items": data} if many else {**data, "nullable": True}
        return {("200", "application/json"): answer, "401": None}

    def _message(self) -> Message:
        found: Message = self.view.message  # type: ignore[attr-defined]
        return found


def _object(message: Message, *, asked: bool = False) -> dict[str, Any]:
    """Nothing is required of who asks, protobuf has no such thing; everything is there in an answer."""
    properties = {field.name: _property(field, asked=asked) for field in message.fields}
    return {"type": "object", "properties": properties} | ({} if asked else {"required": list(properties)})


def _property(field: Field, *, asked: bool) -> dict[str, Any]:
    match field.kind:
        case Kind.TEXT:
            return _TEXT
        case Kind.INT32:
            return {**_NUMBER, "format": "int32"}
        case Kind.INT64:
            return {**_TEXT, "format": "int64"}
        case Kind.TEXTS:
            return {"type": "array", "items": _TEXT}
        case Kind.MAP:
            return {"type": "object", "additionalProperties": _TEXT}
        case Kind.MESSAGES:
            return {"type": "array", "items": _object(field.message, asked=asked)}
    return {**_object(field.message, asked=asked), "nullable": True}
