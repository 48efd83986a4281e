"""Product specs as a sheet."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from core.dialects.gva_sheet_kinds import SheetKind
from core.sheets.columns import Column, Kind
from instances.gva.specs import ProductSpecViews

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
