"""Admin pages of product specs, instances and GPUs."""

from instances.admin.gpus import GpuAdmin
from instances.admin.instances import InstanceAdmin
from instances.admin.specs import SpecAdmin

__all__ = ["GpuAdmin", "InstanceAdmin", "SpecAdmin"]
