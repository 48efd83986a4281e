"""Rows of this app: what can be handed out, what it is handed out of, what was handed out, and what is being done."""

from instances.models.config_sets import ConfigSet, SecretSet
from instances.models.deployments import (
    DeployedContainer,
    Deployment,
    Desired,
    HostPort,
    delete_instance_row,
    template_of,
)
from instances.models.facts import ImageReport, LibraryReport, NodeFault
from instances.models.gpus import Gpu, GpuAllocation, GpuInventory
from instances.models.instances import Instance, Observed
from instances.models.operations import Operation, OperationKind
from instances.models.orphans import Orphan
from instances.models.specs import LIMITS, MOST_SLICED_GPUS, ProductSpec
from instances.models.terminals import TerminalEnd, TerminalSession

__all__ = [
    "LIMITS",
    "MOST_SLICED_GPUS",
    "ConfigSet",
    "DeployedContainer",
    "Deployment",
    "Desired",
    "Gpu",
    "GpuAllocation",
    "GpuInventory",
    "HostPort",
    "ImageReport",
    "Instance",
    "LibraryReport",
    "NodeFault",
    "Observed",
    "Operation",
    "OperationKind",
    "Orphan",
    "ProductSpec",
    "SecretSet",
    "TerminalEnd",
    "TerminalSession",
    "delete_instance_row",
    "template_of",
]
