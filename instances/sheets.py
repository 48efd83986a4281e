"""Product specs and instances as sheets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from core.dialects.gva_fields import Text, optional_text
from core.dialects.gva_sheet_kinds import SheetKind
from core.errors import Conflict
from core.sheets.columns import Column, Kind
from instances.gva.instances import InstanceViews
from instances.gva.specs import ProductSpecViews
from instances.models import Instance

SPECS = SheetKind(
    template="product_ProductSpec",
    title=_("Product specs"),
    views=ProductSpecViews,
    columns=(
        Column("name", _("Name"), example="A100 ×1", width=28),
        Column("gpuModel", _("GPU model"), example="A100"),
        Column("gpuCount", _("GPU count"), Kind.INTEGER, 1, width=12),
        Column("memoryCapacity", _("GPU memory per card (GB)"), Kind.INTEGER, 80, width=26),
        Column("cpuCores", _("CPU cores"), Kind.INTEGER, 16, width=12),
        Column("memoryGb", _("Memory (GB)"), Kind.INTEGER, 128, width=14),
        Column("systemDiskGb", _("System disk (GB)"), Kind.INTEGER, 100),
        Column("dataDiskGb", _("Data disk (GB)"), Kind.INTEGER, 500),
        Column("pricePerHour", _("Price per hour"), Kind.NUMBER, 12.5, width=16),
        Column("isOnShelf", _("Listed"), Kind.FLAG, True, width=10),
        Column("supportMemorySplit", _("Supports GPU memory slices"), Kind.FLAG, False, width=26),
        Column("remark", _("Remark"), width=36),
    ),
    key={"name": str.strip},
)


class Settled(serializers.CharField):
    """What was decided when the instance was made: a cell that says something else is refused."""

    default_error_messages = {"settled": _("This cannot be changed. Only the remark of an instance can.")}

    def __init__(self) -> None:
        super().__init__(required=False, allow_blank=True, help_text=_("Never changes: leave it as it was exported."))

    def to_internal_value(self, data: Any) -> str:
        if self.root.partial:  # a new row is refused as a whole
            self.fail("settled")
        return str(super().to_internal_value(data))


class Shown(serializers.CharField):
    """What changes by itself: the cell is of the moment of the export."""

    def __init__(self) -> None:
        super().__init__(read_only=True, help_text=_("Shown only: what is entered here is not read."))


class InstanceRow(serializers.Serializer):
    """Rows are found by name and user; only the remark may differ."""

    name = Text(max_length=50)
    userName = Text(max_length=150)
    imageName = Settled()
    specName = Settled()
    nodeName = Settled()
    containerStatus = Shown()
    containerName = Shown()
    remark = optional_text(1000)


class InstanceRows(InstanceViews):
    """Instances with the names of what they were made of."""

    form = InstanceRow
    columns = {**InstanceViews.columns, "imageName": "image__name", "specName": "spec__name", "nodeName": "node__name"}

    def name_of_user(self, name: str) -> str:
        return name  # rows are found by it

    def save(self, values: Mapping[str, Any], record: Instance | None = None) -> Instance:
        if record is None:
            text = _(
                "This user has no such instance. Sheets change remarks alone; containers are created on their page."
            )
            raise Conflict(text, code="unknown_instance")
        return super().save(values, record)


INSTANCES = SheetKind(
    template="instance_Instance",
    title=_("Instances"),
    views=InstanceRows,
    columns=(
        Column("name", _("Name"), example="train-1", width=28),
        Column("userName", _("User"), example="alice"),
        Column("imageName", _("Image"), example="pytorch", width=28),
        Column("specName", _("Product spec"), example="A100 ×1", width=28),
        Column("nodeName", _("Compute node"), example="gpu-7"),
        Column("containerStatus", _("State"), example="running", width=26),
        Column("containerName", _("Container"), example="i1f2e3d4c-train-1", width=36),
        Column("remark", _("Remark"), example="for team A", width=36),
    ),
    key={"name": str.strip, "userName": str.strip},
)
