"""From the bytes of a file to its documents."""

from __future__ import annotations

from core.documents.errors import refused
from core.documents.json_text import read_json
from core.documents.tree import Tree
from core.documents.yaml_text import read_yaml

LARGEST = 5 * 1024 * 1024


def text_of(data: bytes) -> str:
    """UTF-8, with or without a mark in front. Raises `FileError`."""
    if len(data) > LARGEST:
        raise refused("too_large", limit=LARGEST >> 20)
    if b"\0" in data:
        raise refused("nul")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refused("encoding", line=data.count(b"\n", 0, error.start) + 1) from None


def trees_of(text: str) -> list[Tree]:
    """JSON is tried where a file looks like it; what is none may still be YAML in braces."""
    if text.lstrip()[:1] in ("{", "["):
        trees = read_json(text)
        if trees is not None:
            return trees
    return read_yaml(text)
