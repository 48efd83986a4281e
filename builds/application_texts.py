"""Sentences for what is wrong with the files, the packages and the repository of an application: rule and example."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from builds.dockerfiles import PackageError
from builds.packing import PackingError
from builds.trees import TreeError

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

SHORTEST_SECRET = 16  # characters of what messages are signed with, of git servers and to others


def secret_fault(secret: str) -> str:
    """Of a new one, empty if there is none. Whoever has one signed message can try short ones out in peace."""
    if not secret or len(secret) >= SHORTEST_SECRET:
        return ""
    rule = _(
        "At least %(shortest)s characters that nobody can guess: who has seen one message can try short ones out. For "
        "example the output of “openssl rand -hex 32”."
    )
    return rule % {"shortest": SHORTEST_SECRET}


_FILES: dict[str, _StrPromise] = {
    "path_empty": _("A file needs a path, for example requirements.txt."),
    "path_too_long": _("The path of a file has at most {limit} bytes, for example conf/app.toml."),
    "path_characters": _(
        "The path {path} has a control character, a “\\” or a drive in it. Parts are joined by “/”, for example "
        "conf/app.toml."
    ),
    "path_absolute": _("The path {path} must not begin with “/”, for example conf/app.toml."),
    "path_parts": _("The path {path} must not have empty parts, “.” or “..” in it, for example conf/app.toml."),
    "path_git": _("The path {path} belongs to git itself. Leave it out; a file .gitignore, for example, is allowed."),
    "path_twice": _("The path {path} is a file and a folder at once. Give one another name, for example {path}.txt."),
    "content_nul": _("The file {path} is no text: it has NUL bytes. Have it downloaded in a RUN, for example."),
    "content_encoding": _("The file {path} is no text in UTF-8. Have it downloaded in a RUN, for example."),
    "content_broken": _("The file {path} in the archive is damaged. Make the archive anew, for example with git."),
    "link": _("{path} is a symbolic link. Put the file itself there, for example with cp -L."),
    "file_too_large": _(
        "The file {path} is larger than {limit} bytes. Have it downloaded in a RUN, for example, or use a git "
        "repository."
    ),
    "files_too_large": _(
        "The files have more than {limit} bytes together. Have large ones downloaded in a RUN, for example, or use a "
        "git repository."
    ),
    "files_too_many": _("An application has at most {limit} files. Use a git repository, for example."),
    "dockerfile_missing": _("There must be a file Dockerfile, for example with the line FROM python:3.12."),
}
_PACKAGES: dict[str, _StrPromise] = {
    "dockerfile_missing": _("There is no Dockerfile to add packages to. Begin with FROM python:3.12, for example."),
    "dockerfile_unreadable": _(
        "The Dockerfile is too large for this, or has a character that not all programs read alike ({value}). Type "
        "such lines anew, for example RUN true."
    ),
    "from_missing": _("The Dockerfile has no FROM. Begin with FROM python:3.12, for example."),
    "no_packages": _("Name at least one package, for example git."),
    "apt_name": _("“{value}” is no name of a Debian package. Examples: git, libssl-dev, vim=2:9.0.1378-2."),
    "conda_name": _("“{value}” is no name of a conda package. Examples: numpy, python=3.11, conda-forge::gdal>=3.8."),
    "pip_name": _(
        "“{value}” is no name of a Python package. Examples: numpy, transformers[torch]==4.28.1, "
        "git+https://github.com/huggingface/peft."
    ),
}
_ARCHIVES: dict[str, _StrPromise] = {
    "archive_too_large": _("The archive is too large; at most {limit} MB are allowed. Leave out data, for example."),
    "archive_unknown": _("This is no ZIP and no TAR archive. Make one, for example with git archive -o x.zip HEAD."),
    "archive_broken": _("The archive is damaged. Make it anew, for example with git archive -o x.zip HEAD."),
    "archive_unpacked": _("The archive unpacks to more than {limit} MB. Leave out data, for example."),
    "archive_members": _("The archive has more than {limit} files. Leave out what is no application, for example."),
    "archive_path": _("{path} leads out of the archive, or is no path. Use relative ones, for example src/a/b."),
    "archive_kind": _("{path} is no ordinary file. Leave out hard links and devices, for example."),
    "archive_encrypted": _("{path} is protected with a password. Make the archive without one, for example with git."),
}


def tree_error_text(error: TreeError) -> _StrPromise:
    return format_lazy(_FILES[error.code], path=error.path, limit=error.limit)


def tree_text(code: str, *, path: str, params: Any) -> str:
    return str(_FILES[code]).format(**{"path": path, "limit": "", **params})


def package_error_text(error: PackageError) -> _StrPromise:
    return format_lazy(_PACKAGES[error.code], value=error.value)


def packing_error_text(error: PackingError) -> _StrPromise:
    return format_lazy(_ARCHIVES[error.code], path=error.path, limit=error.limit)
