"""Dockerfiles are anybody's text, and a pattern that looks at it holds the whole process up: none may take more than a
moment for any text, however long."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

import builds.dockerfiles
from builds.dockerfiles import (
    DockerfileError,
    Ecosystem,
    PackageError,
    add_packages,
    external_images,
    find_hints,
    leaves_doubt,
    needs_buildkit,
    read,
)
from tests.support.patience import within

LENGTH = 200_000  # characters, the largest file: with the square of it one text keeps a pattern busy for minutes
SECONDS = 120
PARTS = (
    *" \ray0-_./:=,#\"'\\$({[<@",
    *("a ", "a=", "${", "$(", "$(()", "{}", " #", "<<A ", '"\\', '--a=" ', "://", "==1,", "a.-_"),
)
BEGINNINGS = ("", "#", "# a", "# a=x", "-", '--a="', "a", "a=", "a[", "${", '"', "https://a/")
BEFORE_SEARCH = ("", "# a=x", "${", '"')
END = "\n!"
BUSY = (" ", "\n", "a ", "$(", "[", "{", "<<A ", "FROM a\n", "ARG A\n", "RUN a\n", "COPY --from=a b c\n", "${A:-")
Found = dict[re.Pattern[str], set[str]]


def patterns_in(value: Any) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        yield from patterns_in(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from patterns_in(item)


def all_patterns() -> Found:
    """And how each is used: "fullmatch" is for whole texts or their beginnings, "search" for any place in one."""
    package = builds.dockerfiles
    found: Found = defaultdict(set)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        imported = importlib.import_module(module.name)
        source = inspect.getsource(imported)
        for name, value in vars(imported).items():
            calls = (
                re.findall(rf"\b{name}\.(\w+)", source) if isinstance(value, re.Pattern) else ["search", "fullmatch"]
            )
            uses = {"fullmatch" if call.endswith("match") else "search" for call in calls}
            for pattern in patterns_in(value):
                found[pattern] |= uses
    return found


def test_patterns_are_found() -> None:
    uses = [sorted(uses) for uses in all_patterns().values()]
    assert len(uses) > 25 and all(uses) and ["search"] in uses and ["fullmatch"] in uses


def named(value: Any) -> str:
    """The same name in every process: the order of a set is not."""
    return value.pattern[:30] if isinstance(value, re.Pattern) else " ".join(sorted(value))


@pytest.mark.parametrize(("pattern", "uses"), all_patterns().items(), ids=named)
def test_no_text_keeps_a_pattern_busy(pattern: re.Pattern[str], uses: set[str]) -> None:
    with within(seconds=SECONDS):
        for part in PARTS:
            text = part * (LENGTH // len(part)) + END
            for beginning in BEGINNINGS if "fullmatch" in uses else ():
                pattern.fullmatch(beginning + text)
            for beginning in BEFORE_SEARCH if "search" in uses else ():
                deque(pattern.finditer(beginning + text), maxlen=0)


@pytest.mark.parametrize("part", BUSY)
def test_no_text_keeps_the_reader_busy(part: str) -> None:
    for beginning in ("", "FROM a\nRUN apt-get install \\\n", "FROM a\nCOPY --from=a "):
        text = beginning + part * (LENGTH // 5 // len(part))
        with within(seconds=SECONDS):
            find_hints({"Dockerfile": text, "requirements.txt": text}, arguments={}, base="a")
            for ecosystem in Ecosystem:
                with suppress(PackageError):
                    add_packages({"Dockerfile": text, "requirements.txt": text}, ecosystem=ecosystem, packages=["zz"])
            document = read(text)
            assert document.has_base in (True, False)
            assert needs_buildkit(document) in (True, False) and leaves_doubt(document) in (True, False)
            with suppress(DockerfileError):
                external_images(document, {})
