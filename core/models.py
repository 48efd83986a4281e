"""Tables of the shared kernel."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class IdempotencyKey(models.Model):
    """One `Idempotency-Key` of one user: what was asked, and what was answered."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)  # SHA-256 of what was asked
    answer = models.JSONField(null=True)  # what the caller stored, None while the first request is at work
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="one_use_of_a_key")]

    def __str__(self) -> str:
        return self.key


class EndedLogin(models.Model):
    """A login of the gva front end that was ended before its token expired."""

    jti = models.CharField(max_length=64, unique=True)
    forgotten_at = models.DateTimeField(db_index=True)  # no token of this login lives longer

    def __str__(self) -> str:
        return self.jti


class DownloadTicket(models.Model):
    """The right to one download without a login, in a tab that the browser opens. Every web process can redeem it."""

    token_hash = models.CharField(max_length=64, unique=True)  # SHA-256: who reads the table gains nothing
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    action = models.CharField(max_length=32)  # the route that redeems it
    subject = models.CharField(max_length=100)  # what is downloaded
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.subject


class Lease(models.Model):
    """Something that one process does for the whole deployment, and until when it may: see `core.leases`."""

    name = models.CharField(max_length=64, primary_key=True)
    holder = models.UUIDField(null=True)
    until = models.DateTimeField()  # by the database's clock

    def __str__(self) -> str:
        return self.name
