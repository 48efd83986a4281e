"""A stand-in for a vulnerability scanner: it takes what the published API takes, and nothing else.

https://github.com/goharbor/pluggable-scanner-spec (1.1): media types, required fields, status codes and headers.
"""

from __future__ import annotations

import json
import re
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.serving import serving

SCAN = "application/vnd.scanner.adapter.scan.request+json; version=1.0"
SCANNED = "application/vnd.scanner.adapter.scan.response+json; version=1.0"
METADATA = "application/vnd.scanner.adapter.metadata+json; version=1.0"
REPORT = "application/vnd.security.vulnerability.report; version=1.1"
ERROR = "application/vnd.scanner.adapter.error; version=1.0"
MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def vulnerability(number: int, severity: str, **values: str) -> dict[str, Any]:
    usual = {
        "id": f"CVE-2026-{number:04}", "package": "dpkg", "version": "1.17.27", "fix_version": "1.18.0",
        "severity": severity, "description": "…", "links": ["https://example.com/"], "artifact_digests": [],
    }  # fmt: skip
    return {**usual, **values}


@dataclass
class State:
    """What a test sets, and what it may look at."""

    token: str = ""
    vulnerabilities: list[dict[str, Any]] = field(default_factory=list)
    rounds: int = 1  # so often the report is not ready
    consumes: tuple[str, ...] = MANIFESTS
    produces: tuple[str, ...] = (REPORT,)
    broken: dict[str, tuple[int, bytes]] = field(default_factory=dict)  # path → answer instead of the right one
    scans: list[dict[str, Any]] = field(default_factory=list)
    polls: int = 0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ScannerServer

    def do_GET(self) -> None:
        state = self.server.state
        if self._stopped():
            return
        if self.path == "/base/api/v1/metadata":
            self._metadata(state)
        elif report := re.fullmatch(r"/base/api/v1/scan/(\d+)/report", self.path):
            self._report(state, int(report[1]))
        else:
            self._error(404, "no such path")

    def do_POST(self) -> None:
        state = self.server.state
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self._stopped():
            return
        if self.path != "/base/api/v1/scan":
            self._error(404, "no such path")
        elif self.headers.get("Content-Type") != SCAN:
            self._error(415, "not the media type of a scan request")
        elif fault := _fault_of(json.loads(body)):
            self._error(422, fault)
        else:
            state.scans.append(json.loads(body))
            self._send(202, SCANNED, {"id": str(len(state.scans))})

    def _stopped(self) -> bool:
        state = self.server.state
        if state.token and self.headers.get("Authorization") != f"Bearer {state.token}":
            self._error(401, "unauthorized")
            return True
        if self.path in state.broken:
            status, body = state.broken[self.path]
            self._raw(status, "application/json", body)
            return True
        return False

    def _metadata(self, state: State) -> None:
        if METADATA not in self.headers.get("Accept", ""):
            return self._error(406, "metadata come as their own media type")
        able = {"consumes_mime_types": list(state.consumes), "produces_mime_types": list(state.produces)}
        scanner = {"name": "Stand-in", "vendor": "tests", "version": "1.0"}
        self._send(200, METADATA, {"scanner": scanner, "capabilities": [able], "properties": {}})

    def _report(self, state: State, number: int) -> None:
        if not 0 < number <= len(state.scans):
            return self._error(404, "no such scan")
        if self.headers.get("Accept") != REPORT:
            return self._error(406, "no such report")
        state.polls += 1
        if state.polls <= state.rounds:
            self.send_response(302)
            self.send_header("Location", self.path)
            self.send_header("Refresh-After", "1")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        artifact = state.scans[number - 1]["artifact"]
        found = {"generated_at": "2026-11-26T01:00:00Z", "artifact": artifact, "scanner": {"name": "Stand-in"},
                 "severity": "High", "vulnerabilities": state.vulnerabilities}  # fmt: skip
        return self._send(200, REPORT, found)

    def _error(self, status: int, message: str) -> None:
        self._send(status, ERROR, {"error": {"message": message}})

    def _send(self, status: int, kind: str, body: Any) -> None:
        self._raw(status, kind, json.dumps(body).encode())

    def _raw(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


def _fault_of(asked: Any) -> str:
    registry, artifact = asked.get("registry"), asked.get("artifact")
    if set(asked) != {"registry", "artifact"}:
        return "registry and artifact are required"
    if not re.fullmatch(r"https?://[^/]+", registry.get("url", "")):
        return "registry.url is no base address"
    if not re.fullmatch(r"(Basic|Bearer) \S+", registry.get("authorization", "Basic x")):
        return "registry.authorization is no header"
    if not artifact.get("repository") or not DIGEST.fullmatch(artifact.get("digest", "")):
        return "artifact.repository and artifact.digest are required"
    if artifact.get("mime_type") not in MANIFESTS:
        return "artifact.mime_type is not consumed here"
    return ""


class ScannerServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.state = State()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/base"


def scanner_server() -> AbstractContextManager[ScannerServer]:
    return serving(ScannerServer())
