"""From a raw document to the canonical one, or to the list of its faults. Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from appimages.schema.context import Reading
from appimages.schema.parts import AppImageSpec
from core.documents import Location, path_of

Document = dict[str, Any]

# What an import notes and takes all the same; the API refuses it, except what its messages cannot tell.
_FORGIVEN = frozenset({"unknown_key", "protocol_tcp", "null_text", "working_dir"})
# pydantic's names of the faults that its own checks find.
_CODES = {
    "missing": "missing", "extra_forbidden": "unknown_key", "list_type": "list", "dict_type": "object",
    "model_type": "object", "too_short": "too_few", "greater_than_equal": "negative",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong with a document, or worth a warning. `appimages.schema_texts` has the sentence of the code."""

    at: Location
    code: str
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """`deployTemplates[0].spec.containers[1].ports[0].protocol`"""
        return path_of(self.at)


class DocumentError(ValueError):
    """A document that is no AppImage; `findings` say why, one for each place."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("; ".join(f"{finding.path}: {finding.code}" for finding in findings))
        self.findings = findings


def read_document(raw: Any, *, strict: bool) -> tuple[Document, tuple[Finding, ...]]:
    """The canonical document and the warnings; raises `DocumentError`.

    `strict` refuses all that the CRD refuses; a text that is absent counts as empty, because API messages cannot tell.
    Otherwise, for files, some faults only cause warnings: unknown keys (they are dropped), protocol TCP, an unquoted
    `null` as text, a missing working directory. Reading what was read gives the same document again.
    """
    reading = Reading(absent_is_empty=strict, tolerant=False)
    try:
        return AppImageSpec.model_validate(raw, context=reading).canonical(), ()
    except ValidationError as error:
        findings = tuple(map(_finding, error.errors(include_url=False, include_input=False)))
    fatal = tuple(finding for finding in findings if strict or finding.code not in _FORGIVEN)
    if fatal:
        raise DocumentError(fatal)
    spec = AppImageSpec.model_validate(raw, context=Reading(absent_is_empty=False, tolerant=True))
    return spec.canonical(), findings


def completed(document: Document) -> Document:
    """With the texts that the CRD wants to be there, which the API leaves out when they are empty.

    A document by other rules, which nothing should have stored, stays as it is: whoever asks for it must see it.
    """
    try:
        spec = AppImageSpec.model_validate(document, context=Reading(absent_is_empty=True, tolerant=True))
    except ValidationError:
        return copy.deepcopy(document)
    found = spec.canonical()
    for template in found["deployTemplates"]:
        for container in template["spec"]["containers"]:
            container.setdefault("workingDir", "")
    return found


def _finding(error: Any) -> Finding:
    at, code = error["loc"], _CODES.get(error["type"], error["type"])
    if code == "missing" and at[-1] == "workingDir":
        code = "working_dir"
    return Finding(at, code, error.get("ctx", {}))
