"""Admin pages of custom images."""

from builds.admin import builds

__all__ = ["builds"]
