"""What a fake engine does with a Dockerfile: a few instructions, as a classic builder reports them.

Of a shell it knows `echo TEXT`, `sleep SECONDS`, `true`, `exit NUMBER`, `cat PATH` (of a mounted secret), and `&&`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from nodes.engine import BuildSpec
from tests.support.fake_pulls import Arrive, Say, Wait
from tests.support.fake_registry import FakeImage, FakeLayer, sha256

KNOWN = {"FROM", "ARG", "RUN", "COPY", "ADD", "LABEL", "ENV", "WORKDIR", "USER", "CMD", "ENTRYPOINT", "EXPOSE"}
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")
_SECRET = re.compile(r"--mount=type=secret,id=(\w+)")
Instruction = tuple[str, str]  # the word in capitals, the rest


class BuildFailed(Exception):
    """`status`: as an HTTP answer, instead of an event in the stream."""

    def __init__(self, words: str, *, status: int | None = None) -> None:
        super().__init__(words)
        self.status = status


def run_dockerfile(engine: Any, spec: BuildSpec, files: Mapping[str, bytes], *, buildkit: bool) -> Iterator[Any]:
    """The steps of a script. Raises BuildFailed."""
    if spec.dockerfile not in files:
        raise BuildFailed(f"Cannot locate specified Dockerfile: {spec.dockerfile}", status=500)
    instructions = _parse(files[spec.dockerfile].decode())
    values: dict[str, str] = {}
    image: FakeImage | None = None
    for number, (word, rest) in enumerate(instructions, 1):
        yield Say(stream=f"Step {number}/{len(instructions)} : {word} {rest}")
        yield Say(stream="\n")
        if word == "ARG":
            name, _, default = rest.partition("=")
            values[name] = spec.arguments.get(name, default)
        elif word == "FROM":
            image = yield from _base(engine, spec, _filled(rest, values))
        else:
            image = yield from _layer(engine, spec, image, word, rest, files, buildkit=buildkit)
        yield Say(stream=f" ---> {(image.id if image else sha256(rest))[7:19]}\n")
    assert image is not None
    repository, _, tag = spec.tag.rpartition(":")
    built = replace(image, repository=repository, tag=tag, labels={**image.labels, **spec.labels})
    engine.name_image(spec.tag, built)
    yield Say(aux={"ID": built.id})
    yield Say(stream=f"Successfully built {built.id[7:19]}\n")
    yield Say(stream=f"Successfully tagged {spec.tag}\n")


def _parse(text: str) -> list[Instruction]:
    found = []
    for number, line in enumerate(text.replace("\\\n", "").splitlines(), 1):
        word, _, rest = line.strip().partition(" ")
        if not word or word.startswith("#"):
            continue
        if word.upper() not in KNOWN:
            raise BuildFailed(f"dockerfile parse error line {number}: unknown instruction: {word.upper()}", status=400)
        found.append((word.upper(), rest.strip()))
    if not found:
        raise BuildFailed("the Dockerfile (Dockerfile) cannot be empty", status=500)
    return found


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: values.get(found[1], ""), text)


def _base(engine: Any, spec: BuildSpec, name: str) -> Iterator[Any]:
    repository, _, tag = name.partition(" ")[0].rpartition(":")
    image = None if spec.pull else engine.find(f"{repository}:{tag}")
    if image is not None:
        return image
    refusal = engine.refusal(repository, spec.auths.get(repository.partition("/")[0]))
    if refusal is not None:
        raise BuildFailed(refusal.text)
    image = engine.registry.find(repository, tag)
    if image is None:
        raise BuildFailed(f"manifest for {name} not found: manifest unknown: manifest unknown")
    yield Say(status=f"Pulling from {repository.partition('/')[2]}", id=tag)
    for layer in image.layers:
        detail = {"current": layer.size, "total": layer.size}
        yield Say(status="Downloading", progressDetail=detail, id=layer.short)
        yield Say(status="Pull complete", progressDetail={}, id=layer.short)
    yield Arrive(image)
    yield Say(status=f"Digest: {image.digest}")
    yield Say(status=f"Status: Downloaded newer image for {name}")
    return image


def _layer(
    engine: Any,
    spec: BuildSpec,
    image: FakeImage | None,
    word: str,
    rest: str,
    files: Mapping[str, bytes],
    *,
    buildkit: bool,
) -> Iterator[Any]:
    if image is None:
        raise BuildFailed("no build stage in current context", status=400)
    content = {name: sha256(data.decode("latin-1")) for name, data in files.items()} if word in ("COPY", "ADD") else {}
    key = f"{image.id} {word} {rest} {sorted(content.items())}"
    if key in engine.builds.cache and not spec.no_cache:
        yield Say(stream=" ---> Using cache\n")
    else:
        if word == "RUN":
            yield from _run(spec, rest, key, buildkit=buildkit)
        engine.builds.cache.add(key)
    if word not in ("RUN", "COPY", "ADD"):
        return image
    return replace(image, layers=(*image.layers, FakeLayer(key, 1000)))


def _run(spec: BuildSpec, command: str, key: str, *, buildkit: bool) -> Iterator[Any]:
    mounted = dict.fromkeys(_SECRET.findall(command))
    if "--mount" in command and not buildkit:
        raise BuildFailed(
            "the --mount option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/", status=400
        )
    plain = re.sub(r"--mount=\S+\s*", "", command)
    container = sha256(key)[7:19]
    yield Say(stream=f" ---> Running in {container}\n")
    for part in plain.split("&&"):
        word, _, rest = part.strip().partition(" ")
        if word == "echo":
            yield Say(stream=rest.strip("'\"") + "\n")
        elif word == "sleep":
            yield Wait(float(rest))
        elif word == "exit" and rest != "0":
            raise BuildFailed(f"The command '/bin/sh -c {plain}' returned a non-zero code: {rest}")
        elif word == "cat":
            name = rest.rpartition("/")[2]
            if name in mounted and name in spec.secrets:
                yield Say(stream=spec.secrets[name].decode())
            else:
                raise BuildFailed(f"The command '/bin/sh -c {plain}' returned a non-zero code: 1")
    yield Say(stream=f"Removing intermediate container {container}\n")
