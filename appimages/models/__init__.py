"""AppImages with all their versions, and the tokens of Kuscia clients."""

from appimages.models.app_image import LONGEST_NAME, AppImage, AppImageVersion, How, image_columns
from appimages.models.token import KusciaToken

__all__ = ["LONGEST_NAME", "AppImage", "AppImageVersion", "How", "KusciaToken", "image_columns"]
