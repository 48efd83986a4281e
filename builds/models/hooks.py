"""Pushes that git servers told of: each is taken once."""

from __future__ import annotations

from django.db import models

from builds.models.applications import Application


class HookDelivery(models.Model):
    """A signed message that was taken. Its body is the key: a header that is not signed could be changed by who sends
    it again."""

    application = models.ForeignKey(Application, models.CASCADE, related_name="deliveries")
    body_sha256 = models.CharField(max_length=64)
    delivery = models.CharField(max_length=64, blank=True)  # as the git server numbers it
    commit = models.CharField(max_length=64, blank=True)
    branch = models.CharField(max_length=255, blank=True)
    outcome = models.CharField(max_length=64)  # a code: built, or why not
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-pk",)
        constraints = [
            models.UniqueConstraint(fields=["application", "body_sha256"], name="one_hook_delivery_per_body")
        ]

    def __str__(self) -> str:
        return f"{self.application_id} {self.branch} {self.commit[:12]}"
