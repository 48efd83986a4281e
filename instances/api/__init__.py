"""This app's part of the native API."""

from instances.api.config_sets import ConfigSetViewSet, SecretSetViewSet
from instances.api.deployments import DeploymentViewSet, RunAppImageView
from instances.api.instances import InstanceViewSet, NodeDoctorView, NodeGpusView
from instances.api.specs import SpecViewSet

__all__ = [
    "ConfigSetViewSet",
    "DeploymentViewSet",
    "InstanceViewSet",
    "NodeDoctorView",
    "NodeGpusView",
    "RunAppImageView",
    "SecretSetViewSet",
    "SpecViewSet",
]
