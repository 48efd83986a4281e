"""The gva dialect in the OpenAPI document, under the tag `spa`, with the paths below `/api` alone."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from core.dialects.gva_query import as_flag

TAG = "spa"
TEXT, NUMBER, FLAG = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
NOTHING: dict[str, Any] = {"type": "object", "properties": {}}
_OF_THE_SERVER = {
    "ID": serializers.IntegerField,
    "CreatedAt": serializers.DateTimeField,
    "UpdatedAt": serializers.DateTimeField,
}
_ID = OpenApiParameter("ID", int, required=True, description="The number of a record.")
_IDS = OpenApiParameter("IDs[]", int, many=True, required=True, description="The numbers of records: all or none.")
_PAGE = (
    OpenApiParameter("page", int, description="From 1; past the end the last page is answered, with its number."),
    OpenApiParameter("pageSize", int, description="10 unless given, at most 100."),
    OpenApiParameter("createdAtRange[]", str, many=True, description="Two times, RFC 3339: from, and until before."),
)


class TokenHeader(OpenApiAuthenticationExtension):
    target_class = "core.authentication.TokenHeaderAuthentication"
    name = "xToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "apiKey", "in": "header", "name": "x-token"}


def below_api(endpoints: Iterable[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """A pre-processing hook of drf-spectacular: the same routes without the prefix are not described again."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith("/api/")]


def answer(data: dict[str, Any]) -> dict[str, Any]:
    """JSON schema of an answer: success with `data`, or a refusal; both are HTTP 200."""
    return {"oneOf": [_envelope(0, data), refusal()]}


def refusal() -> dict[str, Any]:
    """JSON schema of a refusal alone."""
    return _envelope(7, NOTHING)


def _envelope(code: int, data: dict[str, Any]) -> dict[str, Any]:
    return json_object(code={"type": "integer", "enum": [code]}, data=data, msg={"type": "string"})


def answers(data: dict[str, Any] = NOTHING, *, public: bool = False) -> dict[int, Any]:
    """All answers of a route that has this in `data` when it succeeds."""
    found = {200: answer(data)}
    return found if public else found | {401: refusal()}


class SpaSchema(AutoSchema):
    """A route's name is the last part of its path; the text is that of the view."""

    def get_tags(self) -> list[str]:
        return [TAG]

    def get_operation_id(self) -> str:
        return str(self.path.rpartition("/")[2])


class RecordSchema(SpaSchema):
    """Describes the seven routes of `RecordViews` from its columns, form and filters."""

    @property
    def records(self) -> Any:
        return self.view

    def get_request_serializer(self) -> Any:
        form = self.records.form
        return _changes(form) if self.records.action == "update" else form

    def get_response_serializers(self) -> Any:
        return {"200": answer(self._data()), "401": refusal()}

    def get_override_parameters(self) -> list[Any]:
        action = self.records.action
        if action != "page":
            return {"find": [_ID], "delete": [_ID], "delete_many": [_IDS]}.get(action, [])
        filters = self.records.filters.items()
        return [*_PAGE, *(OpenApiParameter(name, bool if read is as_flag else str) for name, (_, read) in filters)]

    def _data(self) -> dict[str, Any]:
        """What `data` holds when the action succeeds."""
        action = self.records.action
        if action == "create":
            return json_object(ID=NUMBER)
        if action == "public":
            return json_object(info={"type": "array", "items": {"type": "string"}})
        if action not in ("find", "page"):
            return NOTHING
        row: dict[str, Any] = self.resolve_serializer(_row(self.records.__class__), "response").ref
        if action == "find":
            return row
        return json_object(list={"type": "array", "items": row}, total=NUMBER, page=NUMBER, pageSize=NUMBER)


def json_object(**properties: Any) -> dict[str, Any]:
    """JSON schema of an object that has all of these keys."""
    return {"type": "object", "required": list(properties), "properties": properties}


def json_list(items: dict[str, Any]) -> dict[str, Any]:
    """JSON schema of a list."""
    return {"type": "array", "items": items}


@cache
def _row(records: Any) -> type[serializers.Serializer]:
    """A whole record as it is answered: every key is there, and none of the columns is null."""

    class Row(serializers.Serializer):
        def get_fields(self) -> Any:
            fields = records.form().get_fields()  # fresh ones
            answered = {key: _answered(key, fields.get(key)) for key in records.columns}
            return answered | {key: field() for key, field in records.own.items()}

    Row.__name__ = records.form.__name__.replace("Form", "Row")
    return Row


@cache
def _changes(form: type[serializers.Serializer]) -> type[serializers.Serializer]:
    """The body of an update: what `find` answered, or just what changes."""

    class Changes(serializers.Serializer):
        def get_fields(self) -> Any:
            fields = form().get_fields().items()
            return {"ID": serializers.IntegerField(), **{key: _needed(field, False) for key, field in fields}}

    Changes.__name__ = form.__name__.replace("Form", "Update")
    return Changes


def _answered(key: str, field: Any) -> Any:
    if field is None:
        return _OF_THE_SERVER.get(key, serializers.CharField)()
    if field.write_only:
        return serializers.CharField(help_text="`******` when one is stored, else empty.")
    field.allow_null = False
    return _needed(field, True)


def _needed(field: Any, required: bool) -> Any:
    field.required, field.default = required, serializers.empty
    return field
