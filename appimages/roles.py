"""Which deploy template of an AppImage is for a role: Kuscia's rule. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class NoTemplate(LookupError):
    """No deploy template is for `role`; `roles` are those that there are templates for."""

    def __init__(self, role: str, roles: tuple[str, ...]) -> None:
        super().__init__(role)
        self.role = role
        self.roles = roles


def choose_template(document: Mapping[str, Any], role: str) -> dict[str, Any]:
    """The deploy template for `role`; raises `NoTemplate`.

    The first one that lists the role (`server,client`; blanks around the commas belong to the names), else the last
    one without a role, which is for everybody. Nobody else's template is taken for a role that was asked for; without
    one, the first template is.
    """
    templates: list[dict[str, Any]] = document.get("deployTemplates") or []
    for template in templates:
        if role and role in _roles(template):
            return template
    for template in reversed(templates):
        if not template.get("role"):
            return template
    if templates and not role:
        return templates[0]
    raise NoTemplate(role, tuple(roles_of(document)))


def roles_of(document: Mapping[str, Any]) -> list[str]:
    """Every role that a deploy template names, once, in order."""
    templates: list[dict[str, Any]] = document.get("deployTemplates") or []
    return list(dict.fromkeys(name for template in templates for name in _roles(template)))


def _roles(template: Mapping[str, Any]) -> list[str]:
    return [name for name in (template.get("role") or "").split(",") if name]
