"""Secrets that would be in the image, in its history, or in everybody's sight. What was found is never repeated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise, zip_longest

from builds.dockerfiles.hints.kinds import Hint
from builds.dockerfiles.reading import Dockerfile
from builds.dockerfiles.shell import Command, read_script, unquoted
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
_HARMLESS = re.compile(r"[$`].*|true|false|yes|no|none|\d{0,3}|/.*", re.IGNORECASE | re.DOTALL)
_HEADER = re.compile(r"authorization: ?(?:basic|bearer|token) (?![$`])\S", re.IGNORECASE)
_LOGINS = frozenset({"docker", "podman", "skopeo", "buildah"})


def hints_of_secrets(path: str, text: str) -> Iterator[Hint]:
    """Line by line, comments as well: they are in the repository."""
    for number, line in enumerate(text.split("\n"), 1):
        if _TOKEN.search(line):
            yield Hint("secret_in_text", number, path)
        if _URL.search(line):
            yield Hint("secret_in_url", number, path)
        if path.endswith(".env"):
            name, _, value = line.strip().removeprefix("export ").partition("=")
            if _is_secret(name, value):
                yield Hint("secret_in_environment", number, path, params={"name": name})


def hints_of_variables(document: Dockerfile) -> Iterator[Hint]:
    for item in document.instructions:
        if item.keyword == "RUN":
            for command in read_script(item).commands:
                yield from _hints_of_command(command)
        if item.keyword not in ("ENV", "ARG", "LABEL"):
            continue
        for name, value in _named_values(item.keyword, item.value):
            if value is None:
                if item.keyword != "LABEL" and sounds_secret(name):
                    yield Hint("secret_in_argument", item.line, params={"name": name})
            elif _is_secret(name, unquoted(value)):
                yield Hint("secret_in_environment", item.line, params={"name": name})


def _hints_of_command(command: Command) -> Iterator[Hint]:
    """What is written into a step is in the image's history, whether or not the step leaves it anywhere."""
    words = command.words
    given = [(prefix.partition("=")[::2], words[0].line) for prefix in command.prefixes if words]
    is_login = command.program in _LOGINS and any(word.text == "login" for word in words)
    for word, after in zip_longest(words, words[1:]):
        given.append((_given(word.text, after.text if after else "", is_login=is_login), word.line))
    for (name, value), line in given:
        if _is_secret(name, unquoted(value)):
            yield Hint("secret_in_environment", line, params={"name": name})


def _given(word: str, following: str, *, is_login: bool) -> tuple[str, str]:
    """What a word, or an option with the next one, gives a value to: its name, and that."""
    if _HEADER.search(word):
        return "TOKEN", word
    if word == "-p" and is_login:
        return "PASSWORD", following
    name, is_given, value = word.partition("=")
    if not name.startswith("--"):
        return name, value
    last = name[2:].replace("-", "_").upper()
    if not sounds_secret("_".join(last.split("_")[-2:])) or last.endswith(("_STDIN", "_FILE")):
        return name, ""
    return last, value if is_given or following.startswith("-") else following


def _is_secret(name: str, value: str) -> bool:
    """Whether this is one that is written out: numbers are limits of tokens more often than passwords."""
    if not value or not name.isidentifier() or not sounds_secret(name) or _HARMLESS.fullmatch(value):
        return False
    return not (value.isdecimal() and "PASS" not in name.upper())


def sounds_secret(name: str) -> bool:
    parts = name.upper().split("_")
    return bool(_SECRET_PARTS & set(parts) or _KEYS & set(pairwise(parts)))


def _named_values(keyword: str, text: str) -> list[tuple[str, str | None]]:
    """`ENV NAME a value` is an old form of one variable."""
    words = text.split(None, 1)
    if keyword != "ARG" and len(words) == 2 and "=" not in words[0]:
        return [(words[0], words[1])]
    return assignments(text)
