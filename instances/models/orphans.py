"""Containers that bear our label and have no row."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from nodes.models import ComputeNode


class Orphan(models.Model):
    """Of a database that was restored from a backup, or of an instance that was forgotten. Until it is gone it holds
    what its labels say: shares of cards as `GpuAllocation`, the rest here. Names are those of its labels."""

    node = models.ForeignKey(ComputeNode, models.CASCADE, related_name="orphans", verbose_name=_("compute node"))
    container_id = models.CharField(_("container id"), max_length=64, editable=False)
    container_name = models.CharField(_("container name"), max_length=255, editable=False)
    uid = models.CharField(max_length=150, editable=False)
    name = models.CharField(_("name"), max_length=150, editable=False)
    owner = models.CharField(_("user"), max_length=150, editable=False)
    state = models.CharField(_("state"), max_length=32, editable=False)
    cpu_cores = models.PositiveIntegerField(_("CPU cores"), default=0, editable=False)
    memory_gb = models.PositiveIntegerField(_("memory (GB)"), default=0, editable=False)
    data_disk_gb = models.PositiveIntegerField(_("data disk (GB)"), default=0, editable=False)
    found_at = models.DateTimeField(_("found"), editable=False)
    seen_at = models.DateTimeField(_("last seen"), editable=False)

    class Meta:
        ordering = ("node", "pk")
        constraints = [models.UniqueConstraint(fields=["node", "container_id"], name="one_orphan_per_container")]

    def __str__(self) -> str:
        return self.container_name
