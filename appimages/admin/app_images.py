"""Admin pages of AppImages: the list, and one with what would be pulled, where that is, and what it was before."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import action, display

from appimages import services
from appimages.admin.editing import check_view, edit_page
from appimages.admin.importing import import_page
from appimages.admin.registering import presence_view, register_page, registered_page
from appimages.admin.rendering import render_page
from appimages.admin.versions import rollback_page, version_page
from appimages.exporting import export_json, export_yaml
from appimages.models import AppImage
from appimages.presence import EffectiveImage, effective_images
from appimages.users import count_users, users_of
from appimages.versions import versions_of
from core.admin_tools import OperatorAdmin, age, label, two_lines
from nodes.services import visible_nodes

_WRITERS = {"yaml": (export_yaml, "application/yaml"), "json": (export_json, "application/json")}
_VERSIONS_SHOWN = 20


@admin.register(AppImage)
class AppImageAdmin(OperatorAdmin):
    """Its document is edited as a whole: the theme's form of single fields is not used."""

    list_display = ("what", "effective", "presence", "used", "numbered", "changed")
    list_display_links = ("what",)
    search_fields = ("name", "image_name", "image_tag")
    ordering = ("name",)
    actions_list = ("register_image", "import_files")
    actions_row = ("run", "edit", "render_files")
    intro = gettext_lazy(
        "An AppImage says how an application image is started: the image, its configuration files and its containers, "
        "as in Kuscia. Import stores Kuscia's YAML here, and nothing more. Register and import also brings the image "
        "onto nodes. Run starts its containers."
    )
    after_deletion = gettext_lazy("The image stays on the nodes that have it.")

    def get_urls(self) -> list[Any]:
        def at(route: str, view: Any, name: str) -> Any:
            return path(route, self.admin_site.admin_view(view), name=f"appimages_{name}")

        return [
            at("check/", self.check_view, "check"),
            at("registered/", self.registered_view, "registered"),
            at("presence/", self.presence_view, "presence"),
            at("<int:object_id>/export/<str:suffix>/", self.export_view, "export"),
            at("<int:object_id>/versions/<int:number>/", self.version_view, "version"),
            at("<int:object_id>/versions/<int:number>/rollback/", self.rollback_view, "rollback"),
            *super().get_urls(),
        ]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """What would be pulled, where it is and what uses it is found out once for the whole page."""
        page = super().get_changelist_instance(request)
        found = effective_images(page.result_list, user=request.user)
        users = count_users(page.result_list)
        for row in page.result_list:
            row.effective, row.users = found[row.name], users[row.pk]
        return page

    # --- columns -----------------------------------------------------------------------------------------------------

    @display(description=gettext_lazy("AppImage"), ordering="name")
    def what(self, row: AppImage) -> SafeString:
        return two_lines(row.name, ", ".join(roles_of(row.document)))

    @display(description=gettext_lazy("what is pulled"), ordering="image_name")
    def effective(self, row: Any) -> SafeString:
        image: EffectiveImage = row.effective
        written = f"{row.image_name}:{row.image_tag}"
        if image.error:
            shown, notes = two_lines(written, _("This is no image.")), [image.error]
        else:
            shown, notes = two_lines(image.reference, origin_of(image), title=written), [*image.warnings]
        if not notes:
            return shown
        return format_html("{} {}", shown, label(_("note"), "warning", title=" ".join(map(str, notes))))

    @display(description=gettext_lazy("on nodes"))
    def presence(self, row: Any) -> SafeString | str:
        count = len(row.effective.places)
        if not count:
            return "–"
        text = ngettext("%(count)s node", "%(count)s nodes", count) % {"count": count}
        link = format_html('<a class="il-link" href="{}#nodes">{}</a>', self.change_url(row.pk), text)
        return format_html("{} {}", link, label(_("differ"), "warning")) if row.effective.differs else link

    @display(description=gettext_lazy("used by"))
    def used(self, row: Any) -> SafeString | str:
        if not row.users:
            return "–"
        return format_html('<a class="il-link" href="{}#users">{}</a>', self.change_url(row.pk), row.users)

    @display(description=gettext_lazy("version"), ordering="version")
    def numbered(self, row: AppImage) -> int:
        return row.version

    @display(description=gettext_lazy("changed"), ordering="updated_at")
    def changed(self, row: AppImage) -> SafeString | str:
        return age(row.updated_at)

    # --- one of them -------------------------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """To be looked at; changes are made on a page of their own."""
        row = self.row_or_404(request, object_id)
        (image,) = effective_images([row], user=request.user).values()
        versions = list(versions_of(row)[:_VERSIONS_SHOWN])
        context = {
            **self.frame(request, row.name, of=row),
            "row": row,
            "image": image,
            "origin": "" if image.error else origin_of(image),
            "nodes": self._nodes(request, image),
            "written": f"{row.image_name}:{row.image_tag}" if row.image_tag else row.image_name,
            "templates": row.document["deployTemplates"],
            "config_templates": sorted(row.document.get("configTemplates") or ()),
            "users": [(str(user), _page_of(user)) for user in users_of(row)],
            "versions": versions,
            "older": row.version - len(versions),
            "text": export_yaml([(row.name, row.document)]),
        }
        return TemplateResponse(request, "appimages/app_image.html", context)

    def _nodes(self, request: HttpRequest, image: EffectiveImage) -> list[dict[str, Any]]:
        there = {place.node_id: place for place in image.places}
        rows = visible_nodes(request.user).order_by("name").values_list("pk", "name", "status")
        return [{"pk": pk, "name": name, "place": there.get(pk)} for pk, name, _status in rows]

    def export_view(self, request: HttpRequest, object_id: int, suffix: str) -> HttpResponse:
        row = self.row_or_404(request, str(object_id))
        write, kind = _WRITERS["json" if suffix == "json" else "yaml"]
        answer = HttpResponse(write([(row.name, row.document)]), content_type=f"{kind}; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{row.name}.{suffix}"'
        return answer

    def version_view(self, request: HttpRequest, object_id: int, number: int) -> HttpResponse:
        return version_page(self, request, self.row_or_404(request, str(object_id)), number)

    def rollback_view(self, request: HttpRequest, object_id: int, number: int) -> HttpResponse:
        return rollback_page(self, request, self.row_or_404(request, str(object_id)), number)

    # --- writing -----------------------------------------------------------------------------------------------------

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return edit_page(self, request, None)

    @action(description=gettext_lazy("Edit"), url_path="edit", icon="edit")
    def edit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return edit_page(self, request, self.row_or_404(request, object_id))

    def check_view(self, request: HttpRequest) -> HttpResponse:
        return check_view(self, request)

    @action(description=gettext_lazy("Run…"), url_path="run", icon="play_arrow")
    def run(self, request: HttpRequest, object_id: str) -> HttpResponse:
        chosen = urlencode({"app_image": self.row_or_404(request, object_id).name})
        return HttpResponseRedirect(f"{reverse('admin:instances_deployment_add')}?{chosen}")

    @action(description=gettext_lazy("Render files"), url_path="render", icon="description")
    def render_files(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return render_page(self, request, self.row_or_404(request, object_id))

    @action(description=gettext_lazy("Import…"), url_path="import", icon="upload")
    def import_files(self, request: HttpRequest) -> HttpResponse:
        return import_page(self, request)

    @action(description=gettext_lazy("Register and import…"), url_path="register", icon="add_to_queue")
    def register_image(self, request: HttpRequest) -> HttpResponse:
        return register_page(self, request)

    def registered_view(self, request: HttpRequest) -> HttpResponse:
        return registered_page(self, request)

    def presence_view(self, request: HttpRequest) -> HttpResponse:
        return presence_view(self, request)

    def delete_rows(self, request: HttpRequest, ids: list[int]) -> None:
        for name in AppImage.objects.filter(pk__in=ids).order_by("name").values_list("name", flat=True):
            services.delete_app_image(name=name, author=request.user)


def roles_of(document: dict[str, Any]) -> list[str]:
    """The roles that have a deploy template, in order; one without a role is for everybody."""
    found = [role for template in document["deployTemplates"] for role in template.get("role", "").split(",")]
    return [role or _("every role") for role in dict.fromkeys(found)]


def origin_of(image: EffectiveImage) -> str:
    """Whose credentials would be sent."""
    if image.registry is None:
        return _("no registry endpoint: without credentials")
    if image.sends_credentials:
        return _("credentials of %(name)s") % {"name": image.registry.name}
    return _("%(name)s, without credentials") % {"name": image.registry.name}


def _page_of(row: Any) -> str:
    try:
        return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    except NoReverseMatch:
        return ""
