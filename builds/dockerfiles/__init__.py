"""Dockerfiles: reading them, which images they start from, hints about them, and adding packages to them.

Pure: text in, values out. `reading` is the one reader; everything else goes by what it has read. What is wrong is a
code with a line, `builds.hint_texts` has the sentences.
"""

from builds.dockerfiles.adding import Added, add_packages
from builds.dockerfiles.doubts import leaves_doubt
from builds.dockerfiles.errors import DockerfileError, PackageError
from builds.dockerfiles.hints import Hint, HintCode, Severity, find_hints
from builds.dockerfiles.images import external_images, foreign_syntax
from builds.dockerfiles.installers import Ecosystem
from builds.dockerfiles.needs import in_heredoc, needs_buildkit
from builds.dockerfiles.reading import Dockerfile, read
from builds.dockerfiles.starting import starting_files

__all__ = [
    "Added",
    "Dockerfile",
    "DockerfileError",
    "Ecosystem",
    "Hint",
    "HintCode",
    "PackageError",
    "Severity",
    "add_packages",
    "external_images",
    "find_hints",
    "foreign_syntax",
    "in_heredoc",
    "leaves_doubt",
    "needs_buildkit",
    "read",
    "starting_files",
]
