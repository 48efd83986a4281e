"""From the body of a message to what was pushed.

Headers are not signed, so nothing that matters is taken from them but the name of the event; and whatever it says, only
a body that has what a push has is one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal
from urllib.parse import parse_qs

LARGEST: Final = 5_000_000  # bytes
FORM: Final = "application/x-www-form-urlencoded"
MOST_COMMITS: Final = 2048  # GitHub lists no more of a push
MOST_FILES: Final = 3000  # nor of a commit
BRANCHES: Final = "refs/heads/"
_COMMIT = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
_NONE = re.compile(r"0+\Z")
_REF = re.compile(r"refs/[^\x00-\x20\x7f]{1,255}\Z")
_URLS = ("clone_url", "html_url", "ssh_url", "git_url", "url")
_LISTS = ("added", "modified", "removed")

FaultCode = Literal["not_json", "no_repository", "no_ref", "no_commits"]


class MessageError(ValueError):
    """The body is none of these messages. Sentences are in `builds.hook_texts`."""

    def __init__(self, code: FaultCode) -> None:
        super().__init__(code)
        self.code: FaultCode = code


@dataclass(frozen=True, slots=True)
class Push:
    """`paths` of files that its commits touched; `is_listed`: that these are all. `told_at`: the latest time that the
    message itself names, None without any."""

    ref: str
    commit: str  # what the branch points to now; empty when it was deleted
    before: str  # and before; empty when it is new
    paths: frozenset[str]
    is_listed: bool
    told_at: datetime | None

    @property
    def branch(self) -> str:
        return self.ref.removeprefix(BRANCHES) if self.ref.startswith(BRANCHES) else ""


@dataclass(frozen=True, slots=True)
class Message:
    """`urls`: the repository by all its addresses. `push` is None for every other event."""

    event: str
    urls: tuple[str, ...]
    push: Push | None


def read_message(body: bytes, *, content_type: str, event: str, now: datetime) -> Message:
    """Raises `MessageError`. Times after `now` are not believed: they would make a message fresh for ever."""
    content = _json(body, content_type)
    repository = content.get("repository")
    if not isinstance(repository, dict):
        raise MessageError("no_repository")
    urls = tuple(url for name in _URLS if isinstance(url := repository.get(name), str) and _is_text(url))
    push = _push(content, repository, now) if event == "push" else None
    return Message(event, tuple(dict.fromkeys(urls)), push)


def _json(body: bytes, content_type: str) -> dict[str, Any]:
    try:
        if content_type.partition(";")[0].strip().lower() == FORM:
            body = parse_qs(body.decode(), max_num_fields=10)["payload"][0].encode()
        content = json.loads(body)
    except (ValueError, LookupError, RecursionError):
        raise MessageError("not_json") from None
    if not isinstance(content, dict):
        raise MessageError("not_json")
    return content


def _push(content: dict[str, Any], repository: dict[str, Any], now: datetime) -> Push:
    ref, after, before = (content.get(name) for name in ("ref", "after", "before"))
    if not (isinstance(ref, str) and _REF.match(ref) and _is_text(ref)):
        raise MessageError("no_ref")
    if not all(isinstance(one, str) and _COMMIT.match(one) for one in (after, before)):
        raise MessageError("no_commits")
    listed = content.get("commits")
    commits = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return Push(
        ref,
        _existing(str(after)),
        _existing(str(before)),
        frozenset(path for commit in commits for path in _paths(commit)),
        _is_listed(content, commits),
        max(_times(content, repository, commits, now), default=None),
    )


def _existing(commit: str) -> str:
    return "" if _NONE.match(commit) else commit


def _paths(commit: Mapping[str, Any]) -> Iterator[str]:
    for name in _LISTS:
        paths = commit.get(name)
        yield from (path for path in paths if isinstance(path, str)) if isinstance(paths, list) else ()


def _is_listed(content: dict[str, Any], commits: list[dict[str, Any]]) -> bool:
    """Whether the files of the commits are all that differs. After a forced push they are not: what the branch had
    before and has no more is not among them. Gitea lists a few commits and says how many there were; a server that
    could not find out leaves the lists of files away."""
    total = content.get("total_commits")
    if content.get("forced") or not commits or len(commits) >= MOST_COMMITS:
        return False
    if isinstance(total, int) and total > len(commits):
        return False
    lists = [[commit[name] for name in _LISTS if isinstance(commit.get(name), list)] for commit in commits]
    return all(found and sum(map(len, found)) < MOST_FILES for found in lists)


def _times(
    content: dict[str, Any], repository: dict[str, Any], commits: list[dict[str, Any]], now: datetime
) -> Iterator[datetime]:
    head = content.get("head_commit")
    told = [repository.get("pushed_at"), repository.get("updated_at")]
    told += [one.get("timestamp") for one in (head, *commits) if isinstance(one, dict)]
    for value in told:
        if (moment := _moment(value)) is not None and moment <= now:
            yield moment


def _moment(value: Any) -> datetime | None:
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        return moment.astimezone(UTC) if moment else None
    except (ValueError, OverflowError, OSError):
        return None


def _is_text(value: str) -> bool:
    """JSON can hold halves of surrogate pairs, which nothing can store."""
    return value.isprintable()
