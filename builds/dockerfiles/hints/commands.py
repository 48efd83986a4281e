"""RUN instructions: how package managers are called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from builds.dockerfiles.hints.kinds import Hint
from builds.dockerfiles.installers import Call, Ecosystem, read_call
from builds.dockerfiles.reading import Dockerfile, Instruction
from builds.dockerfiles.shell import Command, read_script

_LETTERS = re.compile(r"-[a-zA-Z]+")
_YES = re.compile(r"--yes|--assume-yes|-qq+|-q=2")
_LISTS = "/var/lib/apt/lists"
_UNPINNABLE = re.compile(r"[./$]|.*(?:==|://|@|\.whl\Z)")


def hints_of_commands(document: Dockerfile) -> Iterator[Hint]:
    no_cache = False
    for item in document.instructions:
        if item.keyword == "ENV" and "PIP_NO_CACHE_DIR" in item.value:
            no_cache = True
        if item.keyword == "RUN":
            yield from _hints_of_run(item, no_cache=no_cache)


def _hints_of_run(item: Instruction, *, no_cache: bool) -> Iterator[Hint]:
    script = read_script(item)
    calls = [call for command in script.commands if (call := read_call(command))]
    for line in script.swallowing:
        yield Hint("comment_swallows", line)
    for command in script.commands:
        if "sudo" in command.prefixes:
            yield Hint("sudo", command.line)
    yield from _hints_of_apt(item, script.commands, [call for call in calls if call.ecosystem is Ecosystem.APT])
    yield from _hints_of_conda(item, script.commands, [call for call in calls if call.ecosystem is Ecosystem.CONDA])
    for call in calls:
        if call.ecosystem is Ecosystem.PIP:
            yield from _hints_of_pip(item, call, no_cache=no_cache)


def _hints_of_apt(item: Instruction, commands: Sequence[Command], calls: Sequence[Call]) -> Iterator[Hint]:
    updates = [command for command in commands if _is_apt(command) and _has(command, "update")]
    if updates and not calls and not any(_is_apt(command) and _upgrades(command) for command in commands):
        yield Hint("apt_update_alone", updates[0].line)
    elif updates and not _cleans_lists(commands) and not _caches(item, "apt"):
        yield Hint("apt_lists_kept", updates[0].line)
    for call in calls:
        line = call.command.line
        if not updates:
            yield Hint("apt_install_without_update", line)
        if not any(map(_says_yes, call.options)):
            yield Hint("apt_yes_missing", line)
        if not any("no-install-recommends" in option or "Install-Recommends" in option for option in _texts(call)):
            yield Hint("apt_recommends", line)
        if call.command.program == "apt":
            yield Hint("apt_cli", line)


def _hints_of_conda(item: Instruction, commands: Sequence[Command], calls: Sequence[Call]) -> Iterator[Hint]:
    cleaned = any(
        command.program in ("conda", "mamba", "micromamba") and _has(command, "clean") for command in commands
    )
    for call in calls:
        if not any(map(_says_yes, call.options)):
            yield Hint("conda_yes_missing", call.command.line, params={"name": call.command.program})
        if not cleaned and not _caches(item, "conda"):
            yield Hint("conda_cache", call.command.line, params={"name": call.command.program})


def _hints_of_pip(item: Instruction, call: Call, *, no_cache: bool) -> Iterator[Hint]:
    is_uv = call.command.program == "uv"
    flag = "--no-cache" if is_uv else "--no-cache-dir"
    if not no_cache and not {flag, "--no-cache-dir"} & set(call.options) and not _caches(item, "pip", "uv"):
        yield Hint("pip_cache", call.command.line, params={"option": flag})
    for word in call.words:
        if not _UNPINNABLE.match(word.text):
            yield Hint("pip_unpinned", word.line, params={"package": word.text[:80]})


def _says_yes(option: str) -> bool:
    return _YES.fullmatch(option) is not None or ("y" in option and _LETTERS.fullmatch(option) is not None)


def _is_apt(command: Command) -> bool:
    return command.program in ("apt-get", "apt", "aptitude")


def _has(command: Command, text: str) -> bool:
    return any(word.text == text for word in command.words)


def _upgrades(command: Command) -> bool:
    return any(_has(command, verb) for verb in ("upgrade", "dist-upgrade", "full-upgrade", "build-dep", "download"))


def _texts(call: Call) -> list[str]:
    return [word.text for word in call.command.words]


def _cleans_lists(commands: Sequence[Command]) -> bool:
    return any(
        command.program == "rm" and any(word.text.startswith(_LISTS) for word in command.words) for command in commands
    )


def _caches(item: Instruction, *names: str) -> bool:
    """A cache of the builder (`--mount=type=cache`) does not become part of the image."""
    mounts = [value for name, value in item.flags if name == "mount" and "type=cache" in value]
    return any(name in value for value in mounts for name in names)
