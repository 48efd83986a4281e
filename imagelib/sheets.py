"""The image library as a sheet."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from django.utils.translation import gettext_lazy as _

from core.dialects.gva_sheet_kinds import SheetKind
from core.sheets.columns import Column, Kind
from imagelib import services
from imagelib.addresses import AddressError, split_credentials
from imagelib.gva import ImageRegistryViews
from imagelib.models import ImageRegistry
from imagelib.references import Endpoints


class _Rows(ImageRegistryViews):
    @cached_property
    def _endpoints(self) -> Endpoints:
        """Read once for all rows of a sheet."""
        return Endpoints()

    def save(self, values: Mapping[str, Any], record: ImageRegistry | None = None) -> ImageRegistry:
        user = self.request.user
        return services.save_image(user=user, values=values, image=record, endpoints=self._endpoints)


def _without_login(address: str) -> str:
    """As an address is stored."""
    try:
        return split_credentials(address.strip()).address
    except AddressError:
        return address


IMAGES = SheetKind(
    template="imageregistry_ImageRegistry",
    title=_("Image library"),
    views=_Rows,
    columns=(
        Column("name", _("Name"), example="PyTorch 2.4", width=28),
        Column("address", _("Image address"), example="registry.example.com/ml/pytorch:2.4", width=56),
        Column("description", _("Description"), example="PyTorch 2.4, CUDA 12.4", width=36),
        Column("source", _("Source"), example="Docker Hub"),
        Column("isOnShelf", _("Listed"), Kind.FLAG, True, width=10),
        Column("supportMemorySplit", _("Supports GPU memory slices"), Kind.FLAG, False, width=24),
        Column("remark", _("Remark"), width=36),
    ),
    key={"name": str.strip, "address": _without_login},
)
