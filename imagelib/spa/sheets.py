"""`/sysExportTemplate/…`: the three Excel buttons of the front end.

It asks for a path first, with its token, and opens that path in a new tab, which sends no token: the path holds a
ticket that is good for one download.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar

from django.http import HttpResponse
from django.urls import path, re_path
from django.utils import timezone
from django.utils.http import content_disposition_header, urlencode
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import OperatorsOnly
from core.dialects.gva import GvaView, not_found, success
from core.dialects.gva_import import import_sheet
from core.dialects.gva_schema import NUMBER, SpaSchema, answers, json_object
from core.dialects.gva_sheet_kinds import SheetKind, export_file, refuse_too_large, refuse_too_many, template_file
from core.downloads import allow_download, redeem_download
from core.errors import InvalidInput
from core.parsers import Upload
from core.sheets.writer import XLSX
from imagelib.sheets import IMAGES
from instances.sheets import INSTANCES, SPECS
from nodes.sheets import NODES

PREFIX = "sysExportTemplate"
KINDS: Mapping[str, SheetKind] = {kind.template: kind for kind in (IMAGES, NODES, SPECS, INSTANCES)}
_TEMPLATE, _EXPORT = "exportTemplate", "exportExcel"

_TEMPLATE_ID = OpenApiParameter("templateID", str, required=True, enum=list(KINDS), description="The kind of record.")
_TOKEN = OpenApiParameter("token", str, required=True, description="Good for one download within half an hour.")
_PATH = answers({"type": "string", "description": "Path of the download, to be opened below /api."})
_FILE = {(200, XLSX): OpenApiTypes.BINARY}
_UPLOAD = {"multipart/form-data": json_object(file={"type": "string", "format": "binary"})}
_COUNTS = answers(json_object(created=NUMBER, changed=NUMBER, unchanged=NUMBER))


class SheetView(GvaView):
    schema = SpaSchema()

    def kind(self, template: str) -> SheetKind:
        if template not in KINDS:
            text = _("There is no such template. Known ones: %(known)s.")
            raise InvalidInput({"templateID": text % {"known": ", ".join(KINDS)}})
        return KINDS[template]


class TicketView(SheetView):
    """Answers the path of a download."""

    permission_classes = [IsAuthenticated]
    verb: ClassVar[str]

    def get(self, request: Request) -> Response:
        kind = self.kind(request.query_params.get("templateID", ""))
        self.refuse_early(kind, request)
        token = allow_download(user=request.user, action=self.verb, subject=kind.template, now=timezone.now())
        return success(_("Fetched successfully"), f"/{PREFIX}/{self.verb}ByToken?{urlencode({'token': token})}")

    def refuse_early(self, kind: SheetKind, request: Request) -> None:
        """What is better told on the page than in a new tab."""


@extend_schema(
    parameters=[_TEMPLATE_ID],
    responses=_PATH,
    description="Where to download an empty sheet, with explanations of its columns.",
)
class TemplateTicketView(TicketView):
    verb = _TEMPLATE


@extend_schema(
    parameters=[_TEMPLATE_ID],
    responses=_PATH,
    description="Where to download the records that the user may see, 10,000 at most.",
)
class ExportTicketView(TicketView):
    verb = _EXPORT

    def refuse_early(self, kind: SheetKind, request: Request) -> None:
        refuse_too_many(kind.views_for(request))
        refuse_too_large(kind, request)


class DownloadView(SheetView):
    """Answers the file itself. The ticket is the login."""

    authentication_classes = []
    permission_classes = []
    http_method_names = ["get"]  # whoever asks for the head alone must not use up the ticket
    verb: ClassVar[str]

    def get(self, request: Request) -> HttpResponse:
        token = request.query_params.get("token", "")
        request.user, template = redeem_download(token=token, action=self.verb, now=timezone.now())
        name, file = self.file(self.kind(template), request)
        headers = {"Content-Disposition": content_disposition_header(True, name), "Cache-Control": "no-store"}
        return HttpResponse(file, content_type=XLSX, headers=headers)

    def file(self, kind: SheetKind, request: Request) -> tuple[str, Any]:
        raise NotImplementedError


@extend_schema(
    parameters=[_TOKEN],
    responses=_FILE,
    description="The empty sheet.",
)
class TemplateDownloadView(DownloadView):
    verb = _TEMPLATE

    def file(self, kind: SheetKind, request: Request) -> tuple[str, Any]:
        return _("%(title)s (template).xlsx") % {"title": kind.title}, template_file(kind)


@extend_schema(
    parameters=[_TOKEN],
    responses=_FILE,
    description="The records, as they are at this moment.",
)
class ExportDownloadView(DownloadView):
    verb = _EXPORT

    def file(self, kind: SheetKind, request: Request) -> tuple[str, Any]:
        return f"{kind.title} {timezone.localtime():%Y-%m-%d %H%M}.xlsx", export_file(kind, request)


@extend_schema(
    parameters=[_TEMPLATE_ID],
    request=_UPLOAD,
    responses=_COUNTS,
    description="Store the rows of a sheet, all or none: 5 MB and 10,000 rows at most.",
)
class ImportView(SheetView):
    permission_classes = [OperatorsOnly]
    parser_classes = [Upload]

    def post(self, request: Request) -> Response:
        kind = self.kind(request.query_params.get("templateID", ""))
        files = request.FILES.getlist("file")
        if len(files) != 1:
            raise InvalidInput({"file": _("Send one file, an Excel workbook (.xlsx).")})
        counts = asdict(import_sheet(kind, request, files[0]))
        text = _("Imported: %(created)s created, %(changed)s changed, %(unchanged)s unchanged.")
        return success(text % counts, counts)

    def failure(self) -> Any:
        return _("Import failed: ")


urlpatterns = [
    path(f"{PREFIX}/{_TEMPLATE}", TemplateTicketView.as_view()),
    path(f"{PREFIX}/{_EXPORT}", ExportTicketView.as_view()),
    path(f"{PREFIX}/{_TEMPLATE}ByToken", TemplateDownloadView.as_view()),
    path(f"{PREFIX}/{_EXPORT}ByToken", ExportDownloadView.as_view()),
    path(f"{PREFIX}/importExcel", ImportView.as_view()),
    re_path(rf"^{PREFIX}(?:/.*)?$", not_found),
]
