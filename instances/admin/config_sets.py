"""Admin pages of config sets and secret sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from core.admin_forms import ServiceForm
from core.admin_tools import OperatorAdmin, age
from core.system import SYSTEM
from instances import services
from instances.admin.run_form import lines
from instances.admin.set_lines import read_lines, write_lines
from instances.models import ConfigSet, SecretSet

_GONE = gettext_lazy("AppImages that ask for it cannot be run any more; containers that run keep their values.")


class ConfigSetForm(ServiceForm):
    values = forms.CharField(
        label=_("Values"),
        required=False,
        strip=False,
        widget=lines(8),
        help_text=_("One a line, such as REGION=north. One of several lines stands in quotation marks, as a whole."),
    )

    class Meta:
        model = ConfigSet
        fields = ("name",)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.initial["values"] = write_lines(self.instance.values)

    def clean_values(self) -> dict[str, str]:
        return read_lines(self.cleaned_data["values"])

    def judge(self, values: Mapping[str, Any], row: Any) -> None:
        services.save_config_set(user=SYSTEM, values=values, row=row)


class SecretSetForm(ServiceForm):
    values = forms.CharField(
        label=_("Values to store"),
        required=False,
        strip=False,
        widget=lines(4),
        help_text=_(
            "One a line, such as TOKEN=s3cret-Words; one of several lines, such as a key, stands in quotation marks: "
            'KEY="-----BEGIN …". What is stored is never shown; names that are not given keep '
            "their values, and a name without a value (TOKEN=) is removed."
        ),
    )

    class Meta:
        model = SecretSet
        fields = ("name",)

    def clean_values(self) -> dict[str, str]:
        return read_lines(self.cleaned_data["values"])

    def judge(self, values: Mapping[str, Any], row: Any) -> None:
        services.save_secret_set(user=SYSTEM, values=values, row=row)

    def _post_clean(self) -> None:
        super()._post_clean()
        if self.errors and self.data.get(self.add_prefix("values")):
            data: Any = self.data.copy()  # type: ignore[attr-defined]  # a QueryDict
            data[self.add_prefix("values")] = ""
            self.data = data
            self.add_error("values", str(_("Nothing was saved yet, and secrets are not sent back: enter it again.")))


class _SetAdmin(OperatorAdmin):
    list_display = ("name", "names", "changed")
    search_fields = ("name",)
    ordering = ("name",)

    @display(description=gettext_lazy("changed"), ordering="updated_at")
    def changed(self, row: Any) -> SafeString | str:
        return age(row.updated_at)


@admin.register(ConfigSet)
class ConfigSetAdmin(_SetAdmin):
    form = ConfigSetForm
    fields = ("name", "values")

    intro = gettext_lazy(
        "Variables that AppImages ask for by the name of a set, by configMapRef or configMapKeyRef. Everybody may see "
        "them: passwords and keys belong into secret sets."
    )
    after_deletion = _GONE

    @display(description=gettext_lazy("variables"))
    def names(self, row: ConfigSet) -> str:
        return ", ".join(row.values) or "–"

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        services.save_config_set(user=request.user, values=form.changed_values(), row=obj)

    def delete_rows(self, request: HttpRequest, ids: list[int]) -> None:
        services.delete_config_sets(user=request.user, ids=ids)


@admin.register(SecretSet)
class SecretSetAdmin(_SetAdmin):
    form = SecretSetForm
    fields = ("name", "names", "values")
    readonly_fields = ("names",)

    intro = gettext_lazy(
        "Secret variables that AppImages ask for by the name of a set, by secretRef or secretKeyRef. They are stored "
        "encrypted, and containers alone get their values."
    )
    after_deletion = _GONE

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields if obj else ("name", "values")

    @display(description=gettext_lazy("names stored"))
    def names(self, row: SecretSet) -> str:
        return ", ".join(row.keys) or "–"

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        services.save_secret_set(user=request.user, values=form.changed_values(), row=obj)

    def delete_rows(self, request: HttpRequest, ids: list[int]) -> None:
        services.delete_secret_sets(user=request.user, ids=ids)
