"""Client for the HTTP API of image registries: sizes, digests and platforms before an engine pulls.

Needs no Django and no Docker; raises RegistryError only.
"""

from .bodies import Body
from .client import RegistryClient
from .errors import CODES, UNREACHABLE_CODES, RegistryError
from .types import Blob, ImageConfig, ImageDescription, Manifest, Platform

__all__ = [
    "CODES",
    "UNREACHABLE_CODES",
    "Blob",
    "Body",
    "ImageConfig",
    "ImageDescription",
    "Manifest",
    "Platform",
    "RegistryClient",
    "RegistryError",
]
