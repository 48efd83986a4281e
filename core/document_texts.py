"""The sentences for the codes of `core.documents`, rule and example, and how a file is refused with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from core.documents import Notice
from core.errors import DomainError

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

_SHOWN = 100  # faults or warnings of one file
_TOLD = 10  # of those in one sentence

FILE_TEXTS: dict[str, _StrPromise] = {
    "too_large": _("The file is too large; at most {limit} MB are allowed. Split it into several files."),
    "nul": _("The file contains NUL bytes, so it is no text. Give a YAML or JSON file, for example app_image.yaml."),
    "encoding": _("The file is not in UTF-8. Save it as UTF-8, for example with your editor's “Save as”."),
    "character": _(
        "The file contains a control character, which YAML does not allow. Write it as an escape in quotes, for "
        'example "\\x07".'
    ),
    "no_yaml": _(
        'The file is no valid YAML here ({problem}). Check indentation, quotes and colons, for example name: "app".'
    ),
    "placeholder": _('A placeholder in braces must stand in quotes here, for example "{{{{.METRIC_PORT}}}}".'),
    "too_deep": _(
        "The file is nested too deeply; at most {limit} levels are allowed. Take some out, for example lists in lists."
    ),
    "too_many": _(
        "The file holds too many values; at most {limit} are allowed, aliases counted as what they stand for. For "
        "example, split it."
    ),
    "too_long": _(
        "The file holds too much text; at most {limit} characters are allowed, aliases counted as what they stand for. "
        "For example, split it."
    ),
    "alias": _(
        "An alias (*name) stands for something that comes before it, for example ports: &ports […], then ports: *ports."
    ),
    "tag": _('The tag {tag} is not allowed. Leave it out and write the value in quotes, for example tag: "1.10".'),
    "key": _('Keys are texts. Write this one in quotes, for example "task-config.conf": value.'),
    "twice": _(
        "The key {key} stands twice in the same place, and only one of them would count. Delete one, for example the "
        "first."
    ),
    "merge": _("Merging with “<<” is not allowed. Write the keys out, for example name: app."),
    "constant": _("{text} is no number that JSON allows. Give a number, for example 1."),
}


def file_text(code: str, params: Mapping[str, Any]) -> str:
    """The sentence in the reader's language."""
    return str(FILE_TEXTS[code]).format(**params)


class FileRefused(DomainError):
    """`extra["errors"]` says for each fault where it is and what would do; `extra["warnings"]` what else was seen."""

    code = "invalid_file"
    title = _("The file cannot be imported")

    def __init__(self, faults: list[dict[str, Any]], warnings: Sequence[dict[str, Any]] = ()) -> None:
        told = "; ".join(_sentence(fault) for fault in faults[:_TOLD])
        super().__init__(told, extra={"errors": faults, **({"warnings": list(warnings)} if warnings else {})})


def worded(notices: Iterable[Notice], sentence: Callable[..., str]) -> list[dict[str, Any]]:
    """In the reader's language: `{document, line, field, message}`; `sentence` knows the codes."""
    return [
        {
            "document": notice.document or None,
            "line": notice.line,
            "field": notice.path,
            "message": sentence(notice.code, path=notice.path, params=notice.params),
        }
        for notice in list(notices)[:_SHOWN]
    ]


def _sentence(fault: dict[str, Any]) -> str:
    place = ""
    if fault["document"] and fault["line"]:
        place = str(_("document %(document)s, line %(line)s") % fault)
    elif fault["line"]:
        place = str(_("line %(line)s") % fault)
    return ": ".join(filter(None, (place, fault["field"], fault["message"])))
