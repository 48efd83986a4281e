"""应用镜像模版: how an application image is started, as one document, and every version of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.json_text import JsonTextField

LONGEST_NAME = 63
_INDEXED = 255  # characters of image and tag that lists show and search; the document has all of them


class How(models.TextChoices):
    """What a version came from."""

    CREATE = "create", pgettext_lazy("how", "created")
    UPDATE = "update", pgettext_lazy("how", "changed")
    IMPORT = "import", _("imported")
    REGISTER = "register", _("registered")
    ROLLBACK = "rollback", _("rolled back")


def image_columns(document: Mapping[str, Any]) -> dict[str, str]:
    """As much of the image as fits into columns of text, which have no NUL on PostgreSQL."""
    parts = {"image_name": document["image"]["name"], "image_tag": document["image"]["tag"]}
    return {name: text.replace("\0", "\N{REPLACEMENT CHARACTER}")[:_INDEXED] for name, text in parts.items()}


class AppImage(models.Model):
    """`document` is the `spec` of Kuscia's AppImage, whole; the columns beside it repeat parts, for lists and searches.

    Written by `appimages.services` alone, which keeps columns, document and versions together.
    """

    name = models.CharField(_("name"), max_length=LONGEST_NAME, unique=True)
    image_name = models.CharField(_("image"), max_length=_INDEXED, db_index=True)
    image_tag = models.CharField(_("tag"), max_length=_INDEXED, blank=True)
    document = JsonTextField(_("document"))
    version = models.PositiveIntegerField(_("version"), default=1)  # the number of the newest `AppImageVersion`
    created_at = models.DateTimeField(_("created"), auto_now_add=True, db_index=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("AppImage")
        verbose_name_plural = _("AppImages")
        ordering = ("name",)
        constraints = [
            models.CheckConstraint(condition=~models.Q(name=""), name="app_image_has_a_name"),
            models.CheckConstraint(condition=models.Q(version__gte=1), name="app_image_versions_begin_at_one"),
        ]

    def __str__(self) -> str:
        return self.name


class AppImageVersion(models.Model):
    """The document as it was after one change, and who made it, when and from where. Never changed itself."""

    app_image = models.ForeignKey(AppImage, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(_("version"))
    document = JsonTextField(_("document"))
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("by")
    )
    author_name = models.CharField(_("by"), max_length=150)  # stays when the account goes
    address = models.GenericIPAddressField(_("from address"), null=True, editable=False)
    how = models.CharField(_("how"), max_length=16, choices=How.choices)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("version of an AppImage")
        verbose_name_plural = _("versions of AppImages")
        ordering = ("app_image", "-number")
        constraints = [
            models.UniqueConstraint(fields=["app_image", "number"], name="one_version_per_number"),
            models.CheckConstraint(condition=models.Q(how__in=How.values), name="app_image_version_how"),
        ]

    def __str__(self) -> str:
        return f"{self.app_image} {self.number}"
