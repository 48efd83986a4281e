"""Kuscia's seven routes: read, check in its order, ask the services, answer."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.utils.encoding import escape_uri_path, iri_to_uri
from rest_framework.request import Request

from appimages import services
from appimages.kuscia import checks, messages, pages
from appimages.kuscia.answering import app_image_view
from appimages.kuscia.authentication import TokenAuthentication
from appimages.kuscia.fields import Message
from appimages.kuscia.keeping import kept_templates
from appimages.kuscia.reading import read_message
from appimages.kuscia.refusals import (
    BATCH_QUERY_FAILED,
    CREATE_FAILED,
    DELETE_FAILED,
    EXISTS,
    LIST_FAILED,
    MISSING,
    QUERY_FAILED,
    UPDATE_FAILED,
    exists_text,
    not_found_text,
)
from appimages.kuscia.schema import KusciaSchema
from appimages.kuscia.store_rules import refuse_what_the_store_would
from appimages.kuscia.storing import BadAmount, document_of
from core.dialects.kuscia import KusciaView, Refusal, success


class AppImageView(KusciaView):
    """One route. A subclass says which message it reads and what it does with it."""

    authentication_classes = [TokenAuthentication]
    schema: Any = KusciaSchema()
    message: Message
    missing = MISSING
    answers: Message | None = None  # what is in `data`; None: no `data` at all
    many = False

    def post(self, request: Request) -> HttpResponse:
        body = read_message(self.message, request)
        try:
            return self.carry_out(body, request.user)
        except services.AppImageMissing:
            raise Refusal(self.missing, not_found_text(body["name"])) from None
        except BadAmount as error:
            raise Refusal(self.failed, str(error)) from None

    def carry_out(self, body: dict[str, Any], user: Any) -> HttpResponse:
        raise NotImplementedError


class Create(AppImageView):
    """Create an AppImage."""

    message, failed = messages.CREATE, CREATE_FAILED

    def carry_out(self, body: dict[str, Any], user: Any) -> HttpResponse:
        checks.check_create(body)
        name, document = body["name"], document_of(body)
        refuse_what_the_store_would(name, document, code=self.failed)
        try:
            services.create_app_image(name=name, document=document, author=user)
        except services.AppImageExists:
            raise Refusal(EXISTS, exists_text(name)) from None
        return success()


class Update(AppImageView):
    """Replace the image, and what else is given: configuration templates or deploy templates, each as a whole.

    What this API cannot say (GPUs, port numbers, network policies…) stays with the template and container of the
    same name.
    """

    message, failed = messages.UPDATE, UPDATE_FAILED

    def carry_out(self, body: dict[str, Any], user: Any) -> HttpResponse:
        checks.check_update(body)
        services.update_app_image(name=body["name"], change=lambda old: self._changed(old, body), author=user)
        return success()

    def _changed(self, old: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
        given = document_of(body)
        refuse_what_the_store_would(body["name"], given, code=self.failed)
        found = {**old, **given}
        if not body.get("config_templates", True):
            found.pop("configTemplates", None)
        if "deployTemplates" in given:
            found["deployTemplates"] = kept_templates(old.get("deployTemplates") or [], given["deployTemplates"])
        return found


class Delete(AppImageView):
    """Delete an AppImage with all its versions. Refused while containers run it."""

    message, failed, missing = messages.DELETE, DELETE_FAILED, DELETE_FAILED

    def carry_out(self, body: dict[str, Any], user: Any) -> HttpResponse:
        checks.check_name_given(body)
        services.delete_app_image(name=body["name"], author=user)
        return success()


class Query(AppImageView):
    """One AppImage."""

    message, failed, answers, data_of_refusal = messages.QUERY, QUERY_FAILED, messages.APP_IMAGE, None

    def carry_out(self, body: dict[str, Any], user: Any) -> HttpResponse:
        checks.check_name_given(body)
        row = services.get_app_image(name=body["name"])
        return success(app_image_view(row.name, row.document))


class BatchQuery(AppImageView):
    """Several AppImages, in the order in which they are asked for. One that is missing fails the whole call."""

    message, failed, answers, many = messages.BATCH_QUERY, BATCH_QUERY_FAILED, messages.APP_IMAGE, True
    data_of_refusal = ()

    def carry_out(self, body: dict[str, Any], user: Any) -> HttpResponse:
        names = body.get("names") or []
        checks.check_names(names, limit=pages.MOST_NAMES)
        return success(pages.several(names))


class List(AppImageView):
    """A page of AppImages by name: `page_size` of them (10 unless given), from where `page_token` says."""

    message, failed, answers, data_of_refusal = messages.LIST, LIST_FAILED, messages.PAGE, None

    def carry_out(self, body: dict[str, Any], user: Any) -> HttpResponse:
        return success(pages.page(size=body.get("page_size") or 0, token=body.get("page_token") or ""))


class Elsewhere(KusciaView):
    """Every other path below the prefix."""

    authentication_classes = [TokenAuthentication]
    http_method_names = []
    schema: Any = None

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        return _redirect(request) or super().dispatch(request, *args, **kwargs)


def _redirect(request: Any) -> HttpResponse | None:
    """What Go's server answers before it asks for a token: paths are cleaned, and a slash at the end goes."""
    slash = "/" if request.path.endswith("/") else ""
    clean = f"/{posixpath.normpath(request.path).strip('/')}{slash}"
    if request.path != clean:
        return _to(301, clean, request)
    if slash and request.method == "POST" and clean[len(PREFIX) : -1] in ROUTES and clean.startswith(PREFIX):
        return _to(307, clean[:-1], request)
    return None


def _to(status: int, path: str, request: Any) -> HttpResponse:
    query = request.META.get("QUERY_STRING", "")
    return HttpResponse(
        status=status, headers={"Location": escape_uri_path(path) + (f"?{iri_to_uri(query)}" if query else "")}
    )


PREFIX = "/api/v1/appimage/"
ROUTES: dict[str, type[AppImageView]] = {
    "create": Create,
    "update": Update,
    "delete": Delete,
    "query": Query,
    "list": List,
    "batchQuery": BatchQuery,
    "batch_query": BatchQuery,  # the heading of Kuscia's documentation
}
