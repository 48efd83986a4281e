"""Instances: one container of one user, as asked for and as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from core.changes import announce
from imagelib.models import ImageRegistry
from instances.models.specs import ProductSpec
from nodes.models import ComputeNode

if TYPE_CHECKING:
    from instances.models.operations import Operation


class Observed(models.TextChoices):
    """What the engine said last, or what is being done before there is a container."""

    CREATING = "creating", _("creating")
    PULLING = "pulling", _("pulling")
    CREATED = "created", pgettext_lazy("container", "created")
    RUNNING = "running", pgettext_lazy("container", "running")
    PAUSED = "paused", _("paused")
    RESTARTING = "restarting", _("restarting")
    REMOVING = "removing", _("removing")
    EXITED = "exited", _("exited")
    DEAD = "dead", _("dead")
    GONE = "gone", _("gone")
    FAILED = "failed", _("failed")


OBSERVED_COLOURS = {  # names of the theme's label colours: one place for every page
    Observed.RUNNING: "success",
    Observed.CREATING: "info",
    Observed.PULLING: "info",
    Observed.RESTARTING: "warning",
    Observed.PAUSED: "warning",
    Observed.REMOVING: "warning",
    Observed.DEAD: "danger",
    Observed.GONE: "danger",
    Observed.FAILED: "danger",
}
NAME_RULE = RegexValidator(
    r"\A[A-Za-z0-9_-]{1,50}\Z", _("1 to 50 letters, digits, hyphens and underscores, such as train-1.")
)


class InstanceRows(models.QuerySet["Instance"]):
    def change(self, **values: Any) -> int:
        """Update what people see of the rows, and tell who watches them. Returns how many there were."""
        changed = self.update(version=F("version") + 1, **values)
        if changed:
            announce()
        return changed


class Instance(models.Model):
    """实例. What was asked for never changes: later edits of image, spec or node do not touch what runs."""

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)  # names it on the engine, for ever
    name = models.CharField(_("name"), max_length=50, validators=[NAME_RULE])
    image = models.ForeignKey(ImageRegistry, models.PROTECT, related_name="instances", verbose_name=_("image"))
    spec = models.ForeignKey(ProductSpec, models.PROTECT, related_name="instances", verbose_name=_("product spec"))
    node = models.ForeignKey(ComputeNode, models.PROTECT, related_name="instances", verbose_name=_("compute node"))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="instances", verbose_name=_("user"))
    remark = models.CharField(_("remark"), max_length=1000, blank=True)

    reference = models.CharField(_("image reference"), max_length=600, editable=False)
    options = models.JSONField(default=dict, editable=False)  # {command, environment, ports, restart_policy} as asked
    plan = models.JSONField(default=dict, editable=False)  # what went to the engine, see `instances.spec`
    is_sliced = models.BooleanField(_("slice"), default=False, editable=False)
    # Held of the node, apart from its cards.
    cpu_cores = models.PositiveIntegerField(_("CPU cores"), default=0, editable=False)
    memory_gb = models.PositiveIntegerField(_("memory (GB)"), default=0, editable=False)
    data_disk_gb = models.PositiveIntegerField(_("data disk (GB)"), default=0, editable=False)

    anywhere = models.BooleanField(default=False, editable=False)  # no node was named: another will do as well
    refused_by = models.JSONField(default=list, editable=False)  # [{node, code, params}]: chosen before, see `moved`

    container_id = models.CharField(_("container id"), max_length=64, blank=True, editable=False)
    container_name = models.CharField(_("container name"), max_length=80, blank=True, editable=False)
    digest = models.CharField(_("digest"), max_length=160, blank=True, editable=False)
    observed = models.CharField(
        _("state"), max_length=12, choices=Observed.choices, default=Observed.CREATING, editable=False
    )
    observed_at = models.DateTimeField(_("state seen"), null=True, editable=False)
    started_at = models.DateTimeField(null=True, editable=False)  # its container, last; by the engine's clock
    exit_code = models.IntegerField(_("exit code"), null=True, editable=False)
    looked_into = models.CharField(max_length=40, blank=True, editable=False)  # when that run began: see `look_inside`
    oom_killed = models.BooleanField(default=False, editable=False)
    restarts = models.PositiveIntegerField(default=0, editable=False)
    ports = models.JSONField(default=list, editable=False)  # [{container_port, protocol, host_port}]
    notes = models.JSONField(default=list, editable=False)  # codes of what could not be done as asked
    problem_code = models.CharField(max_length=64, blank=True, editable=False)
    problem = models.JSONField(default=dict, editable=False)  # {params, evidence}
    version = models.PositiveBigIntegerField(default=1, editable=False)  # see `InstanceRows.change`
    # Percent of what it may use, measured at `load_at`; None: not measured, or without a limit that is known.
    load_cpu = models.FloatField(null=True, editable=False)
    load_memory = models.FloatField(null=True, editable=False)
    load_gpu_memory = models.FloatField(null=True, editable=False)
    load_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    objects = models.Manager.from_queryset(InstanceRows)()
    freed_by: ClassVar[Any] = _("Remove the instances first, then delete again.")
    operation: Operation | None = None  # what works on it now, if it was read `instances.snapshot.with_operations`

    class Meta:
        verbose_name = _("instance")
        verbose_name_plural = _("instances")
        ordering = ("-created_at", "-pk")
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="instance_newest_first"),
            models.Index(fields=["user", "-created_at"], name="instance_of_user"),
            # What nodes have left is summed up for each choice of a place: from the index alone, rows are wide.
            models.Index(fields=["node", "cpu_cores", "memory_gb", "data_disk_gb"], name="instance_held_of_node"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="one_instance_per_user_and_name"),
            models.UniqueConstraint(
                fields=["container_id"], condition=~Q(container_id=""), name="one_instance_per_container"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def names_of(cls, rows: Sequence[Instance]) -> list[str]:
        """For who may see them all: names are unique for each user only."""
        models.prefetch_related_objects(rows, "user")
        return [gettext("%(name)s of %(user)s") % {"name": row.name, "user": row.user.get_username()} for row in rows]
