"""Applications in a repository that is laid out as usual: `src/<application>/Dockerfile`, and for each a workflow
`.github/workflows/build-push-<application>.yaml`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from builds.dockerfiles import DockerfileError
from builds.dockerfiles import read as read_dockerfile
from builds.dockerfiles.images import images_of_stages
from builds.packing import PackingError
from builds.trees import DOCKERFILE, LINK, MAX_FILE_BYTES, PROGRAM, Entry, TreeError, clean_files
from builds.workflows import SOURCES, Workflow, is_workflow, read_workflow
from core.documents import FileError, Notice
from imagelib.addresses import AddressError, ImageReference, parse

MOST_APPLICATIONS = 200


@dataclass(frozen=True, slots=True)
class FoundApplication:
    """`workflow` is None where no file says it; then `base` is what the Dockerfile starts from, if that is fixed."""

    name: str
    files: dict[str, str]
    workflow: Workflow | None
    base: ImageReference | None = None
    programs: tuple[str, ...] = ()  # paths of the files that may be executed

    @property
    def path(self) -> str:
        return f"{SOURCES}/{self.name}"


@dataclass(slots=True)
class Layout:
    """`errors` and `warnings` are about files: `Notice.path` is the file's. Texts: `builds.layout_texts`."""

    applications: list[FoundApplication] = field(default_factory=list)
    errors: list[Notice] = field(default_factory=list)
    warnings: list[Notice] = field(default_factory=list)


def find_applications(entries: Sequence[Entry]) -> Layout:
    """All that there are, and all that is wrong. What lies elsewhere in the repository is of no interest."""
    found = Layout()
    workflows = _workflows(entries, found)
    folders: dict[str, list[Entry]] = {}
    for entry in entries:
        top, _, rest = entry.path.partition("/")
        name, _, path = rest.partition("/")
        if top == SOURCES and path:
            folders.setdefault(name, []).append(entry)
    for name, members in sorted(folders.items()):
        _add_application(name, members, workflows.pop(name, None), found)
    for workflow, path in workflows.values():
        found.warnings.append(Notice("workflow_alone", path=path, params={"name": workflow.application}))
    if len(found.applications) > MOST_APPLICATIONS:
        found.errors.append(Notice("too_many_applications", params={"limit": MOST_APPLICATIONS}))
    elif not found.applications and not found.errors:
        found.errors.append(Notice("nothing_found"))
    return found


def _workflows(entries: Iterable[Entry], found: Layout) -> dict[str, tuple[Workflow, str]]:
    known: dict[str, tuple[Workflow, str]] = {}
    for entry in sorted(entries, key=lambda entry: entry.path):
        if not is_workflow(entry.path):
            continue
        try:
            content = _content(entry)
            read = read_workflow(content)
        except FileError as error:
            found.errors += [Notice(item.code, 0, item.line, entry.path, item.params) for item in error.notices]
            continue
        except TreeError as error:
            found.errors.append(_notice(error, entry.path))
            continue
        name = read.workflow.application
        if name in known:
            params = {"name": name, "first": known[name][1]}
            found.warnings.append(Notice("workflow_twice", path=entry.path, params=params))
            continue
        known[name] = read.workflow, entry.path
        found.warnings += [Notice(item.code, path=entry.path, params=item.params) for item in read.warnings]
    return known


def _add_application(name: str, members: Sequence[Entry], workflow: tuple[Workflow, str] | None, found: Layout) -> None:
    folder = f"{SOURCES}/{name}/"
    if not any(entry.path == folder + DOCKERFILE for entry in members):
        found.warnings.append(Notice("no_dockerfile", path=folder))
        return
    try:
        files = clean_files({entry.path.removeprefix(folder): _text(entry) for entry in members})
    except TreeError as error:
        found.errors.append(_notice(error, error.path if error.path.startswith(folder) else folder + error.path))
        return
    programs = tuple(entry.path.removeprefix(folder) for entry in members if entry.mode == PROGRAM)
    if workflow:
        found.applications.append(FoundApplication(name, files, workflow[0], programs=programs))
        return
    base = _base(files[DOCKERFILE])
    if base is None:
        found.errors.append(Notice("base_unknown", path=folder + DOCKERFILE, params={"name": name}))
        return
    found.warnings.append(Notice("workflow_missing", path=folder, params={"image": base.canonical}))
    found.applications.append(FoundApplication(name, files, None, base, programs))


def _base(dockerfile: str) -> ImageReference | None:
    """What the last stage that starts from an image starts from, where no argument is needed to say it."""
    try:
        stages = images_of_stages(read_dockerfile(dockerfile), {})
        reference = parse(stages[-1][1]) if stages else None
    except (DockerfileError, AddressError):
        return None
    return reference if reference and not reference.digest else None


def _text(entry: Entry) -> str:
    try:
        return _content(entry).decode()
    except UnicodeDecodeError:
        raise TreeError("content_encoding", entry.path) from None


def _content(entry: Entry) -> bytes:
    if entry.mode == LINK:
        raise TreeError("link", entry.path)
    if entry.size > MAX_FILE_BYTES:
        raise TreeError("file_too_large", entry.path, limit=MAX_FILE_BYTES)
    try:
        return entry.read()
    except PackingError as error:
        raise TreeError("content_broken", error.path) from None


def _notice(error: TreeError, path: str) -> Notice:
    return Notice(error.code, path=path, params={"limit": error.limit} if error.limit else {})
