from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ImagelibConfig(AppConfig):
    name = "imagelib"
    verbose_name = _("Image library")
