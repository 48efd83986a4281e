"""What the text of a `.dockerignore` leaves out of a context, by the SDK's rules, which are those of `docker build`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from docker.utils.build import Pattern

from .globs import Glob

LONGEST = 1 << 20  # characters of the file that count


def sent(
    paths: Iterable[str], ignore: str, *, always: Iterable[str] = (), glance: Callable[[], None] = lambda: None
) -> list[str]:
    """Those of `paths` (relative, joined by "/") that are sent, in their order. `always`: what is sent whatever the
    text says, such as the Dockerfile. `glance` is called between paths: many patterns for many paths take their time.
    """
    lines = (line.strip() for line in ignore[:LONGEST].lstrip("\ufeff").splitlines())
    patterns = [Pattern(line) for line in lines if line and not line.startswith("#")]
    rules = [(Glob(rule.cleaned_pattern), len(rule.dirs), not rule.exclusion) for rule in patterns if rule.dirs]
    kept, found = set(always), []
    for path in paths:
        if path in kept or not _is_left_out(path, rules):
            found.append(path)
        glance()
    return found


def _is_left_out(path: str, rules: Iterable[tuple[Glob, int, bool]]) -> bool:
    """The last rule that matches it, or one of its folders at the depth of the rule, decides."""
    folders = path.split("/")[:-1]
    left_out = False
    for glob, depth, leaves_out in rules:
        if left_out == leaves_out:
            continue  # changes nothing
        if glob.matches(path) or (depth <= len(folders) and glob.matches("/".join(folders[:depth]))):
            left_out = leaves_out
    return left_out
