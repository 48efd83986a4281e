"""Admin pages of product specs, instances and GPUs."""

from instances.admin.gpus import GpuAdmin
from instances.admin.instances import InstanceAdmin
from instances.admin.specs import SpecAdmin
from instances.admin.terminals import TerminalSessionAdmin

__all__ = ["GpuAdmin", "InstanceAdmin", "SpecAdmin", "TerminalSessionAdmin"]
