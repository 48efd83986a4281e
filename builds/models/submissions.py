"""Submissions: images that users would like to see in the library, what was found out about them, what was decided."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from builds.models.builds import Build
from core.jobs import Job
from imagelib.models import ImageRegistry


class Decision(models.TextChoices):
    """What became of a submission."""

    OPEN = "open", _("undecided")
    APPROVED = "approved", _("approved")
    REJECTED = "rejected", _("rejected")
    WITHDRAWN = "withdrawn", _("withdrawn")


DECISION_COLOURS = {
    Decision.OPEN: "warning",
    Decision.APPROVED: "success",
    Decision.REJECTED: "danger",
    Decision.WITHDRAWN: "default",
}


class Submission(Job):
    """提交: an image offered for the library. The job is its automatic checks; the decision is an operator's. The
    submitter is `requested_by`."""

    task = "builds.tasks.check_submission"
    queue = "transfers"

    build = models.ForeignKey(Build, models.SET_NULL, null=True, related_name="submissions", verbose_name=_("build"))
    reference = models.CharField(_("image reference"), max_length=700)  # canonical
    name = models.CharField(_("name"), max_length=255, blank=True)  # wished for the entry
    description = models.CharField(_("description"), max_length=1000, blank=True)
    digest = models.CharField(_("digest"), max_length=160, blank=True, editable=False)  # as checked
    size = models.PositiveBigIntegerField(_("size"), null=True, editable=False)  # bytes, compressed, largest platform
    platforms = models.JSONField(default=list, editable=False)  # ["linux/amd64"]
    libc = models.CharField(max_length=40, blank=True, editable=False)  # "glibc 2.36", "musl"
    checks = models.JSONField(default=list, editable=False)  # see `builds.checking`
    checked_at = models.DateTimeField(_("checked"), null=True, editable=False)
    decision = models.CharField(
        _("decision"), max_length=10, choices=Decision.choices, default=Decision.OPEN, editable=False
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("decided by")
    )
    decided_at = models.DateTimeField(_("decided"), null=True, editable=False)
    reason = models.CharField(_("reason"), max_length=1000, blank=True)
    entry = models.ForeignKey(
        ImageRegistry, models.SET_NULL, null=True, related_name="submissions", verbose_name=_("image")
    )

    class Meta:
        verbose_name = _("submission")
        verbose_name_plural = _("submissions")
        ordering = ("-pk",)
        indexes = [models.Index(fields=["decision", "-id"], name="submission_by_decision")]
        constraints = [
            models.UniqueConstraint(
                fields=["requested_by", "reference"],
                condition=Q(decision="open"),
                name="one_open_submission_per_user_and_reference",
            ),
            models.CheckConstraint(
                condition=~Q(decision="rejected") | ~Q(reason=""), name="submission_rejected_with_reason"
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class SubmissionEvent(models.Model):
    """One line of a submission's history: a code with values, worded for whoever reads it."""

    submission = models.ForeignKey(Submission, models.CASCADE, related_name="events")
    at = models.DateTimeField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    code = models.CharField(max_length=64)
    values = models.JSONField(default=dict)

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.code
