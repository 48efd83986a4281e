"""Tokens with which Kuscia clients come."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class KusciaToken(models.Model):
    """The right to use the Kuscia API in the name of an operator. Its text is shown once, when it is made."""

    name = models.CharField(_("name"), max_length=255, unique=True, help_text=_("For example secretpad-production"))
    token_hash = models.CharField(max_length=64, unique=True, editable=False)  # SHA-256: who reads it gains nothing
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="+",
        verbose_name=_("acts as"),
        help_text=_("An operator. What is done with the token is recorded in this name."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("Kuscia token")
        verbose_name_plural = _("Kuscia tokens")
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
