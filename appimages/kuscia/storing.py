"""From a request to the document that is stored: the CRD's names and shape, amounts in canonical form, defaults set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appimages.kuscia.fields import NULL, Kind, Message
from appimages.kuscia.messages import CONTAINER, DEPLOY_TEMPLATE, ENV_FROM, IMAGE, PORT, RESOURCES
from appimages.kuscia.refusals import panic
from appimages.quantity import NoQuantity, canonical

_EMPTY: tuple[Any, ...] = ("", [], {}, 0)
DEFAULT_REPLICAS = 1


class BadAmount(ValueError):
    """A cpu or memory that is no amount."""


def document_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """The document for the parts that a request has. Raises `BadAmount`."""
    document: dict[str, Any] = {}
    if "image" in body:
        image = {"name": "", "tag": "", **plain(IMAGE, body["image"])}
        document["image"] = image
    if body.get("config_templates"):
        document["configTemplates"] = dict(body["config_templates"])
    if body.get("deploy_templates"):
        document["deployTemplates"] = [_template(template) for template in body["deploy_templates"]]
    return document


def plain(message: Message, sent: Mapping[str, Any]) -> dict[str, Any]:
    """A message with the CRD's names, without what is empty."""
    found: dict[str, Any] = {}
    for field in message.fields:
        value = sent.get(field.name)
        if field.kind is Kind.MESSAGE:
            if value is not None:
                found[field.camel] = _SPECIAL.get(field.message, plain)(field.message, value)
        elif field.kind is Kind.MESSAGES and value:
            found[field.camel] = [_element(field.message, item) for item in value]
        elif value is not None and value not in _EMPTY:
            found[field.camel] = value
    return found


def _element(message: Message, sent: Any) -> dict[str, Any]:
    if sent is NULL:
        raise panic()
    return _SPECIAL.get(message, plain)(message, sent)


def _template(sent: Mapping[str, Any]) -> dict[str, Any]:
    """The CRD has what concerns containers in a `spec` of its own."""
    found = plain(DEPLOY_TEMPLATE, sent)
    spec = {key: found.pop(key) for key in ("restartPolicy", "containers") if key in found}
    return {**found, "replicas": sent.get("replicas", DEFAULT_REPLICAS), "spec": spec}


def _port(message: Message, sent: Mapping[str, Any]) -> dict[str, Any]:
    return {"protocol": "HTTP", "scope": "Local", **plain(message, sent)}


def _env_from(message: Message, sent: Mapping[str, Any]) -> dict[str, Any]:
    alias = sent.get("secret_map_ref")
    return plain(message, {"secret_ref": alias, **sent} if alias else sent)


def _resources(message: Message, sent: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for part in message.fields:
        amounts = {
            name: _amount(f"{part.name.removesuffix('s')} {name}", text)
            for name, text in (sent.get(part.name) or {}).items()
            if text
        }
        if amounts:
            found[part.camel] = amounts
    return found


def _amount(what: str, text: str) -> str:
    try:
        return canonical(text)
    except NoQuantity as error:
        raise BadAmount(f"can't parse {what} {text} to resource quantity, {error}") from None


def _container(message: Message, sent: Mapping[str, Any]) -> dict[str, Any]:
    found = plain(message, sent)
    if not found.get("resources"):
        found.pop("resources", None)
    return found


_SPECIAL: dict[Message, Any] = {PORT: _port, ENV_FROM: _env_from, RESOURCES: _resources, CONTAINER: _container}
