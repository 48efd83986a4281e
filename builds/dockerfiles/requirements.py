"""Files of requirements, as pip reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from builds.dockerfiles.installers import Ecosystem, has_version, merged, package_key

_COMMENT = re.compile(r"(?:\A|\s)#.*\Z", re.DOTALL)
_COMMENTED = re.compile(r"\s*#\s*(\S+)\s*\Z")
_OPTION = re.compile(r"(--?[A-Za-z][A-Za-z-]*)(?:[=\s]\s*(.*))?\Z")
_NAMED = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\s*(?:\[[^\]]*\]\s*)?(?:\Z|[<>=!~;@(,]|--)")
_PATH_OR_ADDRESS = re.compile(r"[a-z+]+://|git\+|\.{0,2}/|\.\Z|\S+\.whl\b|\S+\.(?:tar\.gz|zip)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One line that says something; `text` is without comment. `option` is "" for a package."""

    line: int
    text: str
    option: str = ""
    value: str = ""  # of an option

    @property
    def key(self) -> str:
        return "" if self.option else package_key(Ecosystem.PIP, self.text)

    @property
    def is_readable(self) -> bool:
        return bool(self.option or _NAMED.match(self.text) or _PATH_OR_ADDRESS.match(self.text))

    @property
    def is_pinned(self) -> bool:
        """Addresses and paths count: they name what they get."""
        return bool(self.option or "==" in self.text or "@" in self.text or _PATH_OR_ADDRESS.match(self.text))


def read_requirements(text: str) -> list[Requirement]:
    found = []
    continued = False
    for number, line in enumerate(text.split("\n"), 1):
        stripped = _COMMENT.sub("", line.rstrip("\r")).strip()
        if stripped and not continued:
            found.append(_requirement(number, stripped.rstrip("\\").rstrip()))
        continued = stripped.endswith("\\")
    return found


def add_requirement(text: str, package: str) -> tuple[str, bool]:
    """The changed text and whether it changed."""
    lines = text.split("\n")
    key = package_key(Ecosystem.PIP, package)
    for found in read_requirements(text):
        if found.key == key:
            if (wanted := merged(found.text, package)) == found.text:
                return text, False
            lines[found.line - 1] = lines[found.line - 1].replace(found.text, wanted, 1)
            return "\n".join(lines), True
    for index, line in enumerate(lines):
        match = _COMMENTED.match(line)
        if match and package_key(Ecosystem.PIP, match[1]) == key:
            lines[index] = package if has_version(package) else match[1]
            return "\n".join(lines), True
    return _appended(lines, package), True


def _requirement(number: int, text: str) -> Requirement:
    match = _OPTION.match(text)
    return Requirement(number, text, match[1], match[2] or "") if match else Requirement(number, text)


def _appended(lines: list[str], package: str) -> str:
    """Behind the last line that is not empty; empty lines at the end stay there."""
    count = len(lines)
    while count and not lines[count - 1].strip():
        count -= 1
    before, after = lines[:count], lines[count:]
    if before and before[-1].rstrip().endswith("\\"):
        before.append("")  # ends what is continued
    return "\n".join([*before, package, *(after or [""])])
