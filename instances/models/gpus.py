"""Accelerators of the nodes, and what is reserved of them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from nodes.models import ComputeNode


class GpuInventory(models.Model):
    """What is known of a node's accelerators as a whole. Without a row, or with a `problem`: not how many it has."""

    node = models.OneToOneField(ComputeNode, models.CASCADE, related_name="gpu_inventory", primary_key=True)
    checked_at = models.DateTimeField(_("checked"), editable=False)
    problem = models.CharField(max_length=64, blank=True, editable=False)  # a code; empty: the list is right
    evidence = models.TextField(blank=True, editable=False)

    def __str__(self) -> str:
        return f"{self.node}: {self.problem or self.checked_at}"


class Gpu(models.Model):
    """One card of a node. Its id means this card for ever, whatever its place; memory is MiB."""

    node = models.ForeignKey(ComputeNode, models.CASCADE, related_name="gpus", verbose_name=_("compute node"))
    device_id = models.CharField(_("device id"), max_length=80, editable=False)
    index = models.PositiveSmallIntegerField(_("index"), editable=False)
    model = models.CharField(_("GPU model"), max_length=255, editable=False)
    memory_mib = models.PositiveIntegerField(_("memory (MiB)"), editable=False)
    driver_version = models.CharField(max_length=64, blank=True, editable=False)
    # At the last discovery: in use all in all, None unknown; and what of it none of our containers explains, see
    # `instances.discovery`.
    used_mib = models.PositiveIntegerField(_("memory in use (MiB)"), null=True, editable=False)
    outside_mib = models.PositiveIntegerField(_("memory used from outside (MiB)"), default=0, editable=False)
    is_partitioned = models.BooleanField(
        default=False, editable=False
    )  # by the hardware: cannot be sliced or given whole
    is_missing = models.BooleanField(default=False, editable=False)  # the last discovery did not see it
    is_cordoned = models.BooleanField(
        _("cordoned"), default=False, help_text=_("Nothing new is placed here; what is here stays.")
    )
    seen_at = models.DateTimeField(_("last seen"), editable=False)

    class Meta:
        verbose_name = _("GPU")
        verbose_name_plural = _("GPUs")
        ordering = ("node", "index", "pk")
        constraints = [models.UniqueConstraint(fields=["node", "device_id"], name="one_row_per_device_of_a_node")]

    def __str__(self) -> str:
        return f"{self.index}: {self.model}"


class GpuAllocation(models.Model):
    """A share of a card that an instance holds, from before its container exists until after it is gone; or that a
    container without a row holds, whatever else is promised of the card."""

    instance = models.ForeignKey("instances.Instance", models.CASCADE, null=True, related_name="allocations")
    orphan = models.ForeignKey("instances.Orphan", models.CASCADE, null=True, related_name="allocations")
    gpu = models.ForeignKey(Gpu, models.RESTRICT, related_name="allocations")
    memory_mib = models.PositiveIntegerField()
    compute_percent = models.PositiveSmallIntegerField()
    is_exclusive = models.BooleanField()

    class Meta:
        indexes = [  # the sums of all cards come from it alone
            models.Index(fields=["gpu", "memory_mib", "compute_percent", "is_exclusive"], name="allocation_sums_of_gpu")
        ]
        constraints = [
            models.UniqueConstraint(fields=["instance", "gpu"], name="one_share_per_instance_and_card"),
            models.UniqueConstraint(fields=["orphan", "gpu"], name="one_share_per_orphan_and_card"),
            models.CheckConstraint(
                condition=Q(instance=None, orphan__isnull=False) | Q(instance__isnull=False, orphan=None),
                name="one_holder_of_a_share",
            ),
            models.UniqueConstraint(
                fields=["gpu"], condition=Q(is_exclusive=True, orphan=None), name="one_exclusive_holder_per_card"
            ),
            models.CheckConstraint(condition=Q(compute_percent__range=(1, 100)), name="share_of_computing_power"),
            models.CheckConstraint(condition=Q(memory_mib__gte=1), name="share_of_memory"),
        ]

    def __str__(self) -> str:
        return f"{self.instance or self.orphan}: {self.memory_mib} MiB, {self.compute_percent} % of {self.gpu}"
