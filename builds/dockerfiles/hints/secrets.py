"""Secrets that would be in the image, in its history, or in everybody's sight. What was found is never repeated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from builds.dockerfiles.hints.kinds import Hint
from builds.dockerfiles.reading import Dockerfile
from builds.dockerfiles.shell import unquoted
from builds.dockerfiles.variables import assignments

# What the tokens of the usual services look like.
_TOKEN = re.compile(
    r"(?<![A-Za-z0-9_])(?:"
    r"gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{22,}|glpat-[A-Za-z0-9_-]{20,}|hf_[A-Za-z0-9]{30,}"
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Z])|LTAI[A-Za-z0-9]{12,24}(?![A-Za-z0-9])|sk-[A-Za-z0-9_-]{32,}"
    r"|xox[abpr]-[A-Za-z0-9-]{10,}|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,}|dckr_pat_[A-Za-z0-9_-]{20,}"
    r"|-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----)"
)
_URL = re.compile(r"[a-z][a-z0-9+.-]{1,20}://[^\s/@:'\"$]{1,200}:(?!\$)[^\s/@'\"]{1,200}@", re.IGNORECASE)
_SECRET_PARTS = frozenset({"PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "SECRETS", "TOKEN", "CREDENTIALS", "APIKEY"})
_KEYS = frozenset({("API", "KEY"), ("ACCESS", "KEY"), ("PRIVATE", "KEY"), ("SECRET", "KEY")})
_HARMLESS = re.compile(r"\$.*|true|false|yes|no|none|\d{0,3}|/.*", re.IGNORECASE | re.DOTALL)


def hints_of_secrets(path: str, text: str) -> Iterator[Hint]:
    """Line by line, comments as well: they are in the repository."""
    for number, line in enumerate(text.split("\n"), 1):
        if _TOKEN.search(line):
            yield Hint("secret_in_text", number, path)
        if _URL.search(line):
            yield Hint("secret_in_url", number, path)


def hints_of_variables(document: Dockerfile) -> Iterator[Hint]:
    for item in document.instructions:
        if item.keyword not in ("ENV", "ARG"):
            continue
        for name, value in _named_values(item.keyword, item.value):
            if not sounds_secret(name):
                continue
            if value is None:
                yield Hint("secret_in_argument", item.line, params={"name": name})
            elif not _HARMLESS.fullmatch(unquoted(value)):
                yield Hint("secret_in_environment", item.line, params={"name": name})


def sounds_secret(name: str) -> bool:
    parts = name.upper().split("_")
    return bool(_SECRET_PARTS & set(parts) or _KEYS & set(pairwise(parts)))


def _named_values(keyword: str, text: str) -> list[tuple[str, str | None]]:
    """`ENV NAME a value` is an old form of one variable."""
    words = text.split(None, 1)
    if keyword == "ENV" and len(words) == 2 and "=" not in words[0]:
        return [(words[0], words[1])]
    return assignments(text)
