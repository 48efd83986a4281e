"""New instructions that install packages, where a Dockerfile has none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from builds.dockerfiles.edits import INDENT, quoted
from builds.dockerfiles.installers import Ecosystem
from builds.dockerfiles.reading import Dockerfile, Instruction
from builds.dockerfiles.starting import JUPYTER_USER, runs_as_jupyter

ROOT = frozenset({"root", "0", "root:root", "0:0"})
# What says how the image is started; it usually comes last, and new layers come before it.
_ABOUT_STARTING = frozenset(
    {"CMD", "ENTRYPOINT", "EXPOSE", "HEALTHCHECK", "LABEL", "STOPSIGNAL", "VOLUME", "USER", "WORKDIR"}
)


@dataclass(frozen=True, slots=True)
class _Place:
    """After the line with this number; `user` is who runs it as far as the Dockerfile says, "" if it does not."""

    line: int
    user: str


def put_list(lines: list[str], document: Dockerfile, ecosystem: Ecosystem, package: str, base: str = "") -> None:
    """A RUN instruction with a list of one package, which later ones are added to. `base`: what the arguments of `FROM`
    stand for."""
    if ecosystem is Ecosystem.APT:
        _put(lines, document, _apt(package, document.escape), as_root=True, base=base)
    else:
        _put(lines, document, _conda(package, document), as_root=False)


def put_requirements(lines: list[str], document: Dockerfile, path: str) -> None:
    """The instructions that install what a file of requirements names."""
    name = path.rpartition("/")[2]
    block = [
        f"COPY {path} /tmp/{name}",
        f"RUN pip install --no-cache-dir --requirement /tmp/{name}",
    ]
    _put(lines, document, _with_permissions(block, document), as_root=False)


def _apt(package: str, escape: str) -> list[str]:
    return [
        f"RUN apt-get update --yes {escape}",
        f"{INDENT}&& apt-get install --yes --no-install-recommends {escape}",
        f"{INDENT}{quoted(package, '')} {escape}",
        f"{INDENT}&& apt-get clean && rm -rf /var/lib/apt/lists/*",
    ]


def _conda(package: str, document: Dockerfile) -> list[str]:
    text = "\n".join(document.lines)
    program = "conda" if "conda" in text.replace("CONDA_DIR", "") and "mamba" not in text else "mamba"
    block = [
        f"RUN {program} install --yes {document.escape}",
        f"{INDENT}{quoted(package, chr(39))} {document.escape}",
        f"{INDENT}&& {program} clean --all --force-pkgs-dirs --yes",
    ]
    return _with_permissions(block, document)


def _with_permissions(block: list[str], document: Dockerfile) -> list[str]:
    """Images of the Jupyter project have a script that gives installed files back to their user."""
    if not any("fix-permissions" in line for line in document.lines):
        return block
    *rest, last = block
    commands = [f'{INDENT}&& fix-permissions "${{{name}}}"' for name in ("CONDA_DIR", "HOME")]
    return [*rest, f"{last} {document.escape}", f"{commands[0]} {document.escape}", commands[1]]


def _put(lines: list[str], document: Dockerfile, block: Sequence[str], *, as_root: bool, base: str = "") -> None:
    place = _root_place(document) if as_root else None
    place = place or _usual_place(document)
    user = place.user or _user_of_base(document, base)
    if as_root and user and user not in ROOT:
        block = ["USER root", *block, f"USER {user}"]
    after = lines[place.line : place.line + 1]
    lines[place.line : place.line] = ["", *block, *([""] if after and after[0].strip() else [])]
    if place.line == len(document.lines):  # the last line had no end
        lines.append("")


def _usual_place(document: Dockerfile) -> _Place:
    """Behind the last instruction that makes a layer, in front of what says how the image is started."""
    stage = document.stages[-1]
    count = len(stage)
    while count > 1 and stage[count - 1].keyword in _ABOUT_STARTING:
        count -= 1
    return _Place(stage[count - 1].end, _user(stage[:count]))


def _root_place(document: Dockerfile) -> _Place | None:
    """Behind the last instruction that root runs for certain."""
    found, user = None, ""
    for item in document.stages[-1]:
        user = item.value if item.keyword == "USER" else user
        if user in ROOT and item.keyword not in _ABOUT_STARTING - {"USER"}:
            found = _Place(item.end, user)
    return found


def _user_of_base(document: Dockerfile, base: str) -> str:
    """As far as the name of the image that the stage starts from tells; "" if it does not."""
    image = document.stages[-1][0].value
    return JUPYTER_USER if runs_as_jupyter(base if "$" in image else image) else ""


def _user(instructions: Sequence[Instruction]) -> str:
    return next((item.value for item in reversed(instructions) if item.keyword == "USER"), "")
