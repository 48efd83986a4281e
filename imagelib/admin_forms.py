"""Forms of the image library's admin pages; the services judge what is typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from core.admin_forms import SecretField, ServiceForm
from core.errors import InvalidInput
from core.system import SYSTEM
from imagelib.models import ImageRegistry, RegistryEndpoint
from imagelib.services import clean_address, save_endpoint, save_image

# `user:password@` may precede an address; it is split off and stored with a registry endpoint.
_TYPED_LENGTH = 3000


class ImageForm(ServiceForm):
    address = forms.CharField(
        label=_("address"),
        max_length=_TYPED_LENGTH,
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "off", "spellcheck": "false", "data-image-address": ""}
        ),
        help_text=_("For example nginx:1.27 or registry.example.com/team/image:v1"),
    )
    stall_after = forms.IntegerField(
        label=_("stall limit (seconds)"),
        required=False,
        min_value=5,
        max_value=86400,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=_("End an attempt after this long without new bytes. Empty: the system's setting."),
    )

    class Meta:
        model = ImageRegistry
        fields = (
            "name", "address", "description", "source", "supports_vgpu", "is_listed", "stall_after", "remark",
        )  # fmt: skip

    def judge(self, values: Mapping[str, Any], row: Any) -> None:
        save_image(user=SYSTEM, values=values, image=row)

    def full_clean(self) -> None:
        super().full_clean()
        if self.is_bound and self._errors and "address" in self.fields:
            self._drop_credentials()

    def _drop_credentials(self) -> None:
        """The page that shows the faults must not show a password that was part of the address."""
        name = self.add_prefix("address")
        typed = self.data.get(name, "")
        if "@" not in typed:
            return
        try:
            split = clean_address(typed.strip())
            address, secret = split.address, split.username is not None
        except InvalidInput:
            address, secret = "", True
        if secret:
            self.data = _replaced(self.data, name, address)
            self.add_error("address", _("Nothing was saved yet, and passwords are not sent back: enter it again."))


class EndpointForm(ServiceForm):
    password = SecretField(label=_("password"), max_length=2000)

    class Meta:
        model = RegistryEndpoint
        fields = (
            "name",
            "endpoint",
            "username",
            "password",
            "is_default",
            "insecure",
            "ca_certificate",
            "users_push_to",
        )
        widgets = {
            "ca_certificate": UnfoldAdminTextareaWidget(attrs={"rows": 6, "class": "il-pem", "spellcheck": "false"}),
        }

    def judge(self, values: Mapping[str, Any], row: Any) -> None:
        save_endpoint(user=SYSTEM, values=values, endpoint=row)


def _replaced(data: QueryDict, name: str, value: str) -> QueryDict:
    copy = data.copy()
    copy[name] = value
    return copy
