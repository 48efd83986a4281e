"""One container of a deploy template before it has a place: everything but the numbers of its ports is decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from appimages.files import Kept, Renderer
from instances.accelerator import Refused
from instances.recipes.environment import Sets, variables_of
from instances.recipes.files import directory_of, files_of
from instances.recipes.filling import Filled, fill
from instances.recipes.ports import Port, numbered, ports_of, told
from instances.recipes.probes import probed_ports, probes_of
from instances.recipes.sizes import amount
from instances.recipes.template import ALWAYS, IF_ABSENT, NEVER, Template

# Always is "unless-stopped": what its owner stopped stays so when the node's engine starts again.
_RESTARTS = {"": "no", "Never": "no", "OnFailure": "on-failure", "Always": "unless-stopped"}
_SHOWN = 255  # characters
_PULLS = {"": IF_ABSENT, ALWAYS: ALWAYS, IF_ABSENT: IF_ABSENT, NEVER: NEVER}


@dataclass(frozen=True, slots=True)
class Recipe:
    """`container` and `deploy_template` are parts of an AppImage's document. `variables` fill its configuration files;
    those of `defaults` do where nothing else has a value. `secret_sets` have masks for values."""

    container: Mapping[str, Any]
    deploy_template: Mapping[str, Any]
    config_templates: Mapping[str, str] = field(default_factory=dict)
    image_id: str = ""
    config_sets: Sets = field(default_factory=dict)
    secret_sets: Sets = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    # Files that no port is in are the same each time, and completed the first time before a node is locked.
    _kept: dict[str, Kept] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def name(self) -> str:
        return shown(self.container.get("name"))

    @property
    def ports(self) -> tuple[Port, ...]:
        """For each of them the node has to have a free one. Raises `Refused`."""
        return ports_of(self.container, probed=probed_ports(self.container))

    @property
    def restart_policy(self) -> str:
        """In the engine's words. Raises `Refused`."""
        spec = self.deploy_template.get("spec") or {}
        return _of(_RESTARTS, spec.get("restartPolicy"), "restart_policy_unknown")

    def requests(self) -> tuple[float, int]:
        """CPU cores and bytes of memory that it needs at least: where it does not say, its limits, as in Kubernetes.
        Raises `Refused`."""
        return _sizes({**_amounts(self.container, "limits"), **_amounts(self.container, "requests")})

    def devices(self) -> dict[str, Fraction]:
        """Of each extended resource, by its name, how much it needs. Raises `Refused`."""
        found: dict[str, Fraction] = {}
        for kind in ("limits", "requests"):
            for name, wanted in _amounts(self.container, kind).items():
                if "/" in name:
                    found[name] = max(amount(wanted), found.get(name, Fraction(0)))
        return found

    def complete(self, free: Sequence[int]) -> Template:
        """The whole of it, with these ports of the node. Raises `Refused`."""
        container = self.container
        if (container.get("securityContext") or {}).get("privileged"):
            raise Refused("privileged")
        ports = numbered(self.ports, free, probed=probed_ports(container))
        cores, memory = _sizes(_amounts(container, "limits"))
        template = Template(
            container=self.name,
            deploy_template=shown(self.deploy_template.get("name")),
            entrypoint=_words(container.get("command")),
            args=_words(container.get("args")),
            working_dir=directory_of(container.get("workingDir")),
            variables=variables_of(container, self.config_sets),
            ports=ports,
            pull_policy=_of(_PULLS, container.get("imagePullPolicy"), "pull_policy_unknown"),
            image_id=self.image_id if self.image_id.startswith("sha256:") else "",
            cpu_cores=cores,
            memory_bytes=memory,
        )
        known = self.as_shown(template).environment.open
        return replace(self._with_files(template, known), probes=probes_of(container, ports, known))

    def rehearse(self) -> Template:
        """The whole of it, whichever numbers its ports will have: here they count from 1. Raises `Refused`."""
        return self.complete(range(1, len(self.ports) + 1))

    def as_shown(self, template: Template) -> Filled:
        """With masks for secrets. Raises `Refused`."""
        return fill(template, self.secret_sets)

    def _with_files(self, template: Template, environment: Mapping[str, str]) -> Template:
        renderer = Renderer(self.config_templates, kept=self._kept)
        files = files_of(self.container, renderer, self._variables(environment, template.ports))
        return replace(template, files=files.texts, directories=files.directories, unresolved=files.unresolved)

    def _variables(self, environment: Mapping[str, str], ports: Sequence[Port]) -> dict[str, str]:
        """Where two say something, the later one counts (spec-appimage.md §3). What is secret is not among them."""
        sources = (self.defaults, environment, self.variables, told(ports))
        return {name.upper(): value for source in sources for name, value in source.items()}


def shown(name: Any) -> str:
    """As much of a name as fits into a column of text, which has no NUL on PostgreSQL."""
    return str(name or "").replace("\0", "\N{REPLACEMENT CHARACTER}")[:_SHOWN]


def _words(parts: Sequence[Any] | None) -> tuple[str, ...] | None:
    """An empty list is as good as none: the image's own."""
    words = tuple(str(part) for part in parts or ())
    if any("\0" in word for word in words):
        raise Refused("bad_command")
    return words or None


def _of(known: Mapping[str, str], word: str | None, code: str) -> str:
    if (word or "") not in known:
        raise Refused(code, word=str(word)[:40])
    return known[word or ""]


def _amounts(container: Mapping[str, Any], kind: str) -> dict[str, str]:
    """Those that are given."""
    wanted = (container.get("resources") or {}).get(kind) or {}
    return {name: str(text) for name, text in wanted.items() if text not in (None, "")}


def _sizes(amounts: Mapping[str, str]) -> tuple[float, int]:
    return float(amount(amounts.get("cpu", ""))), int(amount(amounts.get("memory", "")))
