"""Images that a build takes from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress

from builds.dockerfiles.errors import DockerfileError
from builds.dockerfiles.reading import Dockerfile, Instruction
from builds.dockerfiles.variables import assignments, substitute
from imagelib.addresses import AddressError, parse

NOTHING = "scratch"

# Nothing else names a stage, whatever builders make of the line; so no image with a registry counts as one.
_STAGE = re.compile(r"[a-z][a-z0-9._-]*", re.IGNORECASE)
_FROM = re.compile(r"(\S+)(?:\s+as\s+(\S+))?", re.IGNORECASE)
# Builders of this family read Dockerfiles and nothing else; any other one is a program of a stranger.
_USUAL_SYNTAX = re.compile(r"(?:docker\.io/)?docker/dockerfile(?:-upstream)?(?:[:@]\S*)?")


def external_images(document: Dockerfile, arguments: Mapping[str, str]) -> list[str]:
    """Canonical names of all images that a build with these build arguments reads: of `FROM`, `COPY --from=` and
    `RUN --mount=from=`, except earlier stages; each once. Raises `DockerfileError` where that cannot be said."""
    found: dict[str, None] = {}
    for line, name, _ in _sources(document, arguments):
        try:
            found[parse(name).canonical] = None
        except AddressError:
            raise DockerfileError("image_invalid", line, value=name) from None
    return list(found)


def foreign_syntax(document: Dockerfile) -> str:
    """The image that reads this Dockerfile instead of the builder itself, "" for none and for Docker's own. It could
    ask for any image with the credentials of the build."""
    names = (syntax.split()[0] for syntax in document.syntaxes)
    return next((name for name in names if not _USUAL_SYNTAX.fullmatch(name)), "")


def images_of_stages(document: Dockerfile, arguments: Mapping[str, str]) -> list[tuple[int, str]]:
    """What each `FROM` names, with its line, as far as it is an image."""
    return [(line, name) for line, name, kind in _sources(document, arguments) if kind == "FROM"]


def _sources(document: Dockerfile, arguments: Mapping[str, str]) -> Iterator[tuple[int, str, str]]:
    values: dict[str, str] = {}  # of ARG before the first FROM
    names: set[str] = set()  # of the stages so far
    count = -1
    for item in document.instructions:
        if item.keyword == "ARG" and count < 0:
            values |= _declared(item, values, arguments)
        elif item.keyword == "FROM":
            image, name = _base(item, values)
            if image.lower() not in names and image != NOTHING:
                yield item.line, image, "FROM"
            count += 1
            if _STAGE.fullmatch(name):
                names.add(name.lower())
        else:
            for source in _references(item):
                image = substitute(source, {**values, **arguments}, line=item.line)
                if image.lower() not in names and not _is_number_below(count, image):
                    yield item.line, image, item.keyword
    if count < 0:
        raise DockerfileError("from_missing")


def _declared(item: Instruction, values: Mapping[str, str], arguments: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, default in assignments(item.value):
        if name in arguments:
            found[name] = arguments[name]
        elif default is not None:
            with suppress(DockerfileError):  # it may never be used
                found[name] = substitute(default, {**values, **found}, line=item.line)
    return found


def _base(item: Instruction, values: Mapping[str, str]) -> tuple[str, str]:
    match = _FROM.fullmatch(item.rest)
    if match is None:
        raise DockerfileError("image_invalid", item.line, value=item.rest)
    return substitute(match[1], values, line=item.line), match[2] or ""


def _references(item: Instruction) -> list[str]:
    if item.keyword in ("COPY", "ADD"):
        return [value for name, value in item.flags if name == "from"]
    if item.keyword == "RUN":
        options = [part.partition("=") for name, value in item.flags if name == "mount" for part in value.split(",")]
        return [value.strip("'\"") for key, _, value in options if key.strip("'\" ").lower() == "from"]
    return []


def _is_number_below(count: int, text: str) -> bool:
    """Stages may be named by their place."""
    return text.isascii() and text.isdecimal() and len(text) < 6 and str(int(text)) == text and int(text) < count
