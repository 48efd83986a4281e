from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ImagelibConfig(AppConfig):
    name = "imagelib"
    verbose_name = _("Image library")

    def ready(self) -> None:
        import_module("imagelib.spa.checks")  # registers the system checks
