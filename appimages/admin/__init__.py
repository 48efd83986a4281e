"""Admin pages of AppImages and of the tokens of Kuscia clients."""

from appimages.admin.tokens import KusciaTokenAdmin

__all__ = ["KusciaTokenAdmin"]
