"""Which pushes make an application be built: the branch and the folder, both, as in the workflows that it had."""

from __future__ import annotations

from enum import StrEnum

from builds.hooks.messages import Push

MAIN = "main"
FEATURES = "feat/"


class Verdict(StrEnum):
    BUILD = "build"
    BUILD_UNLISTED = "build_unlisted"  # the message does not list all that changed: nobody knows, so it is built
    DELETED = "deleted"
    NO_BRANCH = "no_branch"  # a tag, or a note
    OTHER_BRANCH = "other_branch"
    OTHER_PATHS = "other_paths"


def verdict_on(push: Push, *, path: str, branch: str) -> Verdict:
    """`path`: the application's folder, empty for the whole repository; `branch`: its own one."""
    if not push.branch:
        return Verdict.NO_BRANCH
    if not push.commit:
        return Verdict.DELETED
    if push.branch not in (MAIN, branch) and not _is_feature(push.branch):
        return Verdict.OTHER_BRANCH
    folder = path.strip("/")
    if any(_is_below(changed, folder) for changed in push.paths):
        return Verdict.BUILD
    return Verdict.OTHER_PATHS if push.is_listed else Verdict.BUILD_UNLISTED


def _is_feature(branch: str) -> bool:
    return branch.startswith(FEATURES) and branch != FEATURES


def _is_below(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")
