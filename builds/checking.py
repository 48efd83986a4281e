"""What the facts about a submitted image mean: one check for each question that an operator would ask. Pure.

A check is stored as `{key, verdict, code, params}` and worded when it is shown (`builds.check_texts`). Only a failed
one stands in the way of an approval; a warning is for the operator to judge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from builds.scanner import Report
from imagelib.registry import Platform
from imagelib.registry.platforms import choose

KEYS = ("exists", "digest", "size", "platforms", "libc", "source", "vulnerabilities")
PASSED, WARNED, FAILED, UNKNOWN = "passed", "warned", "failed", "unknown"
UNPACKED = 3  # times its compressed size, as an image may need while it is pulled
# What a registry says when nothing can be pulled under this name.
ABSENT = frozenset(
    {"image_not_found", "repository_not_found", "digest_not_found", "image_incomplete", "not_an_image",
     "schema1_unsupported"}
)  # fmt: skip
_GRAVE = ("Critical", "High")


@dataclass(frozen=True, slots=True)
class Check:
    key: str
    verdict: str
    code: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {"key": self.key, "verdict": self.verdict, "code": self.code, "params": dict(self.params)}


@dataclass(frozen=True, slots=True)
class Fleet:
    """The connected nodes: their platforms, and the free bytes of the emptiest disk (None: not known)."""

    platforms: Sequence[str] = ()
    free: int | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What a registry said of an image. `size` is that of the largest platform, compressed."""

    digest: str
    size: int | None
    platforms: Sequence[str]
    libc: str = ""  # "glibc 2.36", "musl", "none"; empty: not known
    libc_unknown: str = ""  # why
    created: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    anonymous: bool = False  # the registry tells everybody


def checks_of(facts: Facts, *, built: str, fleet: Fleet, report: Report | str) -> list[Check]:
    """All checks in the order of `KEYS`. `built` is the digest that the build pushed, empty for a reference that was
    typed; `report` is the scanner's, or the code of why there is none."""
    open_to_all = {"anonymous": True} if facts.anonymous else {}
    source, found = check_source(facts.created, facts.labels), check_vulnerabilities(report)
    return [
        Check("exists", PASSED, "image_there"),
        check_digest(facts.digest, built),
        check_size(facts.size, fleet),
        check_platforms(facts.platforms, fleet),
        check_libc(facts.libc, facts.libc_unknown),
        replace(source, params={**source.params, **open_to_all}),
        replace(found, params={**found.params, **open_to_all}),
    ]


def absent(code: str, params: Mapping[str, Any]) -> list[Check]:
    """The registry says that there is no such image: nothing else can be known."""
    return [Check("exists", FAILED, code, params)]


def not_known(code: str, params: Mapping[str, Any]) -> list[Check]:
    """The registry could not be asked."""
    return [Check("exists", UNKNOWN, code, params)]


def check_digest(digest: str, built: str) -> Check:
    if built and built != digest:
        return Check("digest", FAILED, "digest_not_of_build", {"digest": digest, "built": built})
    return Check("digest", PASSED, "digest_of_build" if built else "digest_pinned", {"digest": digest})


def check_size(size: int | None, fleet: Fleet) -> Check:
    if size is None:
        return Check("size", UNKNOWN, "size_unknown")
    needed = size * UNPACKED
    if fleet.free is not None and needed > fleet.free:
        return Check("size", WARNED, "size_beyond_disks", {"size": size, "needed": needed, "free": fleet.free})
    return Check("size", PASSED, "size_known", {"size": size})


def check_platforms(offered: Sequence[str], fleet: Fleet) -> Check:
    params: dict[str, Any] = {"platforms": list(offered)}
    if not fleet.platforms:
        return Check("platforms", UNKNOWN, "platforms_without_nodes", params)
    parsed = [Platform.parse(text) for text in offered if text.count("/") in (1, 2)]
    missing = [text for text in sorted(set(fleet.platforms)) if choose(parsed, Platform.parse(text)) is None]
    if len(missing) == len(set(fleet.platforms)):
        return Check("platforms", WARNED, "platforms_of_no_node", params | {"nodes": missing})
    if missing:
        return Check("platforms", WARNED, "platforms_of_some_nodes", params | {"nodes": missing})
    return Check("platforms", PASSED, "platforms_of_all_nodes", params)


def check_libc(libc: str, unknown: str) -> Check:
    if not libc:
        return Check("libc", UNKNOWN, unknown or "libc_unknown")
    if libc == "musl":
        return Check("libc", WARNED, "libc_musl", {"libc": libc})
    if libc == "none":
        return Check("libc", WARNED, "libc_none")
    return Check("libc", PASSED, "libc_glibc", {"libc": libc})


def may_slice(libc: str) -> bool:
    """Whether memory slices are not ruled out: the library that limits them needs glibc."""
    return libc not in ("musl", "none")


def check_source(created: str, labels: Mapping[str, str]) -> Check:
    """Whether the image says itself where it comes from."""
    revision, source = (labels.get(f"org.opencontainers.image.{name}", "")[:300] for name in ("revision", "source"))
    params = {"created": created[:40], "revision": revision, "source": source}
    if revision and source:
        return Check("source", PASSED, "source_known", params)
    if revision or source:
        return Check("source", PASSED, "source_partly", params | {"known": revision or source})
    return Check("source", WARNED, "source_unknown", params)


def check_vulnerabilities(report: Report | str) -> Check:
    if isinstance(report, str):
        return Check("vulnerabilities", UNKNOWN, report)
    params = {"scanner": report.scanner, "counts": dict(report.counts), "worst": [dict(row) for row in report.worst]}
    if any(report.counts.get(name) for name in _GRAVE):
        return Check("vulnerabilities", WARNED, "vulnerabilities_grave", params)
    found = any(report.counts.values())
    return Check("vulnerabilities", PASSED, "vulnerabilities_few" if found else "vulnerabilities_none", params)


def by_weight(checks: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What stands in the way first, then what is to be judged, what is not known, and what is fine."""
    return sorted(checks, key=lambda check: (FAILED, WARNED, UNKNOWN, PASSED).index(check["verdict"]))


def told(checks: Sequence[Check]) -> list[Check]:
    """That who submitted the image may know what its registry says of it."""
    return [replace(check, params={**check.params, "told": True}) for check in checks]


def is_told(checks: Sequence[Mapping[str, Any]]) -> bool:
    """Of stored ones. Those that do not say it are for operators."""
    return all(check.get("params", {}).get("told") for check in checks)


def fails(checks: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The stored checks that stand in the way of an approval."""
    return [check for check in checks if check.get("verdict") == FAILED]
