"""Applications in a repository that is laid out as usual: `src/<application>/Dockerfile`, and for each a workflow
`.github/workflows/build-push-<application>.yaml`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field

from builds.dockerfiles import DockerfileError
from builds.dockerfiles import read as read_dockerfile
from builds.dockerfiles.images import images_of_stages
from builds.packing import PackingError
from builds.trees import DOCKERFILE, LINK, MAX_FILE_BYTES, PROGRAM, Entry, TreeError, clean_files
from builds.workflows import SOURCES, FoundWorkflow, Workflow, named_by, read_workflow
from core.documents import FileError, Notice
from imagelib.addresses import AddressError, ImageReference, parse

MOST_APPLICATIONS = 200
_NEEDED = {"BASE_IMAGE": "scipy-notebook", "BASE_TAG": "python-3.11"}  # without which no image has a name


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
    folders: dict[str, list[Entry]] = {}
    for entry in entries:
        top, _, rest = entry.path.partition("/")
        name, _, path = rest.partition("/")
        if top == SOURCES and path:
            folders.setdefault(name, []).append(entry)
    workflows = _workflows(entries, set(folders), found)
    for name, members in sorted(folders.items()):
        _add_application(name, members, workflows, found)
    for name, (_workflow, path) in workflows.known.items():
        if name not in folders:
            found.warnings.append(Notice("workflow_alone", path=path, params={"name": name}))
    if len(found.applications) > MOST_APPLICATIONS:
        found.errors.append(Notice("too_many_applications", params={"limit": MOST_APPLICATIONS}))
    elif not found.applications and not found.errors:
        found.errors.append(Notice("nothing_found"))
    return found


@dataclass(slots=True)
class _Workflows:
    """`known`: by the application that they are about. Of applications that a file is called after: `faulty`, it cannot
    be read, which is among the errors; `misled`, it is about another one: path, and that one."""

    known: dict[str, tuple[Workflow, str]] = field(default_factory=dict)
    faulty: set[str] = field(default_factory=set)
    misled: dict[str, tuple[str, str]] = field(default_factory=dict)


def _workflows(entries: Iterable[Entry], folders: Set[str], found: Layout) -> _Workflows:
    """What is wrong with a file that no folder goes with keeps nobody's application out."""
    workflows = _Workflows()
    read: list[tuple[bool, str, FoundWorkflow]] = []
    for entry in sorted(entries, key=lambda entry: entry.path):
        if not (named := named_by(entry.path)):
            continue
        try:
            one = read_workflow(_content(entry), named=named)
        except FileError as error:
            faults = [Notice(item.code, 0, item.line, entry.path, item.params) for item in error.notices]
        except TreeError as error:
            faults = [_notice(error, entry.path)]
        else:
            name = one.workflow.application
            read.append((name != named, entry.path, one))
            if name != named:
                workflows.misled[named] = entry.path, name
            continue
        workflows.faulty.add(named)
        (found.errors if named in folders else found.warnings).extend(faults)
    for _is_copy, path, one in sorted(read, key=lambda each: each[:2]):  # the one that is called after it comes first
        name = one.workflow.application
        if name in workflows.known:
            params = {"name": name, "first": workflows.known[name][1]}
            found.warnings.append(Notice("workflow_twice", path=path, params=params))
            continue
        workflows.known[name] = one.workflow, path
        _tell(one, path, name in folders, found)
    return workflows


def _tell(read: FoundWorkflow, path: str, has_folder: bool, found: Layout) -> None:
    """What is not taken over is an error where nothing can be built without it."""
    for item in read.warnings:
        example = _NEEDED.get(str(item.params.get("name")))
        if example and has_folder:
            found.errors.append(Notice("value_needed", path=path, params={**item.params, "example": example}))
        else:
            found.warnings.append(Notice(item.code, path=path, params=item.params))


def _add_application(name: str, members: Sequence[Entry], workflows: _Workflows, found: Layout) -> None:
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
    if name in workflows.known:
        found.applications.append(FoundApplication(name, files, workflows.known[name][0], programs=programs))
    elif name not in workflows.faulty:
        _add_without_workflow(name, files, programs, workflows.misled.get(name), found)


def _add_without_workflow(
    name: str, files: dict[str, str], programs: tuple[str, ...], misled: tuple[str, str] | None, found: Layout
) -> None:
    folder, base = f"{SOURCES}/{name}/", _base(files[DOCKERFILE])
    if misled:
        notice = Notice("workflow_of_other", path=misled[0], params={"name": name, "other": misled[1]})
        (found.warnings if base else found.errors).append(notice)
    elif base is None:
        found.errors.append(Notice("base_unknown", path=folder + DOCKERFILE, params={"name": name}))
    if base is None:
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
