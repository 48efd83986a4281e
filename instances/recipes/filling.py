"""The parts of a template that depend on secrets, once those are known. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from appimages.expansion import Expander
from instances.recipes.environment import Environment, Sets, environment_of, expanded
from instances.recipes.ports import told
from instances.recipes.template import SecretWanted, Template


@dataclass(frozen=True, slots=True)
class Filled:
    """None in `entrypoint` and `args` means the image's own."""

    environment: Environment = field(default_factory=Environment)
    entrypoint: tuple[str, ...] | None = None
    args: tuple[str, ...] | None = None


def secret_sets_wanted(template: Template) -> set[str]:
    return {one.set for one in template.variables if isinstance(one, SecretWanted)}


def fill(template: Template, secret_sets: Sets) -> Filled:
    """Raises `Refused`."""
    environment = environment_of(template.variables, secret_sets, told=told(template.ports))
    expander = Expander()
    entrypoint, args = (_expanded(words, environment, expander) for words in (template.entrypoint, template.args))
    return Filled(environment, entrypoint, args)


def _expanded(words: tuple[str, ...] | None, environment: Environment, expander: Expander) -> tuple[str, ...] | None:
    return None if words is None else tuple(expanded(word, environment.values, expander) for word in words)


UNFILLED = Filled()
