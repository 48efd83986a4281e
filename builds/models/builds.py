"""Build jobs: one revision of one application, built on one node, pushed to its registry."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from builds.models.applications import Application, ApplicationVersion
from core.jobs import ACTIVE_STATES, Job, protect_while_active
from nodes.models import ComputeNode


class Trigger(models.TextChoices):
    """What began a build."""

    PERSON = "person", _("person")
    COMMAND = "command", _("command")
    WEBHOOK = "webhook", _("git push")


class Build(Job):
    """构建. It succeeds only when the registry shows the digest that the engine pushed. What it is made of is copied
    when it is asked for: later edits of the application do not touch it."""

    task = "builds.tasks.run_build"
    queue = "transfers"
    released = {"node_slot": None}

    application = models.ForeignKey(
        Application, protect_while_active, null=True, related_name="builds", verbose_name=_("application")
    )
    application_name = models.CharField(max_length=63, editable=False)  # outlives the application
    trigger = models.CharField(_("trigger"), max_length=8, choices=Trigger.choices, default=Trigger.PERSON)
    files = models.ForeignKey(ApplicationVersion, models.SET_NULL, null=True, related_name="builds", editable=False)
    git_url = models.CharField(_("git repository"), max_length=500, blank=True, editable=False)
    git_branch = models.CharField(_("branch"), max_length=255, blank=True, editable=False)
    git_path = models.CharField(_("path"), max_length=500, blank=True, editable=False)
    revision = models.CharField(_("revision"), max_length=64, blank=True)  # commit, or hash of the files; once known
    node = models.ForeignKey(
        ComputeNode, protect_while_active, null=True, related_name="builds", verbose_name=_("compute node")
    )
    node_name = models.CharField(max_length=255, blank=True, editable=False)  # outlives the node
    node_asked = models.BooleanField(default=False, editable=False)  # this node and no other
    node_slot = models.PositiveSmallIntegerField(null=True, editable=False)
    arguments = models.JSONField(_("build arguments"), default=dict, editable=False)  # BASE_REGISTRY, …
    repository = models.CharField(max_length=500, editable=False)  # of the image, without its tag
    reference = models.CharField(_("image reference"), max_length=700, blank=True)  # once the revision is known
    registry_host = models.CharField(_("registry"), max_length=255, editable=False)
    builder = models.CharField(_("builder"), max_length=10, blank=True, editable=False)  # once known
    image_id = models.CharField(max_length=160, blank=True, editable=False)
    digest = models.CharField(_("digest"), max_length=160, blank=True, editable=False)
    pushed_digest = models.CharField(max_length=160, blank=True, editable=False)  # by the engine's word; of any attempt
    size = models.PositiveBigIntegerField(_("size"), null=True, editable=False)  # bytes in the registry
    as_operator = models.BooleanField(default=False, editable=False)  # an operator asked for it
    cancelled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", editable=False
    )
    log_lines = models.PositiveIntegerField(default=0, editable=False)
    moved_at = models.DateTimeField(null=True, editable=False)  # the stall watchdog: when something last happened

    class Meta:
        verbose_name = _("build")
        verbose_name_plural = _("builds")
        ordering = ("-pk",)
        indexes = [
            models.Index(fields=["state", "due_at"], name="build_state_due"),
            models.Index(fields=["application", "-id"], name="build_of_application"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["application"],
                condition=Q(state__in=ACTIVE_STATES),
                name="one_active_build_per_application",
            ),
            models.UniqueConstraint(fields=["node", "node_slot"], name="one_build_per_node_slot"),
        ]

    def __str__(self) -> str:
        return f"{self.application_name} #{self.pk}"


class LogChunk(models.Model):
    """Some lines of a build's log, in the order of `first`. A line: `[seconds since the start, step, kind, text]`,
    kind as in `nodes.engine.BuildEventKind`."""

    build = models.ForeignKey(Build, models.CASCADE, related_name="log")
    attempt = models.PositiveSmallIntegerField(default=1)
    first = models.PositiveIntegerField()  # number of its first line, from 0
    lines = models.JSONField()

    class Meta:
        ordering = ("first",)
        constraints = [models.UniqueConstraint(fields=["build", "first"], name="one_log_chunk_per_line")]

    def __str__(self) -> str:
        return f"{self.build_id}/{self.first}"
