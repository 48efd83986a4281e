"""What Kuscia's API cannot say survives an update through it: GPUs, port numbers, network policies and so on.

Kept is what the message tables do not name, for the template and the container of the same name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appimages.kuscia.fields import Kind, Message
from appimages.kuscia.messages import CONTAINER, DEPLOY_TEMPLATE, ENV, ENV_FROM, HTTP_GET, RESOURCES, TCP_SOCKET

Stored = Mapping[str, Any]
_OF_THE_CRD = {"spec"}  # where it has what the API has one level higher


def kept_templates(old: list[Any], new: list[Any]) -> list[Any]:
    """The new templates, with what only the old ones of the same name can say."""
    before = {template.get("name"): template for template in reversed(old)}
    return [_template(before.get(template["name"], {}), template) for template in new]


def _template(old: Stored, new: Stored) -> dict[str, Any]:
    spec, old_spec = dict(new["spec"]), old.get("spec") or {}
    found = {**_unsaid(DEPLOY_TEMPLATE, old), **new}
    found["spec"] = {**_unsaid(DEPLOY_TEMPLATE, old_spec), **spec}
    found["spec"]["containers"] = _paired(CONTAINER, old_spec.get("containers") or [], spec["containers"])
    return found


def _kept(message: Message, old: Stored, new: Stored) -> dict[str, Any]:
    found = {**new, **_unsaid(message, old)}
    for field in message.fields:
        before, now = old.get(field.camel), new.get(field.camel)
        if field.message is RESOURCES and before:
            found[field.camel] = _resources(before, now or {})
            if not found[field.camel]:
                del found[field.camel]
        elif field.kind is Kind.MESSAGE and before is not None and now is not None:
            found[field.camel] = _kept(field.message, before, now)
        elif field.kind is Kind.MESSAGES and before and now:
            found[field.camel] = _paired(field.message, before, now)
    if message in (HTTP_GET, TCP_SOCKET) and "port" not in new and isinstance(old.get("port"), int):
        found["port"] = old["port"]  # a number, which the API shows as an empty text
    if message is ENV and "value" in new:
        found.pop("valueFrom", None)  # it has a value now
    return found


def _paired(message: Message, old: list[Any], new: list[Any]) -> list[Any]:
    before = {_identity(message, item): item for item in reversed(old)}
    return [_kept(message, before.get(_identity(message, item), {}), item) for item in new]


def _identity(message: Message, item: Stored) -> Any:
    if message is ENV_FROM:
        return item.get("prefix", ""), *((item.get(ref) or {}).get("name", "") for ref in ("configMapRef", "secretRef"))
    return item.get("name", "")


def _resources(old: Stored, new: Stored) -> dict[str, Any]:
    """Amounts that the API does not know (GPUs) stay, whatever becomes of cpu and memory."""
    found = {**new, **_unsaid(RESOURCES, old)}
    for field in RESOURCES.fields:
        amounts = {**new.get(field.camel, {}), **_unsaid(field.message, old.get(field.camel) or {})}
        if amounts:
            found[field.camel] = amounts
    return found


def _unsaid(message: Message, old: Stored) -> dict[str, Any]:
    said = {field.camel for field in message.fields} | _OF_THE_CRD
    return {key: value for key, value in old.items() if key not in said}
