"""Values about builds and pushes that cross the engine gateway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from .types import RegistryAuth

CLASSIC, BUILDKIT = "classic", "buildkit"


@dataclass(frozen=True, slots=True)
class BuildSpec:
    """What shall be built of a context, and how. Secrets stay out of `repr`.

    `memory_bytes` and `cpus` limit the containers in which a classic builder runs steps. BuildKit takes no limits with
    a build: its steps may use what the engine may use.
    """

    tag: str  # "host/namespace/name:tag": what the image will be called
    arguments: Mapping[str, str] = field(default_factory=dict, hash=False)
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    # By the host of the registry, "docker.io" for Docker Hub. They go with the request; no engine stores them.
    auths: Mapping[str, RegistryAuth] = field(default_factory=dict, hash=False, repr=False)
    # For `RUN --mount=type=secret,id=…`: id -> content. BuildKit only.
    secrets: Mapping[str, bytes] = field(default_factory=dict, hash=False, repr=False)
    dockerfile: str = "Dockerfile"  # its path within the context
    memory_bytes: int | None = None
    cpus: float | None = None
    builder: str = ""  # "classic", "buildkit"; "" is what the engine prefers
    network: str = ""  # of the steps: "host", "none"; "" is the engine's own
    pull: bool = False  # ask the registries for newer images of the same names
    no_cache: bool = False


class BuildEventKind(StrEnum):
    STEP = "step"  # a step begins
    OUTPUT = "output"  # a line of what a step writes
    CACHED = "cached"  # the result of this step was there already
    DONE = "done"  # a step has ended well, or was there already
    FAILED = "failed"
    PROGRESS = "progress"  # something moves that is worth no line
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class BuildEvent:
    """Something that happened in a build. Every step ends with `done` or `failed`. Classic builders do one step at a
    time, in the order of the Dockerfile; BuildKit several, and numbers them as they begin. What is done may begin once
    more there, under the same number: first it looks what there is, then it fetches.

    A `progress` is about a layer (of a base image that is being fetched), or has a text: a line of output that its
    program overwrote, as progress bars do.
    """

    kind: BuildEventKind
    step: int = 0  # from 1; 0 is the build as a whole
    steps: int | None = None  # how many there will be, as far as is known by now
    text: str = ""  # of a step: its instruction. Of output: a line, without its end, colours and cursor movements
    goes_on: bool = False  # of output: a long line, the next event of this step and `stream` has more of it
    stream: int = 0  # of output: a step may have several, each with lines of its own
    seconds: float | None = None  # of `done`, `failed`: what the step took; by the engine's clock where it tells
    layer: str = ""
    current: int | None = None  # bytes
    total: int | None = None


@dataclass(frozen=True, slots=True)
class PushEvent:
    """One event of a push. `layer` is the engine's name of it, 12 hexadecimal digits, or "" for all."""

    status: str  # "Preparing", "Waiting", "Pushing", "Pushed", "Layer already exists", "Mounted from …"
    layer: str = ""
    current: int | None = None  # bytes: not compressed ones, but compressed ones with the containerd store
    total: int | None = None
