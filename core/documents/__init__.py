"""Strangers' files in YAML and JSON: no value is interpreted, no object made, nothing without a limit. Pure."""

from core.documents.errors import FileError, Notice, refused
from core.documents.plain import Plain
from core.documents.text import LARGEST, text_of, trees_of
from core.documents.tree import Location, Tree, path_of
from core.documents.yaml_text import MOST_CHARACTERS

__all__ = [
    "LARGEST", "MOST_CHARACTERS", "FileError", "Location", "Notice", "Plain", "Tree", "path_of", "refused", "text_of",
    "trees_of",
]  # fmt: skip
