"""What an AppImage may hold: the spec of Kuscia's custom resource, checked by pydantic. Pure."""

from appimages.schema.reading import Document, DocumentError, Finding, Location, path_of, read_document
from appimages.schema.values import Plain

__all__ = ["Document", "DocumentError", "Finding", "Location", "Plain", "path_of", "read_document"]
