"""Labels as one instruction at the end of a Dockerfile, for classic builders. Pure.

Given beside a Dockerfile, every label is a step of its own there, with a container and a commit. The longer Dockerfile
has another name, and the builder takes it out of the context before the first step: the files that steps see, the
Dockerfile among them, are what they were, and so is what it remembers of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from builds.contexts import IGNORE, Context
from builds.trees import FILE, Entry
from nodes.engine import CLASSIC, BuildSpec

NAME: Final = ".imagelib.dockerfile"
_KEY: Final = re.compile(r"[a-z0-9][a-z0-9.-]*")
# Between single quotes builders take these as they are.
_VALUE: Final = re.compile(r"[ !#%&()*+,./0-9:;<=>?@A-Z\[\]^_a-z{|}~-]*")
_ESCAPES: Final = ("\\", "`")  # what goes on in the next line ends with one of them


def labelled(spec: BuildSpec, context: Context) -> tuple[BuildSpec, Context]:
    """The same build with its labels in one step; as it is where that would change anything else."""
    dockerfile = next(entry for entry in context.entries if entry.path == spec.dockerfile).read()
    taken = {entry.path for entry in context.entries} & {IGNORE, NAME}
    if spec.builder != CLASSIC or taken or _goes_on(dockerfile) or not _fit(spec.labels):
        return spec, context
    pairs = " ".join(f"{key}='{value}'" for key, value in spec.labels.items())
    ours = (
        _entry(IGNORE, f"{IGNORE}\n{NAME}\n".encode()),
        _entry(NAME, dockerfile + f"\nLABEL {pairs}\n".encode()),
    )
    return replace(spec, labels={}, dockerfile=NAME), replace(context, entries=(*context.entries, *ours))


def _fit(labels: Mapping[str, str]) -> bool:
    return bool(labels) and all(_KEY.fullmatch(key) and _VALUE.fullmatch(value) for key, value in labels.items())


def _goes_on(dockerfile: bytes) -> bool:
    """Whether the next line might belong to the last instruction: empty lines and comments do not end one."""
    for line in reversed(dockerfile.decode("utf-8", "replace").split("\n")):
        text = line.strip()
        if text.endswith(_ESCAPES):
            return True
        if text and not text.startswith("#"):
            return False
    return False


def _entry(path: str, content: bytes) -> Entry:
    return Entry(path, FILE, len(content), lambda: content)
