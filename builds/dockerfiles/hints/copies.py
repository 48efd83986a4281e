"""COPY and ADD: what they take must be among the files."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase

from builds.dockerfiles.hints.kinds import Hint
from builds.dockerfiles.reading import Dockerfile, Instruction

_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


def hints_of_copies(document: Dockerfile, paths: Collection[str]) -> Iterator[Hint]:
    known = {"/".join(path.split("/")[:count]) for path in paths for count in range(1, path.count("/") + 2)}
    for item in document.instructions:
        if item.keyword not in ("COPY", "ADD"):
            continue
        sources = [] if any(name == "from" for name, _ in item.flags) else _sources(item)
        addresses = [source for source in sources if "://" in source or source.startswith("git@")]
        local = [source for source in sources if source not in addresses]
        for source in local:
            if not _is_known(source, known):
                yield Hint("copy_missing", item.line, params={"path": source})
        if item.keyword == "ADD" and addresses:
            yield Hint("add_url", item.line)
        elif item.keyword == "ADD" and local and not any(source.endswith(_ARCHIVES) for source in local):
            yield Hint("add_instead_of_copy", item.line)


def _sources(item: Instruction) -> list[str]:
    """Without here-documents and without what only a builder can work out."""
    words: object = None
    if item.rest.startswith("["):
        try:
            words = json.loads(item.rest)
        except (ValueError, RecursionError):
            return []
    if not isinstance(words, list):
        words = item.rest.split()
    texts = [str(word).strip("'\"") for word in words[:-1]]
    return [text for text in texts if "$" not in text and not text.lstrip("0123456789").startswith("<<")]


def _is_known(source: str, known: Collection[str]) -> bool:
    parts = [part for part in source.split("/") if part not in ("", ".")]
    if ".." in parts:
        return True  # a builder cuts it at the top, which is somebody else's warning
    path = "/".join(parts)
    if not path or path in known:
        return True
    return any(sign in path for sign in "*?[") and any(_matches(name, path) for name in known)


def _matches(name: str, pattern: str) -> bool:
    """Part by part, as builders do: a star does not cross a "/"."""
    names, patterns = name.split("/"), pattern.split("/")
    return len(names) == len(patterns) and all(map(fnmatchcase, names, patterns))
