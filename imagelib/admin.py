"""Admin pages of the image library: usable images and the registries they come from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from unfold.decorators import action, display

from core.admin_switches import SwitchAdmin, Words
from core.admin_tools import OperatorAdmin, age, label, two_lines
from core.errors import InvalidInput
from imagelib import services
from imagelib.addresses import AddressError
from imagelib.admin_forms import EndpointForm, ImageForm
from imagelib.admin_imports import import_page
from imagelib.models import ImageRegistry, RegistryEndpoint
from imagelib.references import Endpoints, effective_or_invalid


@admin.register(ImageRegistry)
class ImageAdmin(SwitchAdmin):
    form = ImageForm
    list_display = ("what", "effective", "listed", "vgpu", "source", "changed")
    list_display_links = ("what",)
    list_filter = ("is_listed", "supports_vgpu")
    search_fields = ("name", "address", "description")
    ordering = ("-created_at", "-pk")
    actions = ("list_selected", "unlist_selected")
    actions_row = ("pull_onto_nodes", "run_image", "check_image", "toggle_listed")
    actions_detail = ("pull_onto_nodes", "run_image", "check_image", "toggle_listed")
    fieldsets = (
        (None, {"fields": ("name", "address", "description")}),
        (gettext_lazy("Use"), {"fields": ("is_listed", "supports_vgpu", "stall_after")}),
        (gettext_lazy("Notes"), {"fields": ("source", "remark")}),
    )
    change_form_before_template = "imagelib/image_form_before.html"
    change_form_after_template = "imagelib/image_form_after.html"

    class Media:
        js = ("imagelib/image_form.js",)

    def get_urls(self) -> list[Any]:
        look = path("effective/", self.admin_site.admin_view(self.effective_view), name="imagelib_effective")
        return [look, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> Any:
        return services.visible_images(request.user)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The endpoints are read once for the whole page."""
        page = super().get_changelist_instance(request)
        endpoints = Endpoints()
        for image in page.result_list:
            image.endpoints = endpoints
        return page

    # --- columns -----------------------------------------------------------------------------------------------------

    @display(description=gettext_lazy("image"), ordering="name")
    def what(self, image: ImageRegistry) -> SafeString:
        return two_lines(image.name, image.description, title=image.description)

    @display(description=gettext_lazy("what is pulled"), ordering="address")
    def effective(self, image: Any) -> SafeString:
        try:
            found = image.endpoints.effective(image.address)
        except AddressError:
            return two_lines(image.address, _("This address cannot be used."))
        if found.endpoint is None:
            origin = _("no registry endpoint: without credentials")
        elif found.endpoint.has_credentials:
            origin = _("credentials of %(name)s") % {"name": found.endpoint.name}
        else:
            origin = _("%(name)s, without credentials") % {"name": found.endpoint.name}
        shown = two_lines(found.reference.canonical, origin, title=image.address)
        if not found.warnings:
            return shown
        return format_html("{} {}", shown, label(_("note"), "warning", title=" ".join(map(str, found.warnings))))

    @display(description=gettext_lazy("listed"), ordering="is_listed")
    def listed(self, image: ImageRegistry) -> SafeString:
        return label(_("listed"), "success") if image.is_listed else label(_("unlisted"))

    @display(description=gettext_lazy("GPU slices"), ordering="supports_vgpu")
    def vgpu(self, image: ImageRegistry) -> SafeString | str:
        return label(_("supported"), "info") if image.supports_vgpu else "–"

    @display(description=gettext_lazy("changed"), ordering="updated_at")
    def changed(self, image: ImageRegistry) -> SafeString | str:
        return age(image.updated_at)

    # --- writing -----------------------------------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        services.save_image(user=request.user, values=form.changed_values(), image=obj)

    def delete_rows(self, request: HttpRequest, ids: list[int]) -> None:
        services.delete_images(user=request.user, ids=ids)

    # --- actions -----------------------------------------------------------------------------------------------------

    @action(description=gettext_lazy("Pull onto nodes…"), url_path="pull", icon="download")
    def pull_onto_nodes(self, request: HttpRequest, object_id: str) -> HttpResponse:
        image = self.row_or_404(request, object_id)
        return HttpResponseRedirect(reverse("admin:pulls_pulljob_add") + f"?image={image.pk}")

    @action(description=gettext_lazy("Run…"), url_path="run", icon="play_circle")
    def run_image(self, request: HttpRequest, object_id: str) -> HttpResponse:
        image = self.row_or_404(request, object_id)
        return HttpResponseRedirect(reverse("admin:instances_instance_add") + f"?image={image.pk}")

    @action(description=gettext_lazy("Check"), url_path="check", icon="fact_check")
    def check_image(self, request: HttpRequest, object_id: str) -> HttpResponse:
        image = self.row_or_404(request, object_id)
        title = _("Check “%(name)s”") % {"name": image.name}
        return check_page(self, request, image, title=title, url=reverse("image-check", args=[image.pk]))

    @action(description=gettext_lazy("List or unlist…"), url_path="listing", icon="visibility")
    def toggle_listed(self, request: HttpRequest, object_id: str) -> HttpResponse:
        image = self.row_or_404(request, object_id)
        return self.switch_row(request, image, on=not image.is_listed, back=self.changelist_url())

    @admin.action(description=gettext_lazy("List selected images…"))
    def list_selected(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        return self.switch_selected(request, queryset, action="list_selected", on=True)

    @admin.action(description=gettext_lazy("Unlist selected images…"))
    def unlist_selected(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        return self.switch_selected(request, queryset, action="unlist_selected", on=False)

    on = Words(
        gettext_lazy("List images"),
        gettext_lazy("Every user will see these images and may pull them onto listed nodes."),
        gettext_lazy("List"),
        ngettext_lazy("%(count)s image is listed now.", "%(count)s images are listed now.", "count"),
    )
    off = Words(
        gettext_lazy("Unlist images"),
        gettext_lazy(
            "Ordinary users will no longer see these images and cannot pull them. "
            "Images on nodes stay. Attempts that are running go on; "
            "pulls of ordinary users that wait, also for another attempt, end."
        ),
        gettext_lazy("Unlist"),
        ngettext_lazy("%(count)s image is unlisted now.", "%(count)s images are unlisted now.", "count"),
    )

    def switch(self, *, user: Any, ids: Iterable[int], on: bool) -> int:
        return services.set_listed(user=user, ids=ids, listed=on)

    # --- the address as it is typed ----------------------------------------------------------------------------------

    def effective_view(self, request: HttpRequest) -> HttpResponse:
        """POST `address` → what it means now. POST, because an address may hold a password and URLs are logged."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_view_permission(request):
            return JsonResponse({"error": _("Only operators may do this.")}, status=403)
        try:
            split = services.clean_address(request.POST.get("address", "").strip())
            answer = effective_or_invalid(split.address).as_dict()
        except InvalidInput as error:
            return JsonResponse({"error": " ".join(str(text) for texts in error.fields.values() for text in texts)})
        return JsonResponse(answer | {"adopts": split.username is not None})


@admin.register(RegistryEndpoint)
class EndpointAdmin(OperatorAdmin):
    form = EndpointForm
    list_display = ("what", "credentials", "default", "security", "changed")
    list_display_links = ("what",)
    list_filter = ("insecure",)
    search_fields = ("name", "endpoint", "username")
    ordering = ("name", "pk")
    actions_list = ("import_configuration",)
    actions_row = ("check_endpoint",)
    actions_detail = ("check_endpoint",)
    fieldsets = (
        (None, {"fields": ("name", "endpoint", "is_default")}),
        (gettext_lazy("Credentials"), {"fields": ("username", "password")}),
        (gettext_lazy("Connection security"), {"fields": ("insecure", "ca_certificate")}),
        (gettext_lazy("Images that users build"), {"fields": ("users_push_to",)}),
    )

    @display(description=gettext_lazy("registry endpoint"), ordering="name")
    def what(self, endpoint: RegistryEndpoint) -> SafeString:
        return two_lines(endpoint.name, endpoint.endpoint)

    @display(description=gettext_lazy("user name"), ordering="username")
    def credentials(self, endpoint: RegistryEndpoint) -> str:
        return endpoint.username if endpoint.has_credentials else _("none")

    @display(description=gettext_lazy("default registry"), ordering="is_default")
    def default(self, endpoint: RegistryEndpoint) -> SafeString | str:
        return label(_("default"), "info") if endpoint.is_default else "–"

    @display(description=gettext_lazy("connection"), ordering="insecure")
    def security(self, endpoint: RegistryEndpoint) -> SafeString:
        if endpoint.insecure:
            return label(_("insecure"), "warning")
        return label(_("own CA"), "success") if endpoint.ca_certificate else label(_("verified"), "success")

    @display(description=gettext_lazy("changed"), ordering="updated_at")
    def changed(self, endpoint: RegistryEndpoint) -> SafeString | str:
        return age(endpoint.updated_at)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        services.save_endpoint(user=request.user, values=form.changed_values(), endpoint=obj)

    def delete_rows(self, request: HttpRequest, ids: list[int]) -> None:
        services.delete_endpoints(user=request.user, ids=ids)

    @action(description=gettext_lazy("Import a Kuscia configuration…"), url_path="import", icon="upload_file")
    def import_configuration(self, request: HttpRequest) -> HttpResponse:
        return import_page(self, request)

    @action(description=gettext_lazy("Check"), url_path="check", icon="fact_check")
    def check_endpoint(self, request: HttpRequest, object_id: str) -> HttpResponse:
        endpoint = self.row_or_404(request, object_id)
        title = _("Check “%(name)s”") % {"name": endpoint.name}
        return check_page(self, request, endpoint, title=title, url=reverse("registry-check", args=[endpoint.pk]))


def check_page(page: OperatorAdmin, request: HttpRequest, row: Any, *, title: str, url: str) -> HttpResponse:
    """A page that asks the registry through the API while it is shown: a dead registry does not block it."""
    context = {
        **page.frame(request, title),
        "check_url": url,
        "row": row,
        "back": page.change_url(row.pk),
    }
    return TemplateResponse(request, "imagelib/check.html", context)
