"""What we write into the log of a build ourselves: codes with values, worded for whoever reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from builds.failure_texts import describe

NOTE: Final = "note"  # the kind of these lines
LEFT_OUT: Final = "left_out"

SENTENCES: Final = {
    "claimed": _("Building on %(node)s."),
    "again": _("Attempt %(attempt)s begins on %(node)s; what is above is from the one before."),
    "fetching": _("Fetching branch %(branch)s of %(url)s."),
    "revision": _("Revision %(revision)s."),
    "pointers": _(
        "Of %(count)s files only the pointers of git-lfs are in the repository, and the image gets these: %(paths)s. "
        "Have the Dockerfile fetch such files from elsewhere."
    ),
    "context": _("Files sent to the engine: %(count)s (%(size)s)."),
    "builder": _("The engine builds %(image)s with %(builder)s."),
    "label": _("Added to the image by this product: label %(label)s."),
    "already_there": _(
        "The registry has this image already, built from the same revision: %(digest)s. Nothing was built; tags never "
        "move. For a newer base image change its tag, or the files."
    ),
    "without_login": _(
        "No stored login is sent to %(host)s: not every image of the Dockerfile from there is listed in the image "
        "library."
    ),
    "login_in_doubt": _(
        "No stored login is sent to %(host)s: which images this Dockerfile takes cannot be told for certain. Usual "
        "reasons are here-documents (<<), a syntax line with a builder of its own, quotation marks in flags (--…), and "
        "ARG or FROM lines with more than plain names, values and variables (${A:-b}, an ARG made of another one)."
    ),
    "built": _("Built: %(image)s."),
    "pushing": _("Pushing %(image)s."),
    "pushed": _("The registry has it: %(digest)s."),
    "cancelled": _("Cancelled; the engine has been stopped."),
    "cancelled_late": _("Cancelled, but the push was through: the registry has %(digest)s."),
    "interrupted": _("The worker is being restarted; another attempt follows."),
    "retry": _("Failed: %(cause)s Another attempt follows in %(delay)s s."),
    "failed": _("Failed: %(cause)s"),
}


def sentence(text: Mapping[str, Any]) -> str:
    """In the reader's language. A stored error code becomes its cause."""
    values = dict(text.get("values", {}))
    if text["code"] == LEFT_OUT:
        count = values["count"]
        return ngettext("%(count)s line was left out.", "%(count)s lines were left out.", count) % {"count": count}
    if "error_code" in values:
        values["cause"] = describe(values.pop("error_code"), values.pop("params", {})).cause
    return str(SENTENCES[text["code"]]) % values
