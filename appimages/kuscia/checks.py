"""What Kuscia checks of a request before it stores anything, in its order: the first fault is the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appimages.kuscia.fields import NULL
from appimages.kuscia.refusals import invalid, invalid_name, panic
from appimages.names import passes_kuscia


def check_create(body: Mapping[str, Any]) -> None:
    check_name_given(body)
    _check_image(body)
    if not body.get("deploy_templates"):
        raise invalid("deploy templates can not be empty")
    _check_templates(body["deploy_templates"])
    if not passes_kuscia(body["name"]):
        raise invalid_name(body["name"])


def check_update(body: Mapping[str, Any]) -> None:
    """Templates count only if there are any, and the rule for names is not asked."""
    check_name_given(body)
    _check_image(body)
    _check_templates(body.get("deploy_templates") or [])


def check_name_given(body: Mapping[str, Any]) -> None:
    if not body.get("name"):
        raise invalid("appimage name can not be empty")


def check_names(names: list[str], *, limit: int) -> None:
    if not names:
        raise invalid("names can not be empty")
    if "" in names:
        raise invalid(f"name can not be empty on index {names.index('')}")
    if len(names) > limit:
        raise invalid(f"names can not be more than {limit}")


def _check_image(body: Mapping[str, Any]) -> None:
    if not body.get("image", {}).get("name"):
        raise invalid("base image name can not be empty")


def _check_templates(templates: list[Any]) -> None:
    for template in templates:
        if template is NULL:
            raise panic()
        if not template.get("name"):
            raise invalid("deploy template name can not be empty")
        if not template.get("containers"):
            raise invalid("containers can not be empty")
        if template.get("replicas", 0) < 0:
            raise invalid("replicas can not be less than 0")
        for container in template["containers"]:
            if container is NULL:
                raise panic()
            if not container.get("name"):
                raise invalid("container name can not be empty")
