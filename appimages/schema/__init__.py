"""What an AppImage may hold: the spec of Kuscia's custom resource, checked by pydantic. Pure."""

from appimages.schema.reading import Document, DocumentError, Finding, completed, read_document

__all__ = ["Document", "DocumentError", "Finding", "completed", "read_document"]
