"""The catalogue of everything that can end an attempt to build: that of pulls, because a build pulls its base and
speaks to the same engines and registries, and what only builds know. Pure.

Sentences for people are in `builds.failure_texts`; `docs/errors.md` shows both together.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from types import MappingProxyType

from builds import builder_words
from builds.dockerfiles import Dockerfile, in_heredoc
from pulls import failures as of_pulls
from pulls.failures import Failure, FailureKind, once_more, permanent, transient

_KINDS = (
    # the source
    transient("git_unreachable"),
    permanent("git_unauthorised"),
    permanent("git_repository_missing"),
    permanent("git_branch_missing"),
    permanent("git_path_missing"),
    permanent("git_commit_missing"),
    permanent("git_too_large"),
    once_more("git_too_slow"),
    permanent("git_url_invalid"),
    permanent("git_unsafe_path"),
    permanent("git_submodule"),
    once_more("git_bad_answer"),
    permanent("application_gone"),
    permanent("source_changed"),
    permanent("context_too_large"),
    permanent("context_unsafe"),
    permanent("context_link_outside"),
    permanent("dockerfile_missing"),
    permanent("dockerfile_invalid"),
    permanent("heredoc_unknown"),
    # the build
    permanent("no_builder"),
    permanent("base_name_invalid"),
    permanent("base_image_missing"),
    permanent("base_image_denied"),
    permanent("copy_source_missing"),
    permanent("build_step_failed"),
    permanent("build_step_killed"),
    permanent("build_step_not_started"),
    permanent("buildkit_needed"),
    permanent("buildkit_not_allowed"),
    permanent("build_secret_missing"),
    once_more("build_stalled"),
    permanent("engine_ended"),
    once_more("image_absent_after_build"),
    once_more("image_name_moved"),
    # the registry that gets the image
    permanent("target_not_allowed"),
    permanent("tag_taken"),
    permanent("tag_of_other_recipe"),
    permanent("push_unauthorized"),
    permanent("push_denied"),
    permanent("push_repository_missing"),
    permanent("push_tag_immutable"),
    permanent("push_quota_exceeded"),
    permanent("push_too_large"),
    once_more("push_mismatch"),
)
OWN: Mapping[str, FailureKind] = MappingProxyType({kind.code: kind for kind in _KINDS})
CATALOGUE: Mapping[str, FailureKind] = MappingProxyType({**of_pulls.CATALOGUE, **OWN})

# What tells who may name any host which ports of our network answer.
_TELLING = frozenset({"git_unreachable", "git_too_slow", "git_bad_answer"})

failure = partial(of_pulls.failure, among=CATALOGUE)
retry_delay = partial(of_pulls.retry_delay, among=CATALOGUE)


def told_code(code: str) -> str:
    """What others than operators get to know of it."""
    return "git_unreachable" if code in _TELLING else code


def untold_codes(code: str) -> frozenset[str]:
    """The codes that others than operators see as this one."""
    return frozenset(known for known in (*_TELLING, code) if told_code(known) == code)


def build_failure(
    text: str, *, status: int | None, dockerfile: Dockerfile | None = None, logins: Collection[str] | None = None
) -> Failure:
    """The failure behind a builder's own words. `status`: of its answer, None for an event inside the stream. `logins`:
    the hosts for which the build had one."""
    code, params = builder_words.of_build(text, status=status)
    if code == "registry_unauthorized" and logins is not None and not _had_login(params, logins):
        code = "base_image_denied"
    if code == "dockerfile_invalid" and dockerfile is not None and in_heredoc(dockerfile, int(params.get("line", 0))):
        code = "heredoc_unknown"
    return failure(code, evidence=text, params=params)


def _had_login(params: Mapping[str, str], logins: Collection[str]) -> bool:
    host = params.get("host")
    return bool(logins) if host is None else host in logins


def push_failure(text: str, *, status: int | None) -> Failure:
    """The failure behind an engine's own words about a push."""
    code, params = builder_words.of_push(text, status=status)
    return failure(code, evidence=text, params=params)
