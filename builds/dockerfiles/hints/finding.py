"""All rules for all files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from builds.dockerfiles.errors import DockerfileError
from builds.dockerfiles.hints.bases import hints_of_bases
from builds.dockerfiles.hints.commands import hints_of_commands
from builds.dockerfiles.hints.copies import hints_of_copies
from builds.dockerfiles.hints.kinds import Hint
from builds.dockerfiles.hints.secrets import hints_of_secrets, hints_of_variables
from builds.dockerfiles.hints.structure import hints_of_structure
from builds.dockerfiles.hints.wants import hints_of_requirements
from builds.dockerfiles.reading import LONGEST, read
from builds.trees import DOCKERFILE

MOST = 200


def find_hints(files: Mapping[str, str], *, arguments: Mapping[str, str], base: str = "") -> list[Hint]:
    """By file and line. `arguments` are the build arguments, `base` the image that they stand for."""
    found: list[Hint] = []
    for path, text in files.items():
        if len(text) > LONGEST:
            found.append(Hint("too_large", path=path))
        else:
            found += islice(_hints_of(path, text, files, arguments, base), MOST)
    found.sort(key=lambda hint: (hint.path != DOCKERFILE, hint.path, hint.line, hint.code))
    return found[:MOST]


def _hints_of(
    path: str, text: str, files: Mapping[str, str], arguments: Mapping[str, str], base: str
) -> Iterator[Hint]:
    yield from hints_of_secrets(path, text)
    if path == DOCKERFILE:
        try:
            document = read(text)
        except DockerfileError as error:
            yield Hint(error.code, error.line, params={"value": error.value})
            return
        yield from hints_of_structure(document)
        yield from hints_of_bases(document, arguments, base)
        yield from hints_of_variables(document)
        yield from hints_of_commands(document)
        yield from hints_of_copies(document, files)
    elif _lists_requirements(path):
        yield from hints_of_requirements(path, text)


def _lists_requirements(path: str) -> bool:
    name = path.rpartition("/")[2].lower()
    return "requirements" in name and name.endswith((".txt", ".in"))
