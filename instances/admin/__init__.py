"""Admin pages of product specs, instances, GPUs, deployments and config sets."""

from instances.admin.config_sets import ConfigSetAdmin, SecretSetAdmin
from instances.admin.deployments import DeploymentAdmin
from instances.admin.gpus import GpuAdmin
from instances.admin.instances import InstanceAdmin
from instances.admin.specs import SpecAdmin
from instances.admin.terminals import TerminalSessionAdmin

__all__ = [
    "ConfigSetAdmin",
    "DeploymentAdmin",
    "GpuAdmin",
    "InstanceAdmin",
    "SecretSetAdmin",
    "SpecAdmin",
    "TerminalSessionAdmin",
]
