"""The form that runs an AppImage; the services judge what is typed, here it is only taken apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelectMultiple
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from appimages.files import variables_of_role
from appimages.models import AppImage
from appimages.roles import NoTemplate, roles_of
from instances.admin.run_form import OneOf, lines
from instances.models import Instance, ProductSpec
from nodes.models import ComputeNode
from nodes.services import usable_nodes

_OFFERED = 500  # names; others are typed


class RunAppImageForm(forms.Form):
    app_image = forms.CharField(
        label=_("AppImage"),
        max_length=63,
        widget=UnfoldAdminTextInputWidget(attrs={"list": "il-app-images", "autocomplete": "off"}),
    )
    role = forms.CharField(
        label=_("Role"),
        max_length=255,
        required=False,
        strip=False,
        widget=UnfoldAdminTextInputWidget(attrs={"list": "il-roles", "autocomplete": "off"}),
        help_text=_("Chooses the deploy template, for example server. Left empty, the one for everybody."),
    )
    spec = forms.ModelChoiceField(
        label=_("Product spec"),
        queryset=ProductSpec.objects.filter(is_listed=True),
        widget=OneOf("spec", _("Choose a product spec…")),
        help_text=_("What every container gets."),
    )
    nodes = forms.ModelMultipleChoiceField(
        label=_("Compute nodes"),
        queryset=ComputeNode.objects.none(),
        required=False,
        widget=AutocompleteSelectMultiple(Instance._meta.get_field("node"), admin.site),
        help_text=_("Left empty, the nodes that suit best are chosen."),
    )
    replicas = forms.IntegerField(
        label=_("Replicas"),
        min_value=1,
        max_value=64,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=_("Left empty: one for each node named, or as many as the deploy template says."),
    )
    name = forms.CharField(
        label=_("Name"),
        max_length=40,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Left empty, it gets that of the AppImage."),
    )
    variables = forms.CharField(
        label=_("Variables"),
        max_length=1_000_000,
        required=False,
        widget=lines(5),
        help_text=_("One variable a line, for example: TASK_ID=task-1. Never secrets: those come from secret sets."),
    )

    choices: dict[str, list[str]]  # id of a <datalist> → what it offers

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.choices = {}
        self.fields["nodes"].queryset = usable_nodes().filter(is_listed=True)  # type: ignore[attr-defined]

    def offer(self, app_image: str, role: str) -> None:
        """What there is to choose from; of an AppImage that is known, its roles, and the variables to think of."""
        names = AppImage.objects.order_by("name").values_list("name", flat=True)
        self.choices = {"il-app-images": list(names[:_OFFERED])}
        row = None if "\0" in app_image else AppImage.objects.filter(name=app_image).first()
        if row is None:
            return
        if roles := roles_of(row.document):
            self.choices["il-roles"] = roles
            text = _("Chooses the deploy template: %(roles)s. Left empty, the one for everybody.")
            self.fields["role"].help_text = text % {"roles": ", ".join(roles)}
        if wanted := _to_give(row.document, role):
            text = _("Its files ask for: %(names)s. %(rule)s")
            words = {"names": ", ".join(wanted), "rule": self.fields["variables"].help_text}
            self.fields["variables"].help_text = text % words

    def clean_variables(self) -> dict[str, str]:
        found = {}
        for line in filter(str.strip, self.cleaned_data["variables"].splitlines()):
            name, separator, value = line.strip().partition("=")
            if not separator:
                rule = _("“%(line)s” is not NAME=value. Example: TASK_ID=task-1")
                raise forms.ValidationError(rule % {"line": line[:100]})
            found[name] = value
        return found

    def asked(self) -> dict[str, Any]:
        """The arguments of `run_app_image`."""
        values = self.cleaned_data
        return {
            "app_image": values["app_image"],
            "role": values["role"],
            "spec": values["spec"].pk,
            "nodes": [node.pk for node in values["nodes"]],
            "replicas": values["replicas"],
            "name": values["name"],
            "variables": values["variables"],
        }


def _to_give(document: Mapping[str, Any], role: str) -> list[str]:
    """The variables that its files ask for, without those that the system gives itself."""
    try:
        names = variables_of_role(document, role=role)
    except NoTemplate:
        return []
    return [name for name in names if name != "ALLOCATED_PORTS" and not name.startswith("KUSCIA_PORT_")]
