"""What is being done to an instance: one job each, one at a time."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.jobs import ACTIVE_STATES, Job
from instances.models.instances import Instance
from pulls.models import PullJob


class OperationKind(models.TextChoices):
    CREATE = "create", _("create")
    START = "start", _("start")
    STOP = "stop", _("stop")
    RESTART = "restart", _("restart")
    REMOVE = "remove", _("remove")


class Operation(Job):
    """A job of an instance. The row outlives an instance that was removed."""

    task = "instances.tasks.run_operation"
    queue = "control"

    instance = models.ForeignKey(Instance, models.SET_NULL, null=True, related_name="operations")
    instance_name = models.CharField(max_length=50, editable=False)
    kind = models.CharField(_("operation"), max_length=8, choices=OperationKind.choices)
    # Seconds that its program has to end by itself; None: as usual.
    grace = models.PositiveSmallIntegerField(null=True, editable=False)
    pull = models.ForeignKey(PullJob, models.SET_NULL, null=True, related_name="+", editable=False)

    class Meta:
        verbose_name = _("operation")
        verbose_name_plural = _("operations")
        ordering = ("-pk",)
        indexes = [models.Index(fields=["state", "due_at"], name="operation_state_due")]
        constraints = [
            models.UniqueConstraint(
                fields=["instance"], condition=Q(state__in=ACTIVE_STATES), name="one_active_operation_per_instance"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.instance_name}"
