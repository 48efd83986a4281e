"""Compute nodes as a sheet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from core.dialects.gva_sheet_kinds import SheetKind
from core.sheets.columns import Column, Kind
from nodes import services
from nodes.gva import ComputeNodeViews
from nodes.models import ComputeNode
from nodes.paths import USUAL_LIBRARY_DIRECTORY


class _Rows(ComputeNodeViews):
    def save(self, values: Mapping[str, Any], record: ComputeNode | None = None) -> ComputeNode:
        """Without a test of the connection: one after the other, and in a transaction. The sweep does it."""
        return services.save_node(user=self.request.user, values=values, node=record, test=False)


NODES = SheetKind(
    template="computenode_ComputeNode",
    title=_("Compute nodes"),
    views=_Rows,
    columns=(
        Column("name", _("Name"), example="gpu-01", width=24),
        Column("region", _("Region"), example="Shanghai"),
        Column("cpu", _("CPU cores"), Kind.INTEGER, 64, width=12),
        Column("memory", _("Memory (GB)"), Kind.INTEGER, 512, width=14),
        Column("systemDisk", _("System disk (GB)"), Kind.INTEGER, 960),
        Column("dataDisk", _("Data disk (GB)"), Kind.INTEGER, 7680),
        Column("publicIp", _("Public IP"), example="203.0.113.7"),
        Column("privateIp", _("Private IP"), example="10.0.0.7"),
        Column("sshPort", _("SSH port"), Kind.INTEGER, 22, width=12),
        Column("username", _("User name"), example="root"),
        Column("password", _("Password"), Kind.SECRET),
        Column("gpuName", _("GPU model"), example="A100"),
        Column("gpuCount", _("GPU count"), Kind.INTEGER, 8, width=12),
        Column("memoryCapacity", _("GPU memory per card (GB)"), Kind.INTEGER, 80, width=26),
        Column("hamiCore", _("HAMi-core directory"), example=USUAL_LIBRARY_DIRECTORY, width=28),
        Column("dockerAddress", _("Docker address"), example="tcp://10.0.0.7:2376", width=32),
        Column("useTls", _("Use TLS"), Kind.FLAG, True, width=12),
        Column("caCert", _("CA certificate"), example="-----BEGIN CERTIFICATE-----…"),
        Column("clientCert", _("Client certificate"), example="-----BEGIN CERTIFICATE-----…"),
        Column("clientKey", _("Client key"), Kind.SECRET),
        Column("isOnShelf", _("Listed"), Kind.FLAG, True, width=10),
        Column("remark", _("Remark"), width=36),
    ),
    key={"name": str.strip},
)
