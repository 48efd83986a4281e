"""Pieces that every native API view shares."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from core.errors import DomainError
from core.fields import MASK

UNKNOWN_FIELD = "unknown_field"
_UNKNOWN = _("There is no such field. Known fields: %(known)s.")


class JsonAlways(BaseContentNegotiation):
    """The answer is JSON whatever `Accept` says, for clients that ask for something else, or that have no choice."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        return next((parser for parser in parsers if parser.media_type in (request.content_type or "")), None)

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class OperatorsWrite(BasePermission):
    """Everybody who is logged in reads; operators (staff) do everything."""

    def has_permission(self, request: Request, view: Any) -> bool:
        user = request.user
        return bool(user and user.is_authenticated and (request.method in SAFE_METHODS or user.is_staff))


class OperatorsOnly(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user and request.user.is_authenticated and request.user.is_staff)


class UpgradeNeeded(DomainError):
    """The address of a WebSocket, asked for as if it were a page."""

    code = "upgrade_needed"
    http_status = 426
    title = _("This is the address of a WebSocket")

    def __init__(self) -> None:
        super().__init__(
            _("Open this address as a WebSocket. Proxies in between must pass “Upgrade” and “Connection” on.")
        )


class ListedRecords:
    """Beside `ModelViewSet`: records that operators write through services, and list or unlist."""

    def save_record(self, values: Any, row: Any) -> Any:
        """Call the service that creates (`row` is None) or changes. Returns the row."""
        raise NotImplementedError

    def delete_records(self, ids: list[int]) -> None:
        raise NotImplementedError

    def list_records(self, ids: list[int], listed: bool) -> None:
        raise NotImplementedError

    def perform_create(self, serializer: Any) -> None:
        serializer.instance = self.save_record(serializer.validated_data, None)

    def perform_update(self, serializer: Any) -> None:
        self.save_record(serializer.validated_data, serializer.instance)

    def perform_destroy(self, instance: Any) -> None:
        self.delete_records([instance.pk])

    @extend_schema(request=None)
    @action(detail=True, methods=["post"], url_path="list", permission_classes=[OperatorsOnly])
    def list_entry(self, request: Request, pk: int) -> Response:
        """Make it visible to everybody, and usable."""
        return self._switch(True)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"], permission_classes=[OperatorsOnly])
    def unlist(self, request: Request, pk: int) -> Response:
        """Hide it from ordinary users. What was made with it stays."""
        return self._switch(False)

    def _switch(self: Any, listed: bool) -> Response:
        self.list_records([self.get_object().pk], listed)
        return Response(self.get_serializer(self.get_object()).data)


class SecretField(serializers.CharField):
    """Write-only. Left out, or as the mask `******`, it means "keep"; an empty text clears."""

    def __init__(self, **options: Any) -> None:
        options = {"required": False, "allow_blank": True, "trim_whitespace": False, **options}
        super().__init__(write_only=True, **options)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if data == MASK:
            raise serializers.SkipField
        return super().run_validation(data)


class Text(serializers.CharField):
    """As it is: it may be blank or begin with a blank, and a number is no text (1.10 would become 1.1)."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_blank": True, "trim_whitespace": False, **options})

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class AskedFields(serializers.Serializer):
    """Refuses keys it does not know, so that a misspelt field is an error and not a silent loss."""

    def to_internal_value(self, data: Any) -> Any:
        refuse_unknown(self, data)
        return super().to_internal_value(data)


class StrictModelSerializer(serializers.ModelSerializer):
    """Uniqueness is judged by the services and the database; unknown keys are refused."""

    def to_internal_value(self, data: Any) -> Any:
        refuse_unknown(self, data)
        return super().to_internal_value(data)

    def get_validators(self) -> list[Any]:
        return []


def refuse_unknown(serializer: serializers.BaseSerializer, data: Any) -> None:
    """Raise for keys of the body that are no fields at all; read-only fields may come back unchanged."""
    if not isinstance(data, dict):
        return
    fields = serializer.fields  # type: ignore[attr-defined]
    unknown = [str(name) for name in data if name not in fields]
    if unknown:
        known = ", ".join(name for name, field in fields.items() if not field.read_only)
        text = serializers.ErrorDetail(str(_UNKNOWN) % {"known": known}, code=UNKNOWN_FIELD)
        raise serializers.ValidationError({name: [text] for name in unknown})


class NoticeShape(serializers.Serializer):
    """A fault of a file, or a warning, in the OpenAPI document."""

    document = serializers.IntegerField(allow_null=True, help_text="Which one of the file, counted from 1.")
    line = serializers.IntegerField(allow_null=True)
    field = serializers.CharField(help_text="spec.deployTemplates[0].spec.containers[0].ports[0].protocol")
    message = serializers.CharField()
