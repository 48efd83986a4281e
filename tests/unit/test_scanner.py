"""The vulnerability scanner's API, against a stand-in that is strict about it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User

from builds.models import Submission
from builds.scanner import Artifact, Report, Scanner, ScannerError
from builds.services import submissions
from builds.submission_work import check_submission
from tests.api import make
from tests.integration.scripted_server import ScriptedServer, scripted_server
from tests.support.scanner import MANIFESTS, ScannerServer, scanner_server, vulnerability
from tests.support.submitted import reference, serve, tools

ARTIFACT = Artifact(
    registry="https://r.example.com", authorization="", repository="team/app", digest="sha256:" + "a" * 64,
    tag="v1", media_type=MANIFESTS[0],
)  # fmt: skip


@pytest.fixture
def server() -> Iterator[ScannerServer]:
    with scanner_server() as server:
        yield server


class Clock:
    """Time that passes by waiting only."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def scan(
    server: ScannerServer, *, token: str = "", artifact: Artifact = ARTIFACT, clock: Clock | None = None
) -> Report:
    clock = clock or Clock()
    return Scanner(server.url + "/", token, wait=clock.wait, monotonic=lambda: clock.now).scan(artifact)


def refused(server: ScannerServer, **options: Any) -> ScannerError:
    with pytest.raises(ScannerError) as caught:
        scan(server, **options)
    return caught.value


def test_a_report_is_waited_for_and_counted(server: ScannerServer) -> None:
    severities = ["Low", "High", "Critical", "Low", "Sensational"]
    server.state.vulnerabilities = [vulnerability(n, severity) for n, severity in enumerate(severities)]
    server.state.rounds = 3
    clock = Clock()
    report = scan(server, clock=clock, artifact=replace(ARTIFACT, authorization="Basic dTpw"))
    assert report.scanner == "Stand-in 1.0"
    assert list(report.counts.items()) == [("Critical", 1), ("High", 1), ("Low", 2), ("Unknown", 1)]
    assert [row["id"][-1] for row in report.worst] == ["2", "1", "0", "3", "4"], "the worst come first"
    assert report.worst[0] == {
        "id": "CVE-2026-0002", "package": "dpkg", "version": "1.17.27", "fix_version": "1.18.0", "severity": "Critical",
    }  # fmt: skip
    assert clock.waits == [1.0, 1.0, 1.0], "as often as it said"
    [asked] = server.state.scans
    assert asked["registry"] == {"url": "https://r.example.com", "authorization": "Basic dTpw"}
    assert asked["artifact"]["tag"] == "v1"


def test_many_are_counted_and_some_are_told(server: ScannerServer) -> None:
    server.state.vulnerabilities = [vulnerability(n, "Medium", id="x" * 500) for n in range(300)]
    report = scan(server, artifact=replace(ARTIFACT, tag=""))
    assert report.counts == {"Medium": 300} and len(report.worst) == 10 and len(report.worst[0]["id"]) == 100
    assert "tag" not in server.state.scans[0]["artifact"]


def test_the_token_of_the_scanner(server: ScannerServer) -> None:
    server.state.token = "t0ken"
    assert refused(server).code == "scanner_refused"
    assert scan(server, token="t0ken").counts == {}


def test_it_does_not_wait_for_ever(server: ScannerServer) -> None:
    server.state.rounds = 10**6
    clock = Clock()
    assert refused(server, clock=clock).code == "scanner_too_slow"
    assert clock.now == 600


@pytest.mark.parametrize(
    ("path", "status", "body", "code"),
    [
        ("metadata", 500, b'{"error": {"message": "no database"}}', "scanner_failed"),
        ("metadata", 200, b"<html>", "scanner_bad_answer"),
        ("metadata", 200, b"[]", "scanner_bad_answer"),
        ("metadata", 200, b'{"capabilities": [1]}', "scanner_bad_answer"),
        ("scan", 400, b'{"error": {"message": "no"}}', "scanner_refused"),
        ("scan", 200, b'{"id": "1"}', "scanner_refused"),
        ("scan", 202, b'{"id": 1}', "scanner_bad_answer"),
        ("scan/1/report", 404, b"", "scanner_refused"),
        ("scan/1/report", 500, b"[]", "scanner_failed"),
        ("scan/1/report", 200, b'{"vulnerabilities": 5}', "scanner_bad_answer"),
    ],
)
def test_other_answers(server: ScannerServer, path: str, status: int, body: bytes, code: str) -> None:
    server.state.broken[f"/base/api/v1/{path}"] = (status, body)
    error = refused(server)
    assert error.code == code
    assert status < 400 or str(status) in error.evidence


def test_an_empty_list_may_be_null(server: ScannerServer) -> None:
    server.state.broken["/base/api/v1/scan/1/report"] = (200, b'{"vulnerabilities": null}')
    assert scan(server).counts == {}


def test_what_it_cannot_do(server: ScannerServer) -> None:
    server.state.produces = ("application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0",)
    assert refused(server).code == "scanner_unsupported"
    server.state.produces = ("application/vnd.security.vulnerability.report;version=1.1",)
    assert refused(server, artifact=replace(ARTIFACT, media_type="application/x")).code == "scanner_unsupported"
    assert scan(server).counts == {}, "spaces in media types mean nothing"


def test_nobody_is_there() -> None:
    with scanner_server() as server:
        pass
    error = refused(server)
    assert error.code == "scanner_unreachable" and error.evidence.endswith(": Connection refused")


class TestCheck:
    """As a part of a submission's checks."""

    @pytest.fixture
    def registry(self) -> Iterator[ScriptedServer]:
        with scripted_server() as server:
            yield server

    @pytest.fixture
    def check(self, server: ScannerServer, registry: ScriptedServer, db: None, settings: Any) -> Any:
        settings.SCANNER_URL, settings.SCANNER_TOKEN = server.url, "t0ken"
        server.state.token = "t0ken"
        server.state.rounds = 0
        ulrich = User.objects.create_user("ulrich")

        def check() -> tuple[Submission, dict[str, Any]]:
            serve(registry)
            row = submissions.submit(user=ulrich, reference=reference(registry))
            check_submission(row.pk, tools=tools())
            row.refresh_from_db()
            return row, row.checks[-1]

        return check

    def test_grave_ones_are_shown_and_do_not_stand_in_the_way(self, server: ScannerServer, check: Any) -> None:
        server.state.vulnerabilities = [vulnerability(1, "Critical"), vulnerability(2, "Low")]
        row, found = check()
        assert (found["key"], found["verdict"]) == ("vulnerabilities", "warned")
        assert found["params"]["counts"] == {"Critical": 1, "Low": 1}
        olga = User.objects.create_user("olga", is_staff=True)
        assert submissions.approve(user=olga, submission=row.pk).entry

    def test_a_scanner_that_fails_holds_nothing_up(self, server: ScannerServer, check: Any) -> None:
        server.state.broken["/base/api/v1/scan"] = (500, b"")
        row, found = check()
        assert (row.state, found["verdict"], found["code"]) == ("succeeded", "unknown", "scanner_failed")

    def test_credentials_of_the_registry_go_to_the_scanner_alone(
        self, server: ScannerServer, registry: ScriptedServer, check: Any
    ) -> None:
        make.registry(endpoint=registry.address, username="robot", password="s3cret")
        check()
        [asked] = server.state.scans
        pair = b64encode(b"robot:s3cret").decode()
        assert asked["registry"] == {"url": registry.url, "authorization": f"Basic {pair}"}
