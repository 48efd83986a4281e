"""The form that runs an image; the services judge what is typed, here it is only taken apart."""

from __future__ import annotations

import shlex
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from imagelib.models import ImageRegistry
from instances.models import Instance, ProductSpec
from instances.spec import Options
from nodes.models import ComputeNode
from nodes.services import usable_nodes
from pulls.admin_choices import ImageField

_POLICIES = (
    ("no", pgettext_lazy("restart", "never")),
    ("on-failure", _("when it failed")),
    ("unless-stopped", _("always, unless it was stopped")),
    ("always", _("always")),
)


class OneOf(AutocompleteSelect):
    """Renders just what is chosen; the others are asked for when somebody types."""

    def __init__(self, column: str, placeholder: Any) -> None:
        super().__init__(Instance._meta.get_field(column), admin.site)
        self.placeholder = placeholder

    def build_attrs(self, base_attrs: dict[str, Any], extra_attrs: dict[str, Any] | None = None) -> dict[str, Any]:
        return {**super().build_attrs(base_attrs, extra_attrs), "data-placeholder": self.placeholder}


class _ImageSelect(OneOf):
    url_name = "%s:pulls_images"


def lines(rows: int) -> UnfoldAdminTextareaWidget:
    return UnfoldAdminTextareaWidget(attrs={"rows": rows, "class": "il-pem", "spellcheck": "false"})


class RunForm(forms.Form):
    image = ImageField(
        label=_("Image"),
        queryset=ImageRegistry.objects.filter(is_listed=True),
        widget=_ImageSelect("image", _("Choose an image…")),
    )
    spec = forms.ModelChoiceField(
        label=_("Product spec"),
        queryset=ProductSpec.objects.filter(is_listed=True),
        widget=OneOf("spec", _("Choose a product spec…")),
    )
    node = forms.ModelChoiceField(
        label=_("Compute node"),
        queryset=ComputeNode.objects.none(),
        required=False,
        widget=OneOf("node", _("Automatic")),
        help_text=_("Left empty, the node that suits best is chosen."),
    )
    name = forms.CharField(
        label=_("Name"),
        max_length=50,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("1 to 50 letters, digits, hyphens and underscores, such as train-1."),
    )
    remark = forms.CharField(label=_("Remark"), max_length=1000, required=False, widget=UnfoldAdminTextInputWidget)
    command = forms.CharField(
        label=_("Command"),
        max_length=4000,
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"spellcheck": "false"}),
        help_text=_("Instead of the image's own, as in a shell, for example: python train.py --name 'run 1'"),
    )
    environment = forms.CharField(
        label=_("Environment"),
        max_length=100_000,
        required=False,
        widget=lines(3),
        help_text=_("One variable a line, for example: EPOCHS=3"),
    )
    ports = forms.CharField(
        label=_("Ports"),
        max_length=1000,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Of the container, for example: 8888, 6006. The node gives each a free port of its own."),
    )
    restart_policy = forms.ChoiceField(
        label=_("Restart by itself"), choices=_POLICIES, initial="no", required=False, widget=UnfoldAdminSelectWidget
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["node"].queryset = usable_nodes().filter(is_listed=True)  # type: ignore[attr-defined]

    def clean_command(self) -> tuple[str, ...] | None:
        try:
            return tuple(shlex.split(self.cleaned_data["command"])) or None
        except ValueError:
            raise forms.ValidationError(_("A quotation mark is not closed. Example: sh -c 'sleep 60'")) from None

    def clean_environment(self) -> dict[str, str]:
        found = {}
        for line in filter(str.strip, self.cleaned_data["environment"].splitlines()):
            name, separator, value = line.strip().partition("=")
            if not separator:
                raise forms.ValidationError(_("“%(line)s” is not NAME=value. Example: EPOCHS=3") % {"line": line})
            found[name] = value
        return found

    def clean_ports(self) -> tuple[int, ...]:
        words = self.cleaned_data["ports"].replace(",", " ").split()
        if not all(word.isdecimal() and len(word) < 6 for word in words):
            raise forms.ValidationError(_("Ports are numbers from 1 to 65535. Example: 8888, 6006"))
        return tuple(int(word) for word in words)

    def options(self) -> Options:
        asked = ("command", "environment", "ports", "restart_policy")
        return Options.of({name: self.cleaned_data[name] for name in asked})

    def asked(self) -> dict[str, Any]:
        """The arguments that `preview` and `create_instance` share."""
        node = self.cleaned_data["node"]
        return {
            "image": self.cleaned_data["image"].pk,
            "spec": self.cleaned_data["spec"].pk,
            "node": node.pk if node else None,
            "name": self.cleaned_data["name"],
            "options": self.options(),
        }
