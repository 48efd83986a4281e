"""Adding packages to the files of an application: to the lists that are there, or in a new instruction.

Adding the same twice changes nothing. Packages go into the last stage, which is the image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from builds.dockerfiles.blocks import put_list, put_requirements
from builds.dockerfiles.edits import append, find_word, set_version, uncomment
from builds.dockerfiles.errors import DockerfileError, PackageError
from builds.dockerfiles.installers import Call, Ecosystem, check_package, read_call
from builds.dockerfiles.reading import Dockerfile, Instruction, read
from builds.dockerfiles.requirements import add_requirement
from builds.dockerfiles.shell import read_script
from builds.trees import DOCKERFILE

REQUIREMENTS = "requirements.txt"


@dataclass(frozen=True, slots=True)
class Added:
    """`added` and `present` are the packages that were asked for: those that changed something, and the others."""

    files: dict[str, str]
    added: tuple[str, ...]
    present: tuple[str, ...]


def add_packages(files: Mapping[str, str], *, ecosystem: Ecosystem, packages: Sequence[str], base: str = "") -> Added:
    """Raises `PackageError`; `files` are never changed. `base`: the image that the arguments of `FROM` stand for."""
    wanted = list(dict.fromkeys(package.strip() for package in packages if package.strip()))
    if not wanted:
        raise PackageError("no_packages")
    for package in wanted:
        check_package(ecosystem, package)
    if DOCKERFILE not in files:
        raise PackageError("dockerfile_missing")
    changed = dict(files)
    added = [package for package in wanted if _add(changed, ecosystem, package, base)]
    for path in changed:
        changed[path] = _with_ends_of(files.get(path, ""), changed[path])
    return Added(changed, tuple(added), tuple(package for package in wanted if package not in added))


def _with_ends_of(before: str, text: str) -> str:
    """Lines end as they all did before: some editors write "\\r\\n"."""
    if text == before or "\n" not in before or before.count("\n") != before.count("\r\n"):
        return text
    return text.replace("\r\n", "\n").replace("\n", "\r\n")


def _add(files: dict[str, str], ecosystem: Ecosystem, package: str, base: str) -> bool:
    try:
        document = read(files[DOCKERFILE])
    except DockerfileError as error:
        raise PackageError("dockerfile_unreadable", error.value) from None
    if not document.stages:
        raise PackageError("from_missing")
    calls = [call for call in _calls(document) if call.ecosystem is ecosystem]
    lines = list(document.lines)
    if ecosystem is Ecosystem.PIP:
        path = _requirements_path(document, calls, files)
        calls = [call for call in calls if call.words]
        if path or not calls:
            if not path:
                put_requirements(lines, document, REQUIREMENTS)
                files[DOCKERFILE] = "\n".join(lines)
            files[path or REQUIREMENTS], changed = add_requirement(files.get(path or REQUIREMENTS, ""), package)
            return changed or not path
    changed = _put(lines, document, calls, ecosystem, package, base)
    files[DOCKERFILE] = "\n".join(lines)
    return changed


def _put(
    lines: list[str], document: Dockerfile, calls: Sequence[Call], ecosystem: Ecosystem, package: str, base: str
) -> bool:
    for call in calls:
        if word := find_word(call, package):
            return set_version(lines, word, package)
    if any(uncomment(lines, call, package, escape=document.escape) for call in calls):
        return True
    if calls:
        append(lines, calls[0], package, escape=document.escape)
    else:
        put_list(lines, document, ecosystem, package, base)
    return True


def _calls(document: Dockerfile) -> list[Call]:
    """Those that can be changed by place. A list of JSON has no places."""
    scripts = [read_script(item) for item in document.stages[-1] if item.keyword == "RUN"]
    found = [read_call(command) for script in scripts if not script.is_list for command in script.commands]
    return [call for call in found if call]


def _requirements_path(document: Dockerfile, calls: Sequence[Call], files: Mapping[str, str]) -> str:
    """Which of the files a call installs from, "" if there is none. The image may have it under another name."""
    for path in (path for call in calls for path in call.requirements if "://" not in path):
        name = path.rpartition("/")[2]
        source = _sources(document.stages[-1]).get(path, name).removeprefix("./")
        if source in files or source == REQUIREMENTS:
            return source
    return ""


def _sources(stage: Sequence[Instruction]) -> dict[str, str]:
    """Paths in the image → paths of the files that are put there, as far as both are written out."""
    found = {}
    for item in stage:
        words = item.rest.split()
        if item.keyword in ("COPY", "ADD") and len(words) == 2:
            found[words[1]] = words[0]
        for value in (value for name, value in item.flags if name == "mount"):
            options = dict(part.partition("=")[::2] for part in value.split(","))
            target = options.get("target") or options.get("dst") or options.get("destination")
            source = options.get("source") or options.get("src")
            if target and source:
                found[target] = source
    return found
