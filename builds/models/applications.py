"""Applications: folders with a Dockerfile that images are made of, kept here or in a git repository."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Concat
from django.utils.translation import gettext_lazy as _

from core.fields import EncryptedTextField
from imagelib.models import RegistryEndpoint

NAME_RULE = RegexValidator(
    r"\A[a-z0-9]+(?:[._-][a-z0-9]+)*\Z", _("Small letters, digits and single . _ - between them: jupyter-pytorch-x.")
)
SECRET_NAME_RULE = RegexValidator(r"\A[A-Za-z_][A-Za-z0-9_.-]{0,62}\Z", _("For example PIP_TOKEN."))


class SourceKind(models.TextChoices):
    """Where the files of an application are."""

    FILES = "files", _("kept here")
    GIT = "git", _("git repository")


class Application(models.Model):
    """应用: what `src/<name>/` is in a repository of Dockerfiles, with the base that it starts from and the place where
    its images go: `TARGET_REGISTRY/TARGET_NAMESPACE/BASE_IMAGE[-SUFFIX]:BASE_TAG-APP_VERSION`."""

    freed_by: ClassVar[Any] = _("Delete the applications first, or let them push elsewhere, then delete again.")

    name = models.CharField(_("name"), max_length=63, unique=True, validators=[NAME_RULE])
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="applications", verbose_name=_("owner")
    )
    description = models.CharField(_("description"), max_length=1000, blank=True)
    base_registry = models.CharField(
        _("base registry"), max_length=255, blank=True, help_text=_("host[:port], for example quay.io")
    )
    base_namespace = models.CharField(_("base namespace"), max_length=255, blank=True)
    base_image = models.CharField(_("base image"), max_length=255)
    base_tag = models.CharField(_("base tag"), max_length=128)
    target_registry = models.ForeignKey(
        RegistryEndpoint, models.PROTECT, related_name="applications", verbose_name=_("target registry")
    )
    target_namespace = models.CharField(_("target namespace"), max_length=255, blank=True)
    suffix = models.CharField(
        _("suffix"), max_length=63, blank=True, help_text=_("After the base image's name, for example qlora.")
    )
    source = models.CharField(_("source"), max_length=5, choices=SourceKind.choices, default=SourceKind.FILES)
    version = models.PositiveIntegerField(_("version"), default=0, editable=False)  # of its files; 0: it has none
    git_url = models.CharField(_("git repository"), max_length=500, blank=True)
    git_branch = models.CharField(_("branch"), max_length=255, blank=True)
    git_path = models.CharField(_("path"), max_length=500, blank=True, help_text=_("For example src/jupyter-pytorch-x"))
    git_username = models.CharField(_("git user name"), max_length=255, blank=True)
    git_password = EncryptedTextField(_("git password or token"), max_length=2000)
    webhook_secret = EncryptedTextField(_("webhook secret"), max_length=255)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("application")
        verbose_name_plural = _("applications")
        ordering = ("name",)
        indexes = [models.Index(fields=["git_url"], condition=Q(source="git"), name="application_of_git_url")]
        constraints = [
            models.UniqueConstraint(
                "target_registry",
                "target_namespace",
                Case(When(suffix="", then=F("base_image")), default=Concat("base_image", Value("-"), "suffix")),
                "base_tag",
                name="one_application_per_image_name",
            )
        ]

    def __str__(self) -> str:
        return self.name


class ApplicationVersion(models.Model):
    """The files of an application as they were saved once. They never change."""

    application = models.ForeignKey(Application, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(_("version"))
    files = models.JSONField(_("files"))  # {path: text}, see `builds.trees`
    programs = models.JSONField(default=list)  # paths of those that may be executed, beside scripts with a `#!` line
    revision = models.CharField(_("revision"), max_length=64)  # hash of the files, see `builds.trees`
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("author")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("version of an application")
        verbose_name_plural = _("versions of applications")
        ordering = ("-number",)
        constraints = [
            models.UniqueConstraint(fields=["application", "number"], name="one_application_version_per_number")
        ]

    def __str__(self) -> str:
        return f"{self.application_id}/{self.number}"


class BuildSecret(models.Model):
    """A value for `RUN --mount=type=secret,id=<name>`: seen by that step alone, never stored in an image or a log."""

    application = models.ForeignKey(Application, models.CASCADE, related_name="secrets")
    name = models.CharField(_("name"), max_length=63, validators=[SECRET_NAME_RULE])
    value = EncryptedTextField(_("value"), max_length=20_000)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("build secret")
        verbose_name_plural = _("build secrets")
        ordering = ("name",)
        constraints = [models.UniqueConstraint(fields=["application", "name"], name="one_build_secret_per_name")]

    def __str__(self) -> str:
        return self.name
