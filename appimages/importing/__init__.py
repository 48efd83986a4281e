"""Reading Kuscia's files: YAML and JSON, kubectl's output, templates with placeholders. Pure."""

from appimages.importing.files import ReadFile, read_file
from appimages.importing.manifests import FoundAppImage
from appimages.importing.placeholders import InstallValues
from core.documents import FileError, Notice

__all__ = ["FileError", "FoundAppImage", "InstallValues", "Notice", "ReadFile", "read_file"]
