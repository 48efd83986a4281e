"""What the text of a `.dockerignore` leaves out of a context, by the SDK's rules, which are those of `docker build`."""

from __future__ import annotations

from collections.abc import Iterable

from docker.utils.build import PatternMatcher

LONGEST = 1 << 20  # characters of the file that count


def sent(paths: Iterable[str], ignore: str, *, always: Iterable[str] = ()) -> list[str]:
    """Those of `paths` (relative, joined by "/") that are sent, in their order. `always`: what is sent whatever the
    text says, such as the Dockerfile."""
    lines = (line.strip() for line in ignore[:LONGEST].lstrip("\ufeff").splitlines())
    patterns = [line for line in lines if line and not line.startswith("#")]
    if not patterns:
        return list(paths)
    matcher, kept = PatternMatcher(patterns), set(always)
    return [path for path in paths if path in kept or not matcher.matches(path)]
