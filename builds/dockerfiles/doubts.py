"""Whether builders might read something else in a Dockerfile than `reading` does.

Engines have several builders of several ages. Who must not take certain images must not profit from where they differ,
so whatever they could differ in is a doubt here, however harmless it mostly is. It costs a stored login, no build.
"""

from __future__ import annotations

import re

from builds.dockerfiles.reading import Instruction, read

# Here-documents, which the older builder knows nothing of, and of which only some words are any.
_HEREDOC = "<<"
_ESCAPE = re.compile(r"#[ \t]*escape", re.IGNORECASE)  # where it counts depends on the builder
# Space or end of a line for some: control characters, a carriage return in mid-line, the mark in front of UTF-8.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f\ufeff]|\r(?!\n|\Z)")
_IN_FLAGS = frozenset("\"'\\`")


def leaves_doubt(text: str) -> bool:
    """Whether `images.external_images` may miss an image that some builder would take."""
    if _HEREDOC in text or _ESCAPE.search(text) or _CONTROL.search(text):
        return True
    if any(line.strip() != line.strip(" \t\r") for line in text.split("\n")):  # other spaces of Unicode
        return True
    return any(map(_is_doubtful, read(text).instructions))


def _is_doubtful(item: Instruction) -> bool:
    if item.keyword == "ONBUILD":  # later stages may start from this one
        return "--" in item.value
    if _HEREDOC in item.value or item.rest.startswith("--"):  # of two lines; a flag that is none to us
        return True
    flags = item.value.removesuffix(item.rest)
    if _IN_FLAGS & set(flags):
        return True
    # Which values a variable has here is another thing that builders differ in.
    return any("$" in value and (name == "from" or "from" in value.lower()) for name, value in item.flags)
