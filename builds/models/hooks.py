"""Pushes that git servers told of: each is taken once."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from builds.models.applications import Application
from builds.models.builds import Build


class HookDelivery(models.Model):
    """A signed message that was taken. Its body is the key: a header that is not signed could be changed by who sends
    it again."""

    application = models.ForeignKey(Application, models.CASCADE, related_name="deliveries")
    body_sha256 = models.CharField(max_length=64)
    delivery = models.CharField(max_length=64, blank=True)  # as the git server numbers it
    commit = models.CharField(max_length=64, blank=True)
    branch = models.CharField(max_length=255, blank=True)
    outcome = models.CharField(max_length=64)  # a code of `builds.hook_texts`: built, or why not
    pushed_at = models.DateTimeField(null=True)  # the latest time that the message names
    build = models.ForeignKey(Build, models.SET_NULL, null=True, related_name="deliveries")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-pk",)
        constraints = [
            models.UniqueConstraint(fields=["application", "body_sha256"], name="one_hook_delivery_per_body")
        ]
        indexes = [models.Index(fields=["application"], condition=Q(outcome="waiting"), name="waiting_hook_deliveries")]

    def __str__(self) -> str:
        return f"{self.application_id} {self.branch} {self.commit[:12]}"
