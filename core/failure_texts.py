"""The sentences that explain a failure to a person: what it is called, why it happened, what to do.

Every app keeps the sentences of its own codes in its `failure_texts.py`; here is what they share. Sentences may hold
`%(name)s` parameters; one that is not known is replaced by a stand-in, so no sentence ever shows a placeholder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, slots=True)
class FailureText:
    """`title` is three to six words, `cause` one sentence, `advice` what an operator can do about it."""

    title: str | _StrPromise
    cause: str | _StrPromise
    advice: str | _StrPromise


COMMON_TEXTS: Mapping[str, FailureText] = {
    "secret_unreadable": FailureText(
        _("Stored secret cannot be decrypted"),
        _("A stored password or key was encrypted with a key that is no longer configured."),
        _(
            "Put the old key back into IMAGELIB_FIELD_KEYS, or enter the secret again in Registry endpoints or "
            "Compute nodes."
        ),
    ),
    "internal_error": FailureText(
        _("Error in this product"),
        _("An unexpected error occurred in this product itself."),
        _(
            "Search the log for the number given as evidence and report it with the log lines around it. Trying "
            "again may help."
        ),
    ),
    "unknown": FailureText(
        _("Error not recognised"),
        _("The reason is not among those that this product recognises."),
        _(
            "Read the evidence: it holds the original words. Try once more; if it stays so, look at the logs of the "
            "engine and of the registry."
        ),
    ),
}


def render(
    texts: Mapping[str, FailureText],
    code: str,
    params: Mapping[str, object] | None = None,
    *,
    stand_ins: Mapping[str, str | _StrPromise],
) -> FailureText:
    """The texts of `code` as plain strings in the active language, parameters filled in.

    A code without texts (a row written by another version) gives those of "unknown". Lists become "a, b".
    """
    text = texts.get(code) or COMMON_TEXTS["unknown"]
    values = {name: str(stand_in) for name, stand_in in stand_ins.items()}
    values |= {name: plain(value) for name, value in (params or {}).items() if value not in ("", None, [], ())}
    return FailureText(str(text.title) % values, str(text.cause) % values, str(text.advice) % values)


def plain(value: object) -> str:
    """A parameter as text."""
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return str(value)
