"""Variables that AppImages ask for by the name of a set: `envFrom` and `valueFrom` of their containers."""

from __future__ import annotations

import json
from typing import Any

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.fields import EncryptedTextField
from core.json_text import JsonTextField

SET_NAME = RegexValidator(
    r"\A[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\Z",
    _("At most 253 small letters, digits, hyphens and dots, a letter or digit at both ends, such as domain-config."),
)


class _Set(models.Model):
    name = models.CharField(_("name"), max_length=253, unique=True, validators=[SET_NAME])
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        abstract = True
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class ConfigSet(_Set):
    """Plain ones, which everybody may see."""

    values = JsonTextField(_("values"), default=dict, blank=True)  # name → text

    class Meta(_Set.Meta):
        verbose_name = _("config set")
        verbose_name_plural = _("config sets")


class SecretSet(_Set):
    """Secret ones: their names can be read, their values by containers alone."""

    keys = JsonTextField(_("keys"), default=list, blank=True, editable=False)  # the names, sorted
    sealed = EncryptedTextField(_("values"), editable=False)  # JSON: name → text

    class Meta(_Set.Meta):
        verbose_name = _("secret set")
        verbose_name_plural = _("secret sets")

    def reveal(self) -> dict[str, str]:
        """Raises `SecretUnreadable`."""
        found: dict[str, str] = json.loads(self.sealed.reveal() or "{}")
        return found

    def seal(self, values: dict[str, Any]) -> None:
        self.keys, self.sealed = sorted(values), json.dumps(values, ensure_ascii=False)
