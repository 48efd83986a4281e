"""What is wrong with a file, or worth a warning, and where. `core.document_texts` has the sentences of the codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Notice:
    """`document` counts from 1, 0 is the file as a whole; `line` is None where nobody knows, as in JSON."""

    code: str
    document: int = 0
    line: int | None = None
    path: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)


class FileError(ValueError):
    """A file that cannot be imported; nothing of it is."""

    def __init__(self, notices: Sequence[Notice]) -> None:
        super().__init__("; ".join(f"{item.document}:{item.line}:{item.path}: {item.code}" for item in notices))
        self.notices = tuple(notices)


def refused(code: str, *, document: int = 0, line: int | None = None, **params: Any) -> FileError:
    return FileError([Notice(code, document, line, params=params)])
