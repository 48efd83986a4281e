"""What a check asks and what came out, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext, pgettext_lazy

from builds.checking import FAILED, PASSED, UNKNOWN, WARNED, by_weight
from imagelib.registry import UNREACHABLE_CODES
from pulls.failure_texts import describe
from pulls.sizes import human_bytes

TITLES: dict[str, Any] = {
    "exists": _("Exists"),
    "digest": _("Digest"),
    "size": pgettext_lazy("of an image", "Size"),
    "platforms": _("Platforms"),
    "libc": _("C library and GPU slices"),
    "source": _("Origin"),
    "vulnerabilities": _("Vulnerabilities"),
}
VERDICTS: dict[str, Any] = {
    PASSED: _("fine"),
    WARNED: _("look at this"),
    FAILED: _("in the way"),
    UNKNOWN: _("not known"),
}
VERDICT_COLOURS = {PASSED: "success", WARNED: "warning", FAILED: "danger", UNKNOWN: "default"}
# What all checks together mean for the decision.
SUMMARIES: dict[str, Any] = {
    PASSED: _("Every check is fine."),
    WARNED: _("It can be approved. To be looked at first: %(titles)s."),
    FAILED: _("In the way of an approval: %(titles)s."),
    UNKNOWN: _("Nothing is in the way. Not known: %(titles)s."),
}
SEVERITY_COLOURS = {"Critical": "danger", "High": "danger", "Medium": "warning"}
SEVERITIES: dict[str, Any] = {
    "Critical": _("critical"),
    "High": _("high"),
    "Medium": _("medium"),
    "Low": _("low"),
    "Negligible": _("negligible"),
    "Unknown": _("of unknown severity"),
}
_SENTENCES: dict[str, Any] = {
    "image_there": _("The registry has the image."),
    "digest_pinned": _("%(digest)s. The entry is pinned to it, wherever the tag goes later."),
    "digest_of_build": _("%(digest)s, the same that the build pushed."),
    "digest_not_of_build": _(
        "The tag leads to %(digest)s now, but the build pushed %(built)s. Submit the image that is wanted by a "
        "reference with its digest instead, for example registry.example.com/team/app@%(built)s."
    ),
    "size_known": _("%(size)s to download for the largest platform."),
    "size_unknown": _("The registry does not say how large the layers are."),
    "size_beyond_disks": _(
        "%(size)s to download; unpacking may need %(needed)s, and no connected node has more than %(free)s free."
    ),
    "platforms_of_all_nodes": _("%(platforms)s: all connected nodes can run it."),
    "platforms_of_some_nodes": _("%(platforms)s: nodes of %(nodes)s cannot run it."),
    "platforms_of_no_node": _("%(platforms)s: none of the connected nodes (%(nodes)s) can run it."),
    "platforms_without_nodes": _("%(platforms)s. No listed node is connected to compare with."),
    "libc_glibc": _(
        "%(libc)s: GPU memory slices are possible. Whether it is recent enough for a node's library is decided when a "
        "container is made."
    ),
    "libc_musl": _("musl: GPU memory slices do not work with it, whole cards do."),
    "libc_none": _("No C library was found: GPU memory slices do not work without glibc."),
    "libc_unknown": _("It could not be found out which C library the image has."),
    "libc_zstd": _("Its layers are packed with zstd, which is not read here: the C library is not known."),
    "libc_unreadable": _("A layer could not be read: the C library is not known."),
    "libc_beyond_limit": _(
        "The first gigabyte of its layers, or what came of it in ten minutes, does not tell the C library."
    ),
    "source_known": _("Revision %(revision)s of %(source)s."),
    "source_partly": _("It names its origin only in part: %(known)s."),
    "source_unknown": _("Its labels do not say what it was made of."),
    "scanner_not_configured": _("No scanner is configured, so nobody looked for vulnerabilities."),
    "scanner_without_manifest": _("There is nothing that the scanner could look at."),
    "scanner_unreachable": _("The vulnerability scanner does not answer."),
    "scanner_refused": _("The vulnerability scanner refused the image."),
    "scanner_failed": _("The vulnerability scanner failed."),
    "scanner_unsupported": _("The vulnerability scanner cannot look at this kind of image."),
    "scanner_bad_answer": _("The vulnerability scanner's answer could not be understood."),
    "scanner_too_slow": _("The vulnerability scanner did not finish within ten minutes."),
    "vulnerabilities_none": _("%(scanner)s found none."),
    "vulnerabilities_few": _("%(scanner)s found %(counts)s."),
    "vulnerabilities_grave": _("%(scanner)s found %(counts)s. The worst: %(worst)s"),
}  # fmt: skip
_INSIDE = frozenset({"source", "vulnerabilities"})  # what these say of an image tells what is in it
_FOR_OPERATORS = _("Only operators see this: the registry was asked with a login that is stored here.")
_NOT_ASKED = _("The registry could not be asked from here.")


def summary(checks: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """`{verdict, text}`: the gravest verdict, and which checks have it."""
    gravest = by_weight(checks)[0]["verdict"]
    separator = pgettext("between the titles of checks", ", ")
    titles = separator.join(str(TITLES[check["key"]]) for check in checks if check["verdict"] == gravest)
    return {"verdict": gravest, "text": str(SUMMARIES[gravest]) % {"titles": titles}}


def worded(check: Mapping[str, Any], *, for_operator: bool, own: bool = False) -> dict[str, Any]:
    """`{key, title, verdict, verdict_text, code, text}`, and for vulnerabilities `counts` and `worst`.

    Who is no operator does not learn how a host that cannot be asked refused: anybody may name any host. Nor what is in
    an image that a stored login was needed for, unless it is that of an `own` build: anybody may name any image.
    """
    code, params = check["code"], check.get("params", {})
    if check["key"] in _INSIDE and check["verdict"] != UNKNOWN and not (for_operator or own or params.get("anonymous")):
        return for_operators(check["key"])
    hidden = not for_operator and code in UNREACHABLE_CODES
    shown = {
        "key": check["key"],
        "title": str(TITLES[check["key"]]),
        "verdict": check["verdict"],
        "verdict_text": str(VERDICTS[check["verdict"]]),
        "code": "registry_unreachable" if hidden else code,
        "text": str(_NOT_ASKED) if hidden else _sentence(code, params),
    }
    if check["key"] == "vulnerabilities":
        shown |= {"counts": params.get("counts", {}), "worst": params.get("worst", [])}
    return shown


def for_operators(key: str) -> dict[str, Any]:
    """In the place of a check that others do not get to see."""
    shown = {"key": key, "title": str(TITLES[key]), "verdict": UNKNOWN, "verdict_text": str(VERDICTS[UNKNOWN])}
    return shown | {"code": "for_operators", "text": str(_FOR_OPERATORS)}


def _sentence(code: str, params: Mapping[str, Any]) -> str:
    if code not in _SENTENCES:
        return str(describe(code, params).cause)
    return str(_SENTENCES[code]) % {name: _plain(name, value) for name, value in params.items()}


def _plain(name: str, value: Any) -> str:
    if name in ("size", "needed", "free"):
        return human_bytes(value)
    if name == "counts":
        return ", ".join(f"{count} {SEVERITIES[severity]}" for severity, count in value.items())
    if name == "worst":
        return "; ".join(f"{row['id']} ({row['package']} {row['version']})" for row in value[:3])
    return ", ".join(value) if isinstance(value, list) else str(value)
