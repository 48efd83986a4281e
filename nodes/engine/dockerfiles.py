"""What has to be known of a Dockerfile before an engine sees it. Pure."""

from __future__ import annotations

import re

_DIRECTIVE = re.compile(r"#\s*([a-z]+)\s*=\s*(\S+)\s*$", re.IGNORECASE)


def has_base(dockerfile: str) -> bool:
    """Whether it has a `FROM`. One without must never be sent: at a file of mere `ARG`s the BuildKit of Docker 20.10
    crashes, and the whole engine with it, with all other builds and pulls."""
    return any(line.split(None, 1)[0].upper() == "FROM" for line in _instructions(dockerfile))


def _instructions(dockerfile: str) -> list[str]:
    """Each as one line, without comments; none is empty."""
    lines = dockerfile.lstrip("\ufeff").splitlines()
    escape = _escape(lines)
    found, begun = [], ""
    for line in lines:
        text = line.strip()
        if not text or text.startswith("#"):  # comments and empty lines do not end what goes on over several lines
            continue
        goes_on = text.endswith(escape)
        begun += text[:-1] if goes_on else text
        if not goes_on:
            found.append(begun.strip())
            begun = ""
    return [line for line in (*found, begun.strip()) if line]


def _escape(lines: list[str]) -> str:
    """What a line ends with that goes on in the next one. Directives come before everything else."""
    for line in lines:
        found = _DIRECTIVE.match(line.strip())
        if not found:
            break
        if found[1].lower() == "escape" and found[2] in ("\\", "`"):
            return found[2]
    return "\\"
