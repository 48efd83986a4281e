"""A commit of a repository with its files, in a temporary directory that goes with it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from builds.repositories.client import GitClient
from builds.repositories.errors import GitError
from builds.repositories.packs import PackFile
from builds.repositories.urls import check_url
from builds.repositories.walking import Notice, all_paths, entries_below, folder_at
from builds.repositories.watching import Limits, Watch
from builds.trees import Entry
from core.fields import Secret
from imagelib.registry.redaction import Secrets
from pulls.evidence import tidy

__all__ = ["Checkout", "GitSource", "Limits", "Notice", "open_checkout"]

_BRANCH = re.compile(r"[^\x00-\x20\x7f~^:?*\[\\]{1,255}\Z")
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")


@dataclass(frozen=True, slots=True)
class GitSource:
    """Where files come from. `branch` empty: the repository's default one; `commit`: this one, 40 hexadecimal digits,
    instead of the branch's newest. The password may be a token; then the user name may be empty."""

    url: str
    branch: str = ""
    username: str = ""
    password: Secret | str = field(default="", repr=False)
    commit: str = ""


class Checkout:
    """Open only within `open_checkout`, and so are its entries."""

    def __init__(self, pack: PackFile, name: str, branch: str) -> None:
        self._root, seconds = pack.commit(name)
        self.commit = name
        self.branch = branch  # empty: the default one, and the server does not say its name
        self.committed_at = _moment(seconds)
        self.notices: list[Notice] = []  # what was passed over, or is not what it looks like
        self._pack = pack

    def entries(self, path: str = "", *, lenient: bool = False) -> list[Entry]:
        """Files below `path`, by paths relative to it, sorted. `lenient`: what cannot be used is left out, with a
        notice; otherwise it is a `GitError` (`git_unsafe_path`, `git_submodule`)."""
        folder = folder_at(self._pack, self._root, path)
        return entries_below(self._pack, folder, notices=self.notices, lenient=lenient)

    def paths(self) -> list[str]:
        """Of all files of the commit, without reading any."""
        return all_paths(self._pack, self._root)


@contextmanager
def open_checkout(source: GitSource, *, within: Limits) -> Iterator[Checkout]:
    """Fetch one commit. Raises `GitError`, and whatever `within.heard` raises; `Interrupted` when nobody waits."""
    url = check_url(source.url)
    if source.branch and not _BRANCH.match(source.branch):
        raise GitError("git_branch_missing", tidy(source.branch))
    if source.commit and not _COMMIT.match(source.commit):
        raise GitError("git_commit_missing", tidy(source.commit))
    password = source.password.reveal() if isinstance(source.password, Secret) else source.password
    secrets = Secrets()
    secrets.add_credentials(source.username, password)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="imagelib-git-") as folder,
            ExitStack() as opened,
        ):
            yield _fetch(source, url, password, Path(folder) / "pack", within, opened)
    except GitError as error:
        error.evidence = tidy(secrets.hide(error.evidence))
        raise


def _fetch(source: GitSource, url: str, password: str, path: Path, within: Limits, opened: ExitStack) -> Checkout:
    """Through `path`, which stays in use until `opened` is closed."""
    with Watch(within) as watch:
        client = opened.enter_context(GitClient(url, username=source.username, password=password, watch=watch))
        with path.open("wb") as file:
            commit, branch = client.fetch_commit(branch=source.branch, commit=source.commit, into=file)
        pack = opened.enter_context(closing(PackFile(path, watch=watch)))
    return Checkout(pack, commit, branch)


def _moment(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        raise GitError("git_bad_answer", "the commit has no date") from None
