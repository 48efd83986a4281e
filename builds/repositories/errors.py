"""The one exception of this package."""

from __future__ import annotations

from typing import Final, Literal

GitCode = Literal[
    "git_url_invalid",
    "git_unreachable",
    "git_unauthorised",
    "git_repository_missing",
    "git_branch_missing",
    "git_commit_missing",
    "git_path_missing",
    "git_too_large",
    "git_too_slow",
    "git_bad_answer",
    "git_unsafe_path",
    "git_submodule",
]
CODES: Final[tuple[GitCode, ...]] = GitCode.__args__  # type: ignore[attr-defined]
TRANSIENT: Final = frozenset({"git_unreachable"})  # what may go well the next time without anybody doing anything


class GitError(Exception):
    """`evidence` is what was found or said, in English, without secrets. `path`, `limit` belong to the code."""

    def __init__(self, code: GitCode, evidence: str = "", *, path: str = "", limit: int = 0) -> None:
        super().__init__(code, evidence)
        self.code: GitCode = code
        self.evidence = evidence
        self.path = path
        self.limit = limit  # megabytes or seconds

    @property
    def params(self) -> dict[str, str]:
        """For the sentences."""
        values = {"path": self.path, "limit": str(self.limit or "")}
        return {name: value for name, value in values.items() if value}
