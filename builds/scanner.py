"""A vulnerability scanner that speaks the Pluggable Image Vulnerability Scanning API of Harbor, version 1.1. Pure.

https://github.com/goharbor/pluggable-scanner-spec: `POST /api/v1/scan`, then `GET /api/v1/scan/{id}/report` until it is
no longer answered with 302 and `Refresh-After`. Adapters of Trivy, Clair and others implement it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from builds.http_calls import Called, CallFailed, call

SEVERITIES = ("Critical", "High", "Medium", "Low", "Negligible", "Unknown")  # worst first
SHOWN = 10  # of the worst vulnerabilities
REPORT = "application/vnd.security.vulnerability.report; version=1.1"
_METADATA = "application/vnd.scanner.adapter.metadata+json; version=1.0"
_SCAN = "application/vnd.scanner.adapter.scan.request+json; version=1.0"
_ACCEPTED = "application/vnd.scanner.adapter.scan.response+json; version=1.0"
_SECONDS = 30.0  # for one answer
_SMALL, _LARGEST_REPORT = 1 << 20, 64 << 20  # bytes


class ScannerError(Exception):
    """`code`: scanner_unreachable, scanner_refused, scanner_failed, scanner_unsupported, scanner_bad_answer,
    scanner_too_slow. `evidence` is the scanner's own words."""

    def __init__(self, code: str, evidence: str = "") -> None:
        super().__init__(code)
        self.code, self.evidence = code, evidence


@dataclass(frozen=True, slots=True)
class Artifact:
    """What is to be scanned, and where the scanner gets it. `authorization` is a header's value, or empty."""

    registry: str  # http[s]://host[:port]
    authorization: str
    repository: str
    digest: str
    tag: str
    media_type: str


@dataclass(frozen=True, slots=True)
class Report:
    """How many vulnerabilities of which severity, and the worst of them."""

    scanner: str
    counts: Mapping[str, int]
    worst: tuple[Mapping[str, str], ...]  # id, package, version, fix_version, severity


class Scanner:
    """`wait(seconds)` sleeps, and may raise to give up; `monotonic` gives seconds."""

    def __init__(self, url: str, token: str, *, wait: Callable[[float], None], monotonic: Callable[[], float]) -> None:
        self._base = url.rstrip("/") + "/api/v1"
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._wait, self._monotonic = wait, monotonic

    def scan(self, artifact: Artifact, *, at_most: float = 600.0) -> Report:
        """Scan it and wait for the report, `at_most` seconds. Raises `ScannerError`."""
        deadline = self._monotonic() + at_most
        name = self._check(artifact.media_type)
        number = self._begin(artifact)
        path = f"/scan/{quote(number, safe='')}/report"
        while True:
            reply = self._ask("GET", path, accept=REPORT, limit=_LARGEST_REPORT)
            if reply.status == 200:
                return _report(_json(reply), name)
            if reply.status != 302:
                raise _refusal(reply)
            if self._monotonic() >= deadline:
                raise ScannerError("scanner_too_slow")
            self._wait(_pause(reply))

    def _check(self, media_type: str) -> str:
        """Name and version of the scanner; `scanner_unsupported` when it cannot do this."""
        found = _json(self._expect(self._ask("GET", "/metadata", accept=_METADATA), 200))
        for able in _objects(found.get("capabilities")):
            if media_type in _texts(able.get("consumes_mime_types")) and _normal(REPORT) in map(
                _normal, _texts(able.get("produces_mime_types"))
            ):
                about = found.get("scanner")
                about = about if isinstance(about, dict) else {}
                return " ".join(filter(None, (_text(about, "name"), _text(about, "version"))))[:100]
        raise ScannerError("scanner_unsupported", media_type)

    def _begin(self, artifact: Artifact) -> str:
        registry = {"url": artifact.registry}
        if artifact.authorization:
            registry["authorization"] = artifact.authorization
        about = {
            "repository": artifact.repository, "digest": artifact.digest, "mime_type": artifact.media_type,
        } | ({"tag": artifact.tag} if artifact.tag else {})  # fmt: skip
        body = json.dumps({"registry": registry, "artifact": about}).encode()
        reply = self._expect(self._ask("POST", "/scan", accept=_ACCEPTED, body=body), 202)
        number = _json(reply).get("id")
        if not isinstance(number, str) or not number:
            raise ScannerError("scanner_bad_answer", "no id of the scan")
        return number

    def _ask(self, method: str, path: str, *, accept: str, body: bytes = b"", limit: int = _SMALL) -> Called:
        headers = {"Accept": accept, **({"Content-Type": _SCAN} if body else {}), **self._headers}
        try:
            return call(method, self._base + path, headers=headers, body=body, seconds=_SECONDS, limit=limit)
        except CallFailed as error:
            raise ScannerError("scanner_unreachable", error.evidence) from None

    def _expect(self, reply: Called, status: int) -> Called:
        if reply.status != status:
            raise _refusal(reply)
        return reply


def _refusal(reply: Called) -> ScannerError:
    try:
        error = _json(reply).get("error")
    except ScannerError:
        error = None
    words = f"HTTP {reply.status} {_text(error, 'message') if isinstance(error, dict) else ''}".strip()
    return ScannerError("scanner_failed" if reply.status >= 500 else "scanner_refused", words[:300])


def _pause(reply: Called) -> float:
    asked = reply.headers.get("Refresh-After", "")
    return min(max(float(asked), 1.0), 60.0) if asked.isascii() and asked.isdigit() else 5.0


def _report(found: Mapping[str, Any], scanner: str) -> Report:
    rows = _objects(found.get("vulnerabilities") or [])
    counts = Counter(_severity(row) for row in rows)
    worst = sorted(rows, key=lambda row: (SEVERITIES.index(_severity(row)), not _text(row, "fix_version")))[:SHOWN]
    keys = ("id", "package", "version", "fix_version")
    shown = tuple({**{key: _text(row, key)[:100] for key in keys}, "severity": _severity(row)} for row in worst)
    return Report(scanner, {name: counts[name] for name in SEVERITIES if counts[name]}, shown)


def _severity(row: Mapping[str, Any]) -> str:
    said = _text(row, "severity")
    return said if said in SEVERITIES else "Unknown"


def _json(reply: Called) -> dict[str, Any]:
    try:
        found = json.loads(reply.body)
    except (ValueError, RecursionError):
        raise ScannerError("scanner_bad_answer", "not JSON") from None
    if not isinstance(found, dict):
        raise ScannerError("scanner_bad_answer", "not a JSON object")
    return found


def _objects(value: object) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ScannerError("scanner_bad_answer", "not a list of objects")
    return value


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    return value if isinstance(value, str) else ""


def _normal(media_type: str) -> str:
    return "".join(media_type.lower().split())
