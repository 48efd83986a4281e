"""Images that a Dockerfile starts from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from builds.dockerfiles.errors import DockerfileError
from builds.dockerfiles.hints.kinds import Hint
from builds.dockerfiles.images import external_images, foreign_syntax, images_of_stages
from builds.dockerfiles.reading import Dockerfile
from imagelib.addresses import ImageReference, parse


def hints_of_bases(document: Dockerfile, arguments: Mapping[str, str], base: str) -> Iterator[Hint]:
    if syntax := foreign_syntax(document):
        yield Hint("syntax_foreign", 1, params={"image": syntax})
    try:
        images = external_images(document, arguments)
        stages = images_of_stages(document, arguments)
    except DockerfileError as error:
        yield Hint(error.code, error.line, params={"value": error.value})
        return
    for line, name in stages:
        yield from _hints_of_image(line, parse(name))
    if base and base not in images and stages:
        yield Hint("base_ignored", stages[-1][0], params={"image": base})


def _hints_of_image(line: int, reference: ImageReference) -> Iterator[Hint]:
    if reference.digest:
        return
    if reference.tag is None:
        yield Hint("base_untagged", line, params={"image": reference.familiar})
    elif reference.tag == "latest":
        yield Hint("base_latest", line, params={"image": reference.familiar})
