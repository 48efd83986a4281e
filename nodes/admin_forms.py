"""The form of a compute node; the service judges what is typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from core.admin_forms import SecretField, SecretTextarea, ServiceForm
from core.system import SYSTEM
from nodes.models import ComputeNode
from nodes.services import save_node


def _pem() -> UnfoldAdminTextareaWidget:
    return UnfoldAdminTextareaWidget(attrs={"rows": 6, "class": "il-pem", "spellcheck": "false"})


class NodeForm(ServiceForm):
    password = SecretField(label=_("password"), max_length=2000)
    client_key = SecretField(label=_("client key"), max_length=20000, widget=SecretTextarea)
    labels = forms.JSONField(
        label=_("labels"),
        required=False,
        initial=dict,
        help_text=_('For example {"rack": "a1"}'),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2, "class": "il-pem", "spellcheck": "false"}),
    )

    class Meta:
        model = ComputeNode
        fields = (
            "name", "region", "labels", "is_listed", "remark", "docker_address", "use_tls", "ca_cert", "client_cert",
            "client_key", "ssh_port", "username", "password", "public_ip", "private_ip", "cpu", "memory",
            "system_disk", "data_disk", "gpu_name", "gpu_count", "gpu_memory_gb", "hami_core",
        )  # fmt: skip
        widgets = {"ca_cert": _pem(), "client_cert": _pem()}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        typed: Any = self.fields["hami_core"]
        typed.strip = False  # blanks around it are refused, not taken off

    def clean_labels(self) -> dict[str, Any]:
        """An empty field means no labels."""
        return self.cleaned_data["labels"] or {}

    def judge(self, values: Mapping[str, Any], row: Any) -> None:
        save_node(user=SYSTEM, values=values, node=row, test=False)
