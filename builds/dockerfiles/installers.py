"""How the three package managers are called, and what their packages are called."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from builds.dockerfiles.errors import PackageCode, PackageError
from builds.dockerfiles.shell import Command, Word


class Ecosystem(StrEnum):
    APT = "apt"
    CONDA = "conda"
    PIP = "pip"


@dataclass(frozen=True, slots=True)
class Call:
    """`apt-get --yes install git`: `verb` is the word "install", `words` come after it and are no options."""

    ecosystem: Ecosystem
    command: Command
    verb: Word
    words: tuple[Word, ...]
    options: tuple[str, ...]
    requirements: tuple[str, ...] = ()  # paths, as in `-r requirements.txt`


_PROGRAMS = {
    **dict.fromkeys(["apt-get", "apt", "aptitude"], Ecosystem.APT),
    **dict.fromkeys(["conda", "mamba", "micromamba"], Ecosystem.CONDA),
}
_PIP = re.compile(r"pip(?:\d+(?:\.\d+)?)?")
_PYTHON = re.compile(r"python(?:\d+(?:\.\d+)?)?")
# Options whose value is the next word.
_WITH_VALUES: Mapping[Ecosystem, frozenset[str]] = {
    Ecosystem.APT: frozenset(
        ["-o", "-t", "-c", "-a", "--option", "--target-release", "--default-release", "--config-file"]
    ),
    Ecosystem.CONDA: frozenset(["-c", "-n", "-p", "--channel", "--name", "--prefix", "--file", "--solver"]),
    Ecosystem.PIP: frozenset(
        [
            "-r",
            "--requirement",
            "-c",
            "--constraint",
            "-i",
            "--index-url",
            "--extra-index-url",
            "-f",
            "--find-links",
            "-t",
            "--target",
            "--root",
            "--prefix",
            "--src",
            "--platform",
            "--python-version",
            "--implementation",
            "--abi",
            "--no-binary",
            "--only-binary",
            "--progress-bar",
            "--proxy",
            "--retries",
            "--timeout",
            "--exists-action",
            "--trusted-host",
            "--cert",
            "--client-cert",
            "--cache-dir",
            "--log",
            "--python",
            "--upgrade-strategy",
            "--global-option",
            "--config-settings",
            "--report",
        ]
    ),
}
_REQUIREMENTS = ("-r", "--requirement")

_APT_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]*[a-z0-9+](?::[a-z0-9-]+)?(?:=[A-Za-z0-9][A-Za-z0-9.+:~-]*)?")
_VERSION = r"(?:===?|[<>!~]=|[<>])\s*[A-Za-z0-9*][A-Za-z0-9.*+!_-]*"
_CONDA_NAME = re.compile(
    r"(?:[A-Za-z0-9][A-Za-z0-9_./-]*::)?[A-Za-z0-9_][A-Za-z0-9_.-]*"
    rf"(?:{_VERSION}(?:[,|]{_VERSION})*|=[A-Za-z0-9*][A-Za-z0-9.*+!_-]*(?:=[A-Za-z0-9*][A-Za-z0-9.*+!_-]*)?)?"
)
_PIP_NAME = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:\[[A-Za-z0-9][A-Za-z0-9._,-]*\])?"
    rf"(?:\s*{_VERSION}(?:\s*,\s*{_VERSION})*)?"
)
# Of a repository or of an archive, without credentials and without what a shell would read.
_PIP_ADDRESS = re.compile(r"(?:git\+)?https://[A-Za-z0-9.-]+(?::\d+)?/[A-Za-z0-9._~/+%@=#&?-]+")
_NAMES: Mapping[Ecosystem, tuple[PackageCode, Sequence[re.Pattern[str]]]] = {
    Ecosystem.APT: ("apt_name", [_APT_NAME]),
    Ecosystem.CONDA: ("conda_name", [_CONDA_NAME]),
    Ecosystem.PIP: ("pip_name", [_PIP_NAME, _PIP_ADDRESS]),
}
_LONGEST_NAME = 200
_SEPARATORS = re.compile(r"[-_.]+")
_DIRECT = re.compile(r"[A-Za-z0-9._\[\],-]+ {0,9}@")  # "name @ address"
_EXTRAS = re.compile(r"\[([^\[\]]*)\]")
_AFTER_NAME = re.compile(r"[\[=<>!~;:@/ ]")


def check_package(ecosystem: Ecosystem, package: str) -> None:
    """Nothing passes that a shell would take for more than a word, or the package manager for an option."""
    code, patterns = _NAMES[ecosystem]
    if len(package) > _LONGEST_NAME or not any(pattern.fullmatch(package) for pattern in patterns):
        raise PackageError(code, package)


def package_key(ecosystem: Ecosystem, package: str) -> str:
    """The same for two ways to ask for one package."""
    if "://" in package and not _DIRECT.match(package):
        return _name_in_address(package) or package.partition("#")[0]
    if ecosystem is Ecosystem.CONDA:
        package = package.rpartition("::")[2]
    name = _AFTER_NAME.split(package.strip(), maxsplit=1)[0]
    return _SEPARATORS.sub("-", name).lower() if ecosystem is Ecosystem.PIP else name.lower()


def has_version(package: str) -> bool:
    return "://" not in package and re.search(r"[=<>~]", package) is not None


def merged(there: str, package: str) -> str:
    """What stands there, so that it is what was asked for as well: a version only if one was given, and the extras of
    both."""
    if "://" in package or "://" in there:
        return package if "://" in package or has_version(package) else there
    base = package if has_version(package) else there
    extras = list(dict.fromkeys([*_extras(there), *_extras(package)]))
    if extras == _extras(base):
        return base
    text = _EXTRAS.sub("", base, count=1)
    name = _AFTER_NAME.split(text, maxsplit=1)[0]
    return f"{name}[{','.join(extras)}]{text[len(name) :].lstrip()}"


def _extras(package: str) -> list[str]:
    match = _EXTRAS.search(package)
    return [part.strip() for part in match[1].split(",")] if match else []


def _name_in_address(address: str) -> str:
    """Of a package in a repository: `git+https://git.example.com/team/peft.git@v1` is peft; empty if it says none."""
    place, _, fragment = address.partition("#")
    for part in fragment.split("&"):
        if part.startswith("egg="):
            return _SEPARATORS.sub("-", part[4:].partition("[")[0]).lower()
    if not place.startswith("git+"):
        return ""
    path = place.partition("://")[2].partition("/")[2].partition("@")[0]
    return _SEPARATORS.sub("-", path.rstrip("/").rpartition("/")[2].removesuffix(".git")).lower()


def read_call(command: Command) -> Call | None:
    """The installation that a command is, None for every other command."""
    ecosystem, words = _manager(command)
    if ecosystem is None:
        return None
    options: list[str] = []
    requirements: list[str] = []
    found: list[Word] = []
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        if not word.text.startswith("-") or word.text == "-":
            found.append(word)
            continue
        name, _, value = word.text.partition("=")
        options.append(word.text)
        if name in _WITH_VALUES[ecosystem] and not value and position < len(words):
            value = words[position].text
            position += 1
        if name in _REQUIREMENTS:
            requirements.append(value)
    if not found or found[0].text != "install":
        return None
    return Call(ecosystem, command, found[0], tuple(found[1:]), tuple(options), tuple(requirements))


def _manager(command: Command) -> tuple[Ecosystem | None, Sequence[Word]]:
    """Also `python3 -m pip` and `uv pip`."""
    words = command.words
    if _PYTHON.fullmatch(command.program) and [word.text for word in words[1:3]] == ["-m", "pip"]:
        return Ecosystem.PIP, words[3:]
    if command.program == "uv" and [word.text for word in words[1:2]] == ["pip"]:
        return Ecosystem.PIP, words[2:]
    if _PIP.fullmatch(command.program):
        return Ecosystem.PIP, words[1:]
    return _PROGRAMS.get(command.program), words[1:]
