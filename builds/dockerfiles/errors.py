"""What stops the reading of a Dockerfile, or the adding of packages to it, as codes."""

from __future__ import annotations

from typing import Literal

DockerfileCode = Literal[
    "from_missing", "variable_unknown", "variable_form", "image_invalid", "character_odd", "too_large"
]
PackageCode = Literal[
    "dockerfile_missing", "dockerfile_unreadable", "from_missing", "no_packages", "apt_name", "conda_name", "pip_name"
]


class DockerfileError(ValueError):
    """`line` counts from 1, 0 is the whole file. `value` is what the sentence is about: a variable, an image."""

    def __init__(self, code: DockerfileCode, line: int = 0, *, value: str = "") -> None:
        super().__init__(code, line, value)
        self.code = code
        self.line = line
        self.value = value


class PackageError(ValueError):
    """Packages that cannot be added; `value` is the one."""

    def __init__(self, code: PackageCode, value: str = "") -> None:
        super().__init__(code, value)
        self.code = code
        self.value = value
