"""This app's part of the native API."""

from instances.api.instances import InstanceViewSet, NodeGpusView
from instances.api.specs import SpecViewSet

__all__ = ["InstanceViewSet", "NodeGpusView", "SpecViewSet"]
