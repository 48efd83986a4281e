"""Importing the applications of a git repository: it is read while somebody waits, so it has to be small and quick."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from builds.failure_texts import describe
from builds.failures import told_code
from builds.repositories import Checkout, GitError, GitSource, Limits, check_url, open_checkout
from builds.repositories.errors import GitCode
from builds.services.application_imports import Imported, Repository, import_repository
from builds.services.applications import require_allowed_host
from builds.trees import Entry
from builds.workflows import FOLDER, SOURCES
from core.errors import DomainError, InvalidInput
from imagelib.models import RegistryEndpoint

LIMITS: Final = Limits(max_bytes=20_000_000, connect=5.0, silence=8.0, total=10.0)
# Whose fault it is. What is in none of these is the server's.
_FIELDS: dict[GitCode, str] = {
    "git_url_invalid": "git_url",
    "git_repository_missing": "git_url",
    "git_unauthorised": "git_password",
    "git_branch_missing": "git_branch",
    "git_commit_missing": "git_branch",
    "git_too_large": "git_url",
    "git_path_missing": "git_url",
    "git_unsafe_path": "git_url",
    "git_submodule": "git_url",
}
_NOTICES: dict[str, Any] = {
    "git_unsafe_path": _("Left out: a link that leads elsewhere, or a name that no file may have."),
    "git_submodule": _("Left out: a submodule, whose files are in another repository."),
    "git_lfs_pointer": _("Only a pointer of git-lfs is there, not the file itself."),
}


class RepositoryUnreadable(DomainError):
    """The git server is away, slow, or none."""

    http_status = 502
    title = _("The repository could not be read")
    for_operators = frozenset({"evidence"})


def import_git(
    *,
    user: Any,
    git_url: str,
    git_branch: str = "",
    git_username: str = "",
    git_password: str = "",
    target_registry: RegistryEndpoint | None = None,
) -> Imported:
    """Create or change the applications of a repository, all or none; their files stay there. Without a branch: the
    default one. Raises `InvalidInput`, `RepositoryUnreadable` and what `import_repository` raises."""
    source = GitSource(_checked(user, git_url), git_branch, git_username, git_password)
    with _opened(source, user) as checkout:
        if not checkout.branch:
            raise InvalidInput({"git_branch": _("The server does not say which branch is meant.")})
        warnings: list[dict[str, Any]] = []
        entries = [entry for folder in (SOURCES, FOLDER) for entry in _below(checkout, folder, warnings)]
        return import_repository(
            user=user,
            entries=entries,
            target_registry=target_registry,
            repository=Repository(source.url, checkout.branch, git_username, git_password),
            seen=warnings,
        )


@contextmanager
def _opened(source: GitSource, user: Any) -> Iterator[Checkout]:
    try:
        with open_checkout(source, within=LIMITS) as checkout:
            yield checkout
    except GitError as error:
        text = describe(error.code, error.params)
        sentence = f"{text.cause} {text.advice}"
        if error.code in _FIELDS:
            raise InvalidInput({_FIELDS[error.code]: sentence}) from None
        if not user.is_staff:  # anybody may name any host
            code = told_code(error.code)
            text = describe(code, error.params)
            raise RepositoryUnreadable(f"{text.cause} {text.advice}", code=code) from None
        raise RepositoryUnreadable(sentence, code=error.code, extra={"evidence": error.evidence}) from None


def _below(checkout: Checkout, folder: str, warnings: list[dict[str, Any]]) -> list[Entry]:
    """By paths of the repository; none if there is no such folder."""
    known = len(checkout.notices)
    try:
        entries = checkout.entries(folder, lenient=True)
    except GitError as error:
        if error.code != "git_path_missing":
            raise
        return []
    for notice in checkout.notices[known:]:
        text = str(_NOTICES[notice.code])
        warnings.append({"document": None, "line": None, "field": f"{folder}/{notice.path}", "message": text})
    return [replace(entry, path=f"{folder}/{entry.path}") for entry in entries]


def _checked(user: Any, url: str) -> str:
    """Before anything is asked of that server."""
    try:
        address = check_url(url)
    except GitError as error:
        text = describe(error.code, error.params)
        raise InvalidInput({"git_url": f"{text.cause} {text.advice}"}) from None
    require_allowed_host(user, address)
    return address
