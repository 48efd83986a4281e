"""Filters of list pages that refuse what they cannot read: one that is silently ignored shows the wrong rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import django_filters
from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _
from django_filters.fields import IsoDateTimeField

_FLAGS = {"": None, "true": True, "1": True, "false": False, "0": False}
_LARGEST_ID = 2**63 - 1
# Beyond these years a change of time zone overflows.
_FIRST, _LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


class _FlagField(forms.NullBooleanField):
    widget = forms.TextInput

    def to_python(self, value: Any) -> Any:
        text = str(value or "").strip().lower()
        if text not in _FLAGS:
            raise forms.ValidationError(_("Give true or false."), code="invalid")
        return _FLAGS[text]


class _MomentField(IsoDateTimeField):
    default_validators = [
        MinValueValidator(_FIRST, _("Give a time such as 2026-11-22T01:26:57.000Z.")),
        MaxValueValidator(_LAST, _("Give a time such as 2026-11-22T01:26:57.000Z.")),
    ]


class FlagFilter(django_filters.BooleanFilter):
    """`true` or `false`; empty means no filter."""

    field_class = _FlagField


class MomentFilter(django_filters.IsoDateTimeFilter):
    """RFC 3339."""

    field_class = _MomentField


class IdFilter(django_filters.NumberFilter):
    """The id of a record."""

    field_class = forms.IntegerField

    def get_max_validator(self) -> MaxValueValidator:
        return MaxValueValidator(_LARGEST_ID)
