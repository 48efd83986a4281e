"""Changing the lines of a RUN instruction so that one of its calls installs a package."""

from __future__ import annotations

import re
from collections.abc import Sequence

from builds.dockerfiles.installers import Call, Ecosystem, has_version, merged, package_key
from builds.dockerfiles.shell import Word

INDENT = "    "
# Of a line without spaces at its end.
_COMMENTED = re.compile(r"(?P<indent>\s*)#\s*(?P<quote>['\"]?)(?P<package>[^\s'\"\\`]+)(?P=quote)\s*[\\`]?\Z")
_PLAIN = re.compile(r"[A-Za-z0-9_.,:/@%+=-]+")


def find_word(call: Call, package: str) -> Word | None:
    """The place where the call names the package, in whatever version."""
    key = package_key(call.ecosystem, package)
    return next((word for word in call.words if package_key(call.ecosystem, word.text) == key), None)


def set_version(lines: list[str], word: Word, package: str) -> bool:
    """A package that is there stays as it is, unless another version of it, or an extra, is asked for."""
    wanted = merged(word.text, package)
    if word.text == wanted:
        return False
    start, end = word.columns
    line = lines[word.line - 1]
    quote = word.raw[0] if word.raw[0] in "'\"" else ""
    lines[word.line - 1] = line[:start] + quoted(wanted, quote) + line[end:]
    return True


def uncomment(lines: list[str], call: Call, package: str, *, escape: str) -> bool:
    """A line `# git \\` in the list becomes `git \\`."""
    key = package_key(call.ecosystem, package)
    for index in _comments(lines, call):
        match = _COMMENTED.match(lines[index].rstrip())
        if match is None or package_key(call.ecosystem, match["package"]) != key:
            continue
        wanted = package if has_version(package) else match["package"]
        lines[index] = f"{match['indent'] or INDENT}{quoted(wanted, match['quote'] or _quote(call))} {escape}"
        return True
    return False


def append(lines: list[str], call: Call, package: str, *, escape: str) -> None:
    """As the last package, in the way in which the list is written: one in a line, or all in one line."""
    last = call.words[-1] if call.words else call.command.words[-1]
    end = last.columns[1]
    line = lines[last.line - 1]
    text = quoted(package, _quote(call))
    indent = _indent(lines, call, last)
    if indent is None:
        lines[last.line - 1] = f"{line[:end]} {text}{line[end:]}"
    else:
        lines[last.line - 1 : last.line] = [f"{line[:end]} {escape}", f"{indent}{text}{line[end:]}"]


def quoted(package: str, quote: str) -> str:
    """No package that passed `check_package` has a quote in it."""
    return f"{quote}{package}{quote}" if quote or _PLAIN.fullmatch(package) else f"'{package}'"


def _comments(lines: Sequence[str], call: Call) -> list[int]:
    """Indexes of the comments among the packages of a call."""
    return [index for index in range(call.verb.line, call.command.ends - 1) if lines[index].lstrip().startswith("#")]


def _indent(lines: Sequence[str], call: Call, last: Word) -> str | None:
    if call.words:
        before = lines[last.line - 1][: last.columns[0]]
        return None if before.strip() or last.line == call.verb.line else before
    comments = _comments(lines, call)
    first = lines[comments[0]] if comments else INDENT + "#"
    return first[: len(first) - len(first.lstrip())] or INDENT


def _quote(call: Call) -> str:
    if not call.words:
        return "'" if call.ecosystem is Ecosystem.CONDA else ""
    return call.words[-1].raw[0] if call.words[-1].raw[0] in "'\"" else ""
