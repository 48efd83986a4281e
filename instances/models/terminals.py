"""Who was in which container with a terminal: evidence, never what was typed or shown."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from instances.models.instances import Instance


class TerminalEnd(models.TextChoices):
    """Why a terminal ended."""

    SHELL = "shell", pgettext_lazy("end of a terminal", "the shell ended")
    LEFT = "left", pgettext_lazy("end of a terminal", "the browser left")
    IDLE = "idle", pgettext_lazy("end of a terminal", "nothing was typed for too long")
    LOGIN = "login", pgettext_lazy("end of a terminal", "the login ended")
    GONE = "gone", pgettext_lazy("end of a terminal", "the instance is not there for this user any more")
    CONTAINER = "container", pgettext_lazy("end of a terminal", "the container stopped")
    ENGINE = "engine", pgettext_lazy("end of a terminal", "the connection to the node broke")
    FAULTS = "faults", pgettext_lazy("end of a terminal", "the browser sent what nobody understands")
    SERVER = "server", pgettext_lazy("end of a terminal", "the server stopped")
    REFUSED = "refused", pgettext_lazy("end of a terminal", "it could not be opened")


class TerminalSession(models.Model):
    """One terminal, from before its shell runs. Outlives instance and user, whose names it keeps."""

    instance = models.ForeignKey(
        Instance, models.SET_NULL, null=True, related_name="terminals", verbose_name=_("instance"), editable=False
    )
    instance_name = models.CharField(_("instance"), max_length=50, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", editable=False)
    user_name = models.CharField(_("user"), max_length=150, editable=False)
    node_name = models.CharField(_("compute node"), max_length=255, editable=False)
    container_id = models.CharField(_("container id"), max_length=64, editable=False)
    shell = models.CharField(_("shell"), max_length=8, editable=False)
    run = models.CharField(max_length=64, blank=True, editable=False)  # by which the engine knows the shell
    process = models.PositiveIntegerField(null=True, editable=False)  # its number in the container, once it has told
    address = models.GenericIPAddressField(_("from address"), null=True, editable=False)
    began_at = models.DateTimeField(_("began"), editable=False, db_index=True)
    seen_at = models.DateTimeField(_("last seen"), editable=False)  # while it is open; a server that dies leaves it
    ended_at = models.DateTimeField(_("ended"), null=True, editable=False)
    end = models.CharField(_("why it ended"), max_length=12, choices=TerminalEnd.choices, blank=True, editable=False)
    bytes_in = models.BigIntegerField(_("bytes typed"), default=0, editable=False)
    bytes_out = models.BigIntegerField(_("bytes shown"), default=0, editable=False)

    class Meta:
        verbose_name = _("terminal session")
        verbose_name_plural = _("terminal sessions")
        ordering = ("-began_at", "-pk")
        indexes = [models.Index(fields=["user", "seen_at"], condition=models.Q(ended_at=None), name="open_terminals")]

    def __str__(self) -> str:
        return f"{self.user_name}: {self.instance_name}"
