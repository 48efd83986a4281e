"""The image library: where images come from (`RegistryEndpoint`) and which may be used (`ImageRegistry`)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.fields import EncryptedTextField
from imagelib.pushing import USUAL


class RegistryEndpoint(models.Model):
    """镜像仓库: a registry host, optionally with a namespace, and the credentials for it."""

    name = models.CharField(_("name"), max_length=255, unique=True)
    endpoint = models.CharField(
        _("endpoint"),
        max_length=500,
        unique=True,
        help_text=_("host[:port][/namespace], for example registry.example.com:5000/team"),
    )
    username = models.CharField(_("user name"), max_length=255, blank=True)
    password = EncryptedTextField(_("password"), max_length=2000)
    is_default = models.BooleanField(
        _("default registry"),
        default=False,
        help_text=_("Short image names are looked up here. At most one."),
    )
    insecure = models.BooleanField(
        _("insecure"),
        default=False,
        help_text=_("Allow plain HTTP and certificates that cannot be verified."),
    )
    ca_certificate = models.TextField(
        _("CA certificate"),
        blank=True,
        help_text=_("PEM text of the authority that signed the registry's certificate."),
    )
    users_push_to = models.CharField(
        _("users may push to"),
        max_length=1000,
        blank=True,
        default=USUAL,
        help_text=_(
            "Namespaces that builds of ordinary users push to, with the login of this endpoint: for example "
            "users/{username}, team-a. Those below them are included, {username} and {id} are the user's; * is "
            "everywhere, empty nowhere. Operators' applications may always push."
        ),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("registry endpoint")
        verbose_name_plural = _("registry endpoints")
        ordering = ("name", "pk")
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"],
                condition=Q(is_default=True),
                name="one_default_registry",
                violation_error_message=_("Another registry endpoint is the default already."),
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def has_credentials(self) -> bool:
        """Both user name and password are needed; half a pair is never sent."""
        return bool(self.username and self.password)


class ImageRegistry(models.Model):
    """镜像库: one entry is one usable image. `address` never holds credentials."""

    name = models.CharField(_("name"), max_length=255)
    address = models.CharField(
        _("address"),
        max_length=500,
        help_text=_("For example nginx:1.27 or registry.example.com/team/image:v1"),
    )
    description = models.CharField(_("description"), max_length=1000, blank=True)
    source = models.CharField(_("source"), max_length=255, blank=True)
    supports_vgpu = models.BooleanField(_("supports GPU memory slices"), default=False)
    is_listed = models.BooleanField(_("listed"), default=True, db_index=True)
    stall_after = models.PositiveIntegerField(
        _("stall limit (seconds)"),
        null=True,
        blank=True,
        help_text=_("End an attempt after this long without new bytes. Empty: the system's setting."),
    )
    remark = models.CharField(_("remark"), max_length=1000, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True, db_index=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("image")
        verbose_name_plural = _("images")
        ordering = ("-created_at", "-pk")
        constraints = [
            models.UniqueConstraint(
                fields=["name", "address"],
                name="one_entry_per_name_and_address",
                violation_error_message=_("There is an entry with this name and address already."),
            )
        ]
        indexes = [models.Index(fields=["is_listed", "-created_at", "-id"], name="image_list_order")]

    def __str__(self) -> str:
        return self.name


class FrontEndSetting(models.Model):
    """What a user chose in the front end's own settings (colours, layout). Only the front end reads it."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    # Text, because databases change or refuse some of what JSON may hold (PostgreSQL: NUL characters, order of keys).
    json = models.TextField()

    class Meta:
        verbose_name = _("front end setting")
        verbose_name_plural = _("front end settings")

    def __str__(self) -> str:
        return str(self.user)
