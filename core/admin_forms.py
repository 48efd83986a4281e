"""Form pieces that every admin page of ours shares: secrets that never reach the page, faults that land on fields."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminPasswordWidget, UnfoldAdminTextareaWidget

from core.errors import DomainError, InvalidInput
from core.examples import example_for, with_example
from core.fields import MASK, Secret

SECRET_HELP = _("What is stored is never shown. Leave ****** to keep it, empty the field to remove it.")


def file_input(accept: str) -> str:
    """For a form of our own: the theme's script expects its own shape of every file field."""
    return UnfoldAdminFileFieldWidget().render("file", None, {"id": "il-file", "accept": accept})


class _Masked:
    """Renders the mask for a stored secret, and nothing at all for one that was just typed."""

    def format_value(self, value: Any) -> str:
        return MASK if value == MASK or (isinstance(value, Secret) and value) else ""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        shown = self.format_value(value)
        context = super().get_context(name, shown, attrs)  # type: ignore[misc]
        context["widget"]["value"] = shown
        return context


class SecretInput(_Masked, UnfoldAdminPasswordWidget):
    def __init__(self) -> None:
        super().__init__(attrs={"autocomplete": "new-password", "spellcheck": "false"}, render_value=True)


class SecretTextarea(_Masked, UnfoldAdminTextareaWidget):
    def __init__(self) -> None:
        super().__init__(attrs={"autocomplete": "off", "spellcheck": "false", "rows": 6, "class": "il-pem"})


class SecretField(forms.CharField):
    """A secret text: cleans to a `str` to store, or to the stored `Secret` itself when the mask came back."""

    widget = SecretInput

    def __init__(self, **options: Any) -> None:
        options = {"required": False, "strip": False, "help_text": SECRET_HELP, **options}
        super().__init__(**options)

    def prepare_value(self, value: Any) -> Any:
        return value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return data != MASK and bool(data or initial)


class ServiceForm(forms.ModelForm):
    """A model form whose only judge is the service that will also write.

    `judge(values, row)` is called with the changed values inside a transaction that is always rolled back, so that the
    service's faults appear on their fields and its write happens once, in `ModelAdmin.save_model`.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name in self.base_fields.keys() & self.fields.keys():
            self.fields[name].label = capfirst(self.fields[name].label)

    def changed_values(self) -> dict[str, Any]:
        """What to hand to the service: everything for a new row, else what differs; unchanged secrets are left out."""
        names = self.changed_data if self.instance.pk else list(self.cleaned_data)
        return {name: self.cleaned_data[name] for name in names if name in self.cleaned_data and not self._kept(name)}

    def _kept(self, name: str) -> bool:
        return isinstance(self.fields[name], SecretField) and self.cleaned_data[name] == MASK

    def judge(self, values: Mapping[str, Any], row: Any) -> None:
        """Call the service with `row`, a throw-away copy (None when adding)."""
        raise NotImplementedError

    def _post_clean(self) -> None:
        """Instead of the model's own validation. The instance stays as it was: the service changes it."""
        if not self.errors:
            row = copy.copy(self.instance) if self.instance.pk else None
            try:
                with transaction.atomic():
                    self.judge(self.changed_values(), row)
                    transaction.set_rollback(True)
            except InvalidInput as error:
                self._add_faults(error.fields)
            except DomainError as error:
                self.add_error(None, str(error))
            except ValidationError as error:
                self._add_faults(error.message_dict)
        if self.errors:
            self._ask_again_for_secrets()

    def add_error(self, field: str | None, error: Any) -> None:
        """A rule that was broken is shown with an example; plain texts are remarks and stay as they are."""
        if field in self.fields and isinstance(error, (ValidationError, list)):
            example = example_for(field, self.fields[field])
            error = [with_example(text, example) for text in ValidationError(error).messages]
        super().add_error(field, error)

    def _add_faults(self, faults: Mapping[str, Any]) -> None:
        for name, texts in faults.items():
            self.add_error(name if name in self.fields else None, [ValidationError(text) for text in texts])

    def _ask_again_for_secrets(self) -> None:
        """A typed secret is not sent back to the page, so it must be typed once more."""
        data: Any = self.data.copy()  # type: ignore[attr-defined]  # a QueryDict
        for name, field in self.fields.items():
            typed = data.get(self.add_prefix(name))
            if isinstance(field, SecretField) and typed and typed != MASK:
                stored = self.instance.pk and getattr(self.instance, name)
                data[self.add_prefix(name)] = MASK if stored else ""
                self.add_error(name, _("Nothing was saved yet, and secrets are not sent back: enter it again."))
        self.data = data
