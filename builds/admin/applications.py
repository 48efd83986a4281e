"""Admin pages of applications: the list, and one with its files, builds and versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Max
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display

from builds.admin.application_files import check_view, edit_page, packages_view, rollback_page, version_page
from builds.admin.application_pages import copy_page, import_page, secrets_page
from builds.admin.build_cells import asked_by, state_and_why
from builds.application_versions import versions_of
from builds.hint_texts import NEED_FILES
from builds.hook_texts import recent_deliveries
from builds.models import Application, Build, SourceKind
from builds.naming import base_reference
from builds.previewing import base_of, hints_for
from builds.services import applications as services
from builds.services.application_exports import export_application, workflow_of
from builds.services.application_files import files_of
from builds.services.application_rules import image_name
from builds.services.application_secrets import secret_names
from core.admin_forms import SecretField, ServiceForm
from core.admin_tools import OperatorAdmin, age, job_state, label, two_lines
from imagelib.addresses import AddressError

_SHOWN = 20


class ApplicationForm(ServiceForm):
    acts_as: Any = None
    git_password = SecretField(label=gettext_lazy("git password or token"), max_length=2000)
    webhook_secret = SecretField(label=gettext_lazy("webhook secret"), max_length=255)

    class Meta:
        model = Application
        fields = services.FIELDS
        help_texts = {
            "name": gettext_lazy(
                "Small letters and digits, for example jupyter-pytorch-x, whose folder is src/jupyter-pytorch-x."
            ),
            "base_namespace": gettext_lazy("For example jupyter; of several parts with / between them."),
            "base_image": gettext_lazy("Without registry and tag, for example scipy-notebook."),
            "base_tag": gettext_lazy(
                "One that does not move, for example python-3.11. It begins the tags of the images that are made."
            ),
            "target_namespace": gettext_lazy("The project in the target registry, for example team."),
            "git_url": gettext_lazy("For example https://git.example.com/team/images.git. Empty: files are kept here."),
            "git_branch": gettext_lazy("The one that is built, for example main."),
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        target: Any = self.fields["target_registry"]
        if not self.instance.pk and target.queryset.filter(is_default=True).exists():
            self.initial.setdefault("target_registry", target.queryset.get(is_default=True).pk)
        self.fields["git_path"].help_text = _("For example src/jupyter-pytorch-x, which a new application has anyway.")
        self.fields["webhook_secret"].help_text = _("%(kept)s Without one, pushes build nothing.") % {
            "kept": self.fields["webhook_secret"].help_text
        }
        self.fields["description"].widget = forms.TextInput(attrs=self.fields["name"].widget.attrs)

    def changed_values(self) -> dict[str, Any]:
        """A new application has its usual folder unless another one is given."""
        values = super().changed_values()
        if not self.instance.pk and not values.get("git_path"):
            values.pop("git_path", None)
        return values

    def judge(self, values: Mapping[str, Any], row: Any) -> None:
        if row is None:
            services.create_application(user=self.acts_as, values=values)
        else:
            services.update_application(user=self.acts_as, application=row, values=values)


@admin.register(Application)
class ApplicationAdmin(OperatorAdmin):
    """Its page shows it; values and files are changed on pages of their own."""

    after_deletion = gettext_lazy(
        "All versions of its files, its build secrets and its messages of the git server go with it, for good. "
        "Builds stay in their list; images stay in the registry and in the image library."
    )
    form = ApplicationForm
    list_display = ("what", "makes", "kept", "built", "changed")
    list_display_links = ("what",)
    list_filter = ("source",)
    list_select_related = ("owner", "target_registry")
    search_fields = ("name", "base_image", "suffix", "owner__username")
    ordering = ("name",)
    actions_list = ("import_files",)
    actions_row = ("edit_files", "copy_row")
    fieldsets = (
        (None, {"fields": ("name", "description")}),
        (gettext_lazy("Base"), {"fields": ("base_registry", "base_namespace", "base_image", "base_tag")}),
        (
            gettext_lazy("Target"),
            {
                "fields": ("target_registry", "target_namespace", "suffix"),
                "description": gettext_lazy(
                    "Images are called TARGET_REGISTRY / TARGET_NAMESPACE / BASE_IMAGE [-SUFFIX] : BASE_TAG - REVISION."
                ),
            },
        ),
        (
            gettext_lazy("Git repository, if the files are not kept here"),
            {"fields": ("git_url", "git_branch", "git_path", "git_username", "git_password", "webhook_secret")},
        ),
    )

    def get_urls(self) -> list[Any]:
        def at(route: str, view: Any, name: str) -> Any:
            return path(route, self.admin_site.admin_view(view), name=f"builds_application_{name}")

        return [
            at("check/", lambda request: check_view(self, request), "check"),
            at("packages/", lambda request: packages_view(self, request), "packages"),
            at("<int:object_id>/values/", self.values_view, "values"),
            at("<int:object_id>/secrets/", self.secrets_view, "secrets"),
            at("<int:object_id>/export/<str:what>/", self.export_view, "export"),
            at("<int:object_id>/versions/<int:number>/", self.version_view, "version"),
            at("<int:object_id>/versions/<int:number>/rollback/", self.rollback_view, "rollback"),
            *super().get_urls(),
        ]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.acts_as = request.user
        return form

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The newest build of each is looked up once for the whole page."""
        page = super().get_changelist_instance(request)
        newest: dict[int | None, Build] = {}
        for build in Build.objects.filter(pk__in=_newest_builds(page.result_list)):
            newest[build.application_id] = build
        for row in page.result_list:
            row.newest_build = newest.get(row.pk)
        return page

    # --- columns -----------------------------------------------------------------------------------------------------

    @display(description=gettext_lazy("application"), ordering="name")
    def what(self, row: Application) -> SafeString:
        return two_lines(row.name, row.owner or _("nobody"), title=row.description)

    @display(description=gettext_lazy("base → image"), ordering="base_image")
    def makes(self, row: Application) -> SafeString:
        return two_lines(_base(row), f"→ {_repository(row)}")

    @display(description=gettext_lazy("source"), ordering="source")
    def kept(self, row: Application) -> SafeString | str:
        if row.source == SourceKind.GIT:
            return two_lines(row.git_url, f"{row.git_branch} · {row.git_path}")
        return _("version %(number)s") % {"number": row.version} if row.version else label(_("no files yet"), "warning")

    @display(description=gettext_lazy("newest build"))
    def built(self, row: Any) -> SafeString | str:
        build = row.newest_build
        if build is None:
            return "–"
        state = job_state(build)
        at = reverse("admin:builds_build_change", args=[build.pk])
        link = format_html('<a class="il-link" href="{}">{} #{}</a>', at, state, build.pk)
        return two_lines(link, build.revision[:8], title=build.reference)

    @display(description=gettext_lazy("changed"), ordering="updated_at")
    def changed(self, row: Application) -> SafeString | str:
        return age(row.updated_at)

    # --- one of them -------------------------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        row = self.row_or_404(request, object_id)
        files = files_of(row)
        versions = list(versions_of(row)[:_SHOWN])
        context = {
            **self.frame(request, row.name),
            "row": row,
            "base": _base(row),
            "repository": _repository(row),
            "files": files,
            "need_files": NEED_FILES,
            "hints": hints_for(files, base=base_of(row)),
            "builds": [
                (build, state_and_why(build), asked_by(build))
                for build in row.builds.select_related("requested_by")[:_SHOWN]
            ],
            "changed": age(row.updated_at),
            "hook_url": request.build_absolute_uri(reverse("hooks-git")),
            "secrets": secret_names(row),
            "versions": versions,
            "older": row.versions.count() - len(versions),
            **(recent_deliveries(row) if row.source == SourceKind.GIT else {}),
        }
        return TemplateResponse(request, "builds/application.html", context)

    def values_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The theme's form."""
        return super().change_view(request, str(object_id))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            services.update_application(user=request.user, application=obj, values=form.changed_values())
        else:
            row = services.create_application(user=request.user, values=form.changed_values())
            obj.pk, obj.source = row.pk, row.source

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """On to the files, where they are kept here."""
        kept = obj.source == SourceKind.FILES
        at = reverse("admin:builds_application_edit_files", args=[obj.pk]) if kept else self.change_url(obj.pk)
        return HttpResponseRedirect(at)

    def response_post_save_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        return HttpResponseRedirect(self.change_url(obj.pk))

    def export_view(self, request: HttpRequest, object_id: int, what: str) -> HttpResponse:
        row = self.row_or_404(request, str(object_id))
        if what == "workflow":
            name, kind, content = f"build-push-{row.name}.yaml", "application/yaml", workflow_of(row).encode()
        else:
            name, kind, content = f"{row.name}.zip", "application/zip", export_application(row)
        answer = HttpResponse(content, content_type=kind)
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer

    # --- other pages -------------------------------------------------------------------------------------------------

    @action(description=gettext_lazy("Edit files"), url_path="files", icon="edit")
    def edit_files(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return edit_page(self, request, self.row_or_404(request, object_id))

    @action(description=gettext_lazy("Copy…"), url_path="copy", icon="content_copy")
    def copy_row(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return copy_page(self, request, self.row_or_404(request, object_id))

    @action(description=gettext_lazy("Import a repository…"), url_path="import", icon="upload")
    def import_files(self, request: HttpRequest) -> HttpResponse:
        return import_page(self, request)

    def secrets_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return secrets_page(self, request, self.row_or_404(request, str(object_id)))

    def version_view(self, request: HttpRequest, object_id: int, number: int) -> HttpResponse:
        return version_page(self, request, self.row_or_404(request, str(object_id)), number)

    def rollback_view(self, request: HttpRequest, object_id: int, number: int) -> HttpResponse:
        return rollback_page(self, request, self.row_or_404(request, str(object_id)), number)

    def delete_rows(self, request: HttpRequest, ids: list[int]) -> None:
        services.delete_applications(user=request.user, ids=ids)


def _newest_builds(rows: Any) -> list[int]:
    ids = [row.pk for row in rows]
    found = Build.objects.filter(application__in=ids).order_by().values("application").annotate(newest=Max("pk"))
    return [item["newest"] for item in found]


def _base(row: Application) -> str:
    try:
        return base_reference(**base_of(row))
    except AddressError:
        return f"{row.base_image}:{row.base_tag}"


def _repository(row: Application) -> str:
    return image_name(row) or "–"
