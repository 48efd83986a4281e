"""How people and other systems hear of what was decided."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from builds.models.submissions import Submission
from core.fields import EncryptedTextField
from core.jobs import Job, protect_while_active


class Notice(models.Model):
    """A message for one user, kept until it is read and for a while after."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notices", verbose_name=_("user"))
    code = models.CharField(max_length=64)  # worded when it is read
    values = models.JSONField(default=dict)
    submission = models.ForeignKey(Submission, models.CASCADE, null=True, related_name="notices")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    read_at = models.DateTimeField(_("read"), null=True)

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        ordering = ("-pk",)
        indexes = [models.Index(fields=["user", "-id"], name="notice_of_user")]

    def __str__(self) -> str:
        return self.code


class WebhookTarget(models.Model):
    """Where to tell other systems of decisions."""

    name = models.CharField(_("name"), max_length=255, unique=True)
    url = models.URLField(_("URL"), max_length=1000)
    secret = EncryptedTextField(_("secret"), max_length=255)
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("outgoing webhook")
        verbose_name_plural = _("outgoing webhooks")
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class WebhookCall(Job):
    """One message to one target, sent until it is taken or given up."""

    task = "builds.tasks.call_webhook"

    target = models.ForeignKey(WebhookTarget, protect_while_active, null=True, related_name="calls")
    submission = models.ForeignKey(Submission, models.CASCADE, related_name="calls")
    event = models.CharField(_("event"), max_length=64)  # submission.approved, …
    body = models.TextField(editable=False)  # JSON, as it is signed and sent
    status = models.PositiveSmallIntegerField(null=True, editable=False)  # of the last answer

    class Meta:
        verbose_name = _("webhook call")
        verbose_name_plural = _("webhook calls")
        ordering = ("-pk",)
        indexes = [models.Index(fields=["state", "due_at"], name="webhook_call_state_due")]

    def __str__(self) -> str:
        return f"{self.event} → {self.target_id}"
