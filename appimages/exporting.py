"""AppImages as Kuscia's files. What `appimages.importing` reads of them is the same document, byte by byte. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import yaml

from appimages.importing.manifests import GROUP, KIND, VERSION
from appimages.schema import Document, completed

# Written without quotes, if YAML 1.1 reads it as nothing else than text.
_PLAIN_KEY = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
_OTHER_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


def manifest_of(name: str, document: Document) -> dict[str, Any]:
    """The resource that Kuscia reads; it wants some texts to be there, be they empty."""
    return {"apiVersion": f"{GROUP}/{VERSION}", "kind": KIND, "metadata": {"name": name}, "spec": completed(document)}


def export_yaml(app_images: Iterable[tuple[str, Document]]) -> str:
    """One document for each of the pairs of name and document."""
    manifests = [manifest_of(name, document) for name, document in app_images]
    return yaml.dump_all(
        manifests,
        Dumper=_Dumper,
        explicit_start=len(manifests) > 1,
        sort_keys=False,
        allow_unicode=True,
        width=1_000_000,
    )


def export_json(app_images: Iterable[tuple[str, Document]]) -> str:
    """One resource, or a `List` of several."""
    manifests = [manifest_of(name, document) for name, document in app_images]
    whole = manifests[0] if len(manifests) == 1 else {"apiVersion": "v1", "kind": "List", "items": manifests}
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


class _Dumper(yaml.CSafeDumper):
    """Texts in quotes: whoever reads them by the rules of YAML 1.1 must not find numbers, dates or truths in them."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    """Lines as a block; what a block would not keep, such as blanks at the ends of lines, gets quotes all the same."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else '"')


def _mapping(dumper: _Dumper, data: dict[str, Any]) -> yaml.MappingNode:
    node = dumper.represent_mapping("tag:yaml.org,2002:map", data)
    for key, _value in node.value:
        key.style = None if _PLAIN_KEY.fullmatch(key.value) and key.value.lower() not in _OTHER_WORDS else '"'
    return node


_Dumper.add_representer(str, _text)
_Dumper.add_representer(dict, _mapping)
