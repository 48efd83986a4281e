"""Admin pages of AppImages and of the tokens of Kuscia clients."""

from appimages.admin.app_images import AppImageAdmin
from appimages.admin.changes import AppImageVersionAdmin
from appimages.admin.tokens import KusciaTokenAdmin

__all__ = ["AppImageAdmin", "AppImageVersionAdmin", "KusciaTokenAdmin"]
