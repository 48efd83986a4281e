"""Whether builders might read something else in a Dockerfile than `reading` does.

Engines have several builders of several ages. Who must not take certain images must not profit from where they differ.
So these are the forms that all of them read alike, and everything else is a doubt, however harmless it mostly is. It
costs a stored login, no build.
"""

from __future__ import annotations

import re
from collections import Counter

from builds.dockerfiles.reading import KEYWORDS, Dockerfile, Instruction

_CONTROL = re.compile(r"[\x01-\x08\x0e-\x1b\x7f\ufeff]")
_LITERAL = r"[A-Za-z0-9_./:@+-]*+"
_ARGUMENT = re.compile(rf"([A-Za-z_][A-Za-z0-9_]*+)(?:=(?:{_LITERAL}|\"{_LITERAL}\"|'{_LITERAL}'))?")
_FROM = re.compile(
    r"(?:--platform=[A-Za-z0-9_/.${}-]++[ \t]++)?"
    r"(?:[A-Za-z0-9_./:@-]++|\$[A-Za-z_][A-Za-z0-9_]*+|\$\{[A-Za-z_][A-Za-z0-9_]*+\})++"
    r"(?:[ \t]++[Aa][Ss][ \t]++[A-Za-z][A-Za-z0-9._-]*+)?"
)
# No quotes and no escapes, and nothing whose bytes some builder takes for spaces.
_FLAGS = re.compile(r"[A-Za-z0-9_./:@=,+%~${}*?! \t-]*+")


def leaves_doubt(document: Dockerfile) -> bool:
    """Whether `images.external_images` may miss an image that some builder would take."""
    text = document.text
    # Here-documents, which older builders know nothing of, and of which only some words are any; and another sign at
    # the ends of lines, for which the place of its directive counts.
    if "<<" in text or document.has_escape_line or _CONTROL.search(text):
        return True
    if any("<<" in item.value for item in document.instructions):  # of two lines
        return True
    if any(line.strip() != line.strip(" \t\r") for line in document.lines):  # other spaces of Unicode
        return True
    before = [item for item in document.instructions if item.line < _first_base(document)]
    return not (_are_plain_arguments(before) and all(map(_is_plain, document.instructions[len(before) :])))


def _first_base(document: Dockerfile) -> int:
    return document.stages[0][0].line if document.stages else len(document.lines) + 1


def _are_plain_arguments(instructions: list[Instruction]) -> bool:
    """Each with one name of its own, which nobody but the file and the build gives a value."""
    matches = [_ARGUMENT.fullmatch(item.value) for item in instructions if item.keyword == "ARG"]
    names = Counter(match[1] for match in matches if match)
    return len(names) == len(instructions) and not any(map(_is_given, names))


def _is_given(name: str) -> bool:
    """Whether builders or engines may give it a value by themselves."""
    return name.upper().startswith(("TARGET", "BUILD")) or name.upper().endswith("_PROXY")


def _is_plain(item: Instruction) -> bool:
    if item.keyword == "FROM":
        return _FROM.fullmatch(item.value) is not None
    if item.keyword not in KEYWORDS or item.rest.startswith("--"):  # a flag that is none to us
        return False
    if item.keyword == "ONBUILD":  # later stages may start from this one
        return "--" not in item.value
    if not _FLAGS.fullmatch(item.value.removesuffix(item.rest)):
        return False
    # Which values a variable has here is another thing that builders differ in.
    return not any("$" in value and (name == "from" or "from" in value.lower()) for name, value in item.flags)
