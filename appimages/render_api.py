"""`POST /api/appimages/{name}/render/`: configuration files before anything runs."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from appimages.previewing import preview_files
from appimages.services import get_app_image
from core.api import AskedFields, Text


class RenderAsked(AskedFields):
    variables = serializers.DictField(child=Text(), required=False, default=dict, help_text='{"TASK_ID": "task-1"}')
    role = Text(required=False, max_length=255, default="", help_text="server")


class RenderedFile(serializers.Serializer):
    container = serializers.CharField()
    path = serializers.CharField(help_text="Absolute, within the container.")
    config_template = serializers.CharField()
    text = serializers.CharField()


class RenderAnswer(serializers.Serializer):
    deploy_template = serializers.CharField(help_text="The one that was chosen for the role.")
    files = RenderedFile(many=True)
    unresolved = serializers.ListField(
        child=serializers.CharField(), help_text="Variables, and paths into them, that had no value: they are empty."
    )
    warnings = serializers.ListField(child=serializers.CharField())


@extend_schema(tags=["appimages"])
class RenderView(APIView):
    """The configuration files of an AppImage with given values."""

    permission_classes = [IsAuthenticated]

    @extend_schema(request=RenderAsked, responses=RenderAnswer)
    def post(self, request: Request, name: str) -> Response:
        """All files that the containers of the role would get. Stores and starts nothing.

        Variables are the plain ones of each container's environment, then those given here. Secrets never are:
        `KUSCIA_API_TOKEN`, `KUSCIA_DOMAIN_KEY_DATA` and registry passwords cannot be given and are never filled in.
        """
        asked = RenderAsked(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response(preview_files(document=get_app_image(name=name).document, **asked.validated_data))
