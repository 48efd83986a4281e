"""What a fake engine does with a Dockerfile: a few instructions.

Of a shell it knows `echo TEXT`, `sleep SECONDS`, `exit NUMBER`, `cat PATH` (of a mounted secret, or of what a file of
the context is called), `true`, and `&&`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from nodes.engine import BUILDKIT, BuildSpec
from tests.support.fake_build_voices import BuildKitVoice, ClassicVoice
from tests.support.fake_pulls import Arrive, Wait
from tests.support.fake_registry import FakeImage, FakeLayer, sha256

KNOWN = {"FROM", "ARG", "RUN", "COPY", "ADD", "LABEL", "ENV", "WORKDIR", "USER", "CMD", "ENTRYPOINT", "EXPOSE"}
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")
_SECRET = re.compile(r"--mount=type=secret,id=(\w+)")
Instruction = tuple[str, str]  # the word in capitals, the rest
Steps = Iterator[Any]


class BuildFailed(Exception):
    """`status`: as an HTTP answer, instead of an event in the stream."""

    def __init__(self, words: str, *, status: int | None = None) -> None:
        super().__init__(words)
        self.status = status


@dataclass
class Kitchen:
    """One build by a fake engine."""

    engine: Any
    spec: BuildSpec
    files: Mapping[str, bytes]

    def __post_init__(self) -> None:
        self.buildkit = (self.spec.builder or self.engine.builds.preferred) == BUILDKIT
        self.voice: Any = BuildKitVoice() if self.buildkit else ClassicVoice()

    def cook(self) -> Steps:
        """The steps of a script. Raises BuildFailed."""
        yield from self.voice.opening()
        instructions = self._instructions()
        values: dict[str, str] = {}
        image: FakeImage | None = None
        for number, (word, rest) in enumerate(instructions, 1):
            if word == "ARG":
                name, _, default = rest.partition("=")
                values[name] = self.spec.arguments.get(name, default)
                if self.buildkit:
                    continue
            if word == "FROM":
                rest = _VARIABLE.sub(lambda found: values.get(found[1], ""), rest) if self.buildkit else rest
            yield from self.voice.begin(number, len(instructions), f"{word} {rest}")
            try:
                image = yield from self._do(word, rest, values, image)
            except BuildFailed as failure:
                yield from self.voice.failed(str(failure))
                raise
        if image is None:
            raise BuildFailed("no base", status=500)
        repository, _, tag = self.spec.tag.rpartition(":")
        labels = {**image.labels, **self.spec.labels}
        built = replace(image, repository=repository, tag=tag, labels=labels)
        self.engine.name_image(self.spec.tag, built)
        yield from self.voice.closing(built.id, self.spec.tag)

    def _do(self, word: str, rest: str, values: Mapping[str, str], image: FakeImage | None) -> Iterator[Any]:
        cached = False
        if word == "FROM":
            image = yield from self._base(_VARIABLE.sub(lambda found: values.get(found[1], ""), rest))
        elif word != "ARG":
            if image is None:
                raise BuildFailed("no build stage in current context", status=400)
            key = f"{image.id} {word} {rest} {self._content(word)}"
            cached = key in self.engine.builds.cache and not self.spec.no_cache
            if cached:
                yield from self.voice.cached()
            elif word == "RUN":
                yield from self._run(rest, sha256(key)[7:19])
            self.engine.builds.cache.add(key)
            if word == "LABEL":
                pairs = dict(pair.split("=", 1) for pair in shlex.split(rest))
                image = replace(image, labels={**image.labels, **pairs})
            if word in ("RUN", "COPY", "ADD"):
                image = replace(image, layers=(*image.layers, FakeLayer(key, 1000)))
        if not (cached and self.buildkit):
            yield from self.voice.done(image.id if image else sha256(rest))
        return image

    def _instructions(self) -> list[Instruction]:
        name = self.spec.dockerfile
        if name not in self.files:
            raise BuildFailed(f"Cannot locate specified Dockerfile: {name}", status=None if self.buildkit else 500)
        found = []
        for number, line in enumerate(self.files[name].decode().replace("\\\n", "").splitlines(), 1):
            word, _, rest = line.strip().partition(" ")
            if not word or word.startswith("#"):
                continue
            if word.upper() not in KNOWN:
                raise self._syntax(f"dockerfile parse error line {number}: unknown instruction: {word.upper()}")
            found.append((word.upper(), rest.strip()))
        if not found:
            raise self._syntax(f"the Dockerfile ({name}) cannot be empty")
        return found

    def _syntax(self, words: str) -> BuildFailed:
        words, status = self.voice.syntax(words)
        return BuildFailed(words, status=status)

    def _base(self, name: str) -> Iterator[Any]:
        repository, _, tag = name.partition(" ")[0].rpartition(":")
        image = None if self.spec.pull else self.engine.find(f"{repository}:{tag}")
        if image is not None:
            return image
        host = repository.partition("/")[0]
        refusal = self.engine.refusal(repository, self.spec.auths.get(host))
        if refusal is not None:
            raise BuildFailed(self.voice.refused(refusal.text, host))
        image = self.engine.registry.find(repository, tag)
        if image is None:
            raise BuildFailed(self.voice.missing(name))
        for layer in image.layers:
            yield from self.voice.layer(layer)
        if not self.buildkit:  # which keeps to itself what it fetches
            yield Arrive(image)
        return image

    def _content(self, word: str) -> str:
        files = dict(self.files) if word in ("COPY", "ADD") else {}
        for name in files.get(".dockerignore", b"").decode().split():
            if name in (".dockerignore", self.spec.dockerfile):  # which are sent all the same
                del files[name]
        return sha256(repr(sorted(files.items())))

    def _run(self, command: str, container: str) -> Steps:
        mounted = _SECRET.findall(command)
        if "--mount" in command and not self.buildkit:
            raise BuildFailed("the --mount option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/")
        plain = re.sub(r"--mount=\S+\s*", "", command)
        for name in mounted:
            if name not in self.spec.secrets and f"id={name},required=true" in command:
                raise BuildFailed(f"secret {name} not found: not found")
        files = {**self.files, **{name: self.spec.secrets.get(name, b"") for name in mounted}}
        yield from self.voice.running(container)
        for part in plain.split("&&"):
            word, _, rest = part.strip().partition(" ")
            if word == "echo":
                yield from self.voice.says(rest.strip("'\"") + "\n")
            elif word == "sleep":
                yield Wait(float(rest))
            elif word == "cat" and rest.rpartition("/")[2] in files:
                yield from self.voice.says(files[rest.rpartition("/")[2]].decode())
            elif word != "true":
                code = int(rest) if word == "exit" else 1
                raise BuildFailed(self.voice.exit_code(plain, code))
        yield from self.voice.ran(container)
