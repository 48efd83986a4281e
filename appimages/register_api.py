"""`POST /api/appimages/register/`: store the AppImages of a template and have their image on nodes, in one step."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from appimages.registration import Mode, register
from core.api import NoticeShape, OperatorsOnly, Text
from core.parsers import JSONBody, Upload
from pulls.models import Source
from pulls.serializers import NodeResult, SourceAsked
from pulls.snapshot import snapshot


class RegisterAsked(SourceAsked):
    """`yaml` is the template as a text, `file` the same in a form."""

    image = Text(allow_blank=False, max_length=3000, help_text="registry.example.com/team/app:v1")
    nodes = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), required=False, max_length=1000
    )
    yaml = Text(allow_blank=False, required=False)
    file = serializers.FileField(required=False)
    name = Text(allow_blank=False, required=False, max_length=63, help_text="my-image")
    mode = serializers.ChoiceField(choices=Mode.choices, required=False)

    def get_fields(self) -> dict[str, Any]:
        """`import` is a word of Python's own."""
        return {**super().get_fields(), "import": serializers.BooleanField(required=False)}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "yaml" in attrs and "file" in attrs:
            raise serializers.ValidationError({"yaml": _('Give the template once: either "yaml" or "file", for example '
                                                         'curl -F file=@app_image.yaml.')})  # fmt: skip
        if not attrs.get("import") and SourceAsked().fields.keys() & attrs.keys():
            raise serializers.ValidationError({"import": _('Where the image comes from is asked with its import alone: '
                                                           'give "import": true too.')})  # fmt: skip
        return attrs


class RegisterAnswer(serializers.Serializer):
    created = serializers.ListField(child=serializers.CharField(), help_text="Names.")
    updated = serializers.ListField(child=serializers.CharField(), help_text="Names of those that existed.")
    warnings = NoticeShape(many=True)
    pulls = NodeResult(many=True, help_text="One for each node, when the import was asked for.")


class RegisterView(APIView):
    permission_classes = [OperatorsOnly]
    parser_classes = [JSONBody, Upload]

    @extend_schema(
        tags=["appimages"],
        operation_id="appimages_register",
        request={"application/json": RegisterAsked, "multipart/form-data": RegisterAsked},
        responses=RegisterAnswer,
    )
    def post(self, request: Request) -> Response:
        """Create or replace the AppImages of a template with the given image. With `import` the nodes get the image,
        where they do not have it: from the registry if it answers them, else from a node that has it, unless `source`,
        `source_node` and `archive` say otherwise, as for pulls.

        `mode` "p2p" (the usual one) wants the nodes named; "central" means all listed ones unless some are named.
        """
        asked = RegisterAsked(data=request.data)
        asked.is_valid(raise_exception=True)
        values = asked.validated_data
        file = values.get("file")
        registration, stored, pulls = register(
            author=request.user,
            image=values["image"],
            template=file.read() if file else values["yaml"].encode() if "yaml" in values else None,
            name=values.get("name"),
            nodes=values.get("nodes", []),
            mode=values.get("mode", Mode.P2P),
            with_import=values.get("import", False),
            wanted_from={"source": Source.AUTO, **asked.wanted_from()},
        )
        now = timezone.now()
        return Response(
            {
                "created": stored.created,
                "updated": stored.updated,
                "warnings": registration.warnings,
                "pulls": [{"node": node, "pull": snapshot(job, now=now)} for node, job in pulls],
            }
        )
