"""What the pages that run something share: a form, then what would be used, then what was made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from appimages.models import AppImage
from core.admin_tools import CONFIRMED, OperatorAdmin
from core.errors import DomainError, InvalidInput
from imagelib.models import ImageRegistry
from instances.models import ProductSpec
from nodes.models import ComputeNode

_LACKING: dict[type[models.Model], tuple[Any, Any, str]] = {
    ImageRegistry: (_("There is no image in the library yet."), _("Add an image"), "admin:imagelib_imageregistry_add"),
    AppImage: (_("There is no AppImage yet."), _("Import AppImages"), "admin:appimages_appimage_import_files"),
    ProductSpec: (_("There is no product spec yet."), _("Add a product spec"), "admin:instances_productspec_add"),
    ComputeNode: (_("There is no compute node yet."), _("Add a compute node"), "admin:nodes_computenode_add"),
}


@dataclass(frozen=True, slots=True)
class RunPage:
    """`preview` shows what would be used, `run` does it and returns the row that was made; both raise `DomainError`."""

    page: OperatorAdmin
    title: Any
    hint: Any
    button: Any
    needs: tuple[type[models.Model], ...]  # of which there has to be one first
    preview: Callable[[Any], HttpResponse]
    run: Callable[[Any], models.Model]
    optional: tuple[str, ...] = ()  # fields that most people leave as they are
    optional_title: Any = ""

    def answer(self, request: HttpRequest, form: Any) -> HttpResponse:
        """To a POST: what would be used; with `confirmed` it is done, with `edit` the form comes again."""
        if request.POST.get("edit") or not form.is_valid():
            return self.form(request, form)
        try:
            if request.POST.get(CONFIRMED):
                return HttpResponseRedirect(self.page.change_url(self.run(form).pk))
            return self.preview(form)
        except InvalidInput as error:
            for name, texts in error.fields.items():
                here = name in form.fields
                form.add_error(name if here else None, [str(text) if here else f"{name}: {text}" for text in texts])
            return self.form(request, form)
        except DomainError as error:
            return self.form(request, form, refused=error)

    def form(self, request: HttpRequest, form: forms.Form, refused: DomainError | None = None) -> HttpResponse:
        context = {
            **self.page.frame(request, self.title),
            "hint": self.hint,
            "button": self.button,
            "form": form,
            "fields": [field for field in form if field.name not in self.optional],
            "optional": [form[name] for name in self.optional],
            "optional_title": self.optional_title,
            "optional_open": any(form[name].errors or _is_filled(form[name].value()) for name in self.optional),
            "refused": refused,
            "reasons": refused.extra.get("nodes", []) if refused else [],
            "lacking": list(_lacking(self.needs)),
            "back": self.page.changelist_url(),
        }
        return TemplateResponse(request, "imagelib/run_form.html", context)


def _is_filled(value: Any) -> bool:
    return value not in (None, "", "no")


def _lacking(needs: Iterable[type[models.Model]]) -> Iterable[dict[str, Any]]:
    for model in needs:
        if not model._default_manager.exists():
            text, link, url = _LACKING[model]
            yield {"text": text, "link": link, "url": reverse(url)}
