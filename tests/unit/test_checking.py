"""Verdicts about submitted images, and their words."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import translation

from builds import check_texts
from builds.checking import (
    ABSENT,
    KEYS,
    Check,
    Facts,
    Fleet,
    absent,
    by_weight,
    check_digest,
    check_libc,
    check_platforms,
    check_size,
    check_source,
    check_vulnerabilities,
    checks_of,
    fails,
    may_slice,
    not_known,
)
from builds.scanner import Report
from pulls.failures import CATALOGUE

DIGEST, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
GB = 10**9
WORST = ({"id": "CVE-2026-1", "package": "dpkg", "version": "1", "fix_version": "2", "severity": "Critical"},)
CASES: list[tuple[Check, str, str]] = [
    (check_digest(DIGEST, ""), "passed", "digest_pinned"),
    (check_digest(DIGEST, DIGEST), "passed", "digest_of_build"),
    (check_digest(DIGEST, OTHER), "failed", "digest_not_of_build"),
    (check_size(None, Fleet()), "unknown", "size_unknown"),
    (check_size(GB, Fleet()), "passed", "size_known"),
    (check_size(GB, Fleet(free=3 * GB)), "passed", "size_known"),
    (check_size(GB, Fleet(free=3 * GB - 1)), "warned", "size_beyond_disks"),
    (check_platforms(["linux/amd64"], Fleet()), "unknown", "platforms_without_nodes"),
    (check_platforms(["linux/amd64"], Fleet(["linux/x86_64"])), "passed", "platforms_of_all_nodes"),
    (check_platforms(["linux/arm64"], Fleet(["linux/amd64"])), "warned", "platforms_of_no_node"),
    (check_platforms(["nonsense", "linux/arm64"], Fleet(["linux/amd64", "linux/arm64"])), "warned",
     "platforms_of_some_nodes"),
    (check_libc("glibc 2.36", ""), "passed", "libc_glibc"),
    (check_libc("musl", ""), "warned", "libc_musl"),
    (check_libc("none", ""), "warned", "libc_none"),
    (check_libc("", "libc_zstd"), "unknown", "libc_zstd"),
    (check_libc("", ""), "unknown", "libc_unknown"),
    (check_source("", {"org.opencontainers.image.revision": "r", "org.opencontainers.image.source": "s"}), "passed",
     "source_known"),
    (check_source("", {"org.opencontainers.image.revision": "r"}), "passed", "source_partly"),
    (check_source("", {"org.opencontainers.image.source": "s"}), "passed", "source_partly"),
    (check_source("", {}), "warned", "source_unknown"),
    (check_vulnerabilities("scanner_failed"), "unknown", "scanner_failed"),
    (check_vulnerabilities(Report("Trivy", {}, ())), "passed", "vulnerabilities_none"),
    (check_vulnerabilities(Report("Trivy", {"Low": 2}, ())), "passed", "vulnerabilities_few"),
    (check_vulnerabilities(Report("Trivy", {"Critical": 1, "Low": 2}, WORST)), "warned", "vulnerabilities_grave"),
    (check_vulnerabilities(Report("Trivy", {"High": 1}, WORST)), "warned", "vulnerabilities_grave"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "verdict", "code"), CASES)
def test_verdicts_and_their_words(check: Check, verdict: str, code: str) -> None:
    assert (check.verdict, check.code) == (verdict, code)
    for language in ("en", "zh-hans"):
        with translation.override(language):
            shown = check_texts.worded(check.as_dict(), for_operator=True)
        assert shown["text"] and shown["title"] and "%(" not in shown["text"], shown


def test_every_code_has_words_and_every_word_a_code() -> None:
    made = {check.code for check, _verdict, _code in CASES} | {"image_there"}
    by_worker = {"libc_unreadable", "libc_beyond_limit", "scanner_not_configured", "scanner_without_manifest"}
    by_scanner = {f"scanner_{word}" for word in ("unreachable", "refused", "unsupported", "bad_answer", "too_slow")}
    assert made | by_worker | by_scanner == check_texts._SENTENCES.keys()
    assert CATALOGUE.keys() >= ABSENT


def test_sentences_hold_what_is_known() -> None:
    with translation.override("en"):
        text = {check.code: check_texts.worded(check.as_dict(), for_operator=True)["text"] for check, *_ in CASES}
    assert "3.0 GB" in text["size_beyond_disks"] and "1.0 GB" in text["size_beyond_disks"]
    assert text["platforms_of_some_nodes"] == "nonsense, linux/arm64: nodes of linux/amd64 cannot run it."
    assert text["vulnerabilities_few"] == "Trivy found 2 low."
    assert text["vulnerabilities_grave"] == "Trivy found 1 high. The worst: CVE-2026-1 (dpkg 1)"
    assert text["libc_glibc"].startswith("glibc 2.36: ")


def test_all_checks_of_an_image_in_their_order() -> None:
    found = checks_of(Facts(DIGEST, 5, ["linux/amd64"]), built="", fleet=Fleet(), report="scanner_not_configured")
    assert tuple(check.key for check in found) == KEYS
    assert not fails([check.as_dict() for check in found])
    assert [one["key"] for one in fails([check_digest(DIGEST, OTHER).as_dict()])] == ["digest"]


@pytest.mark.parametrize(("libc", "may"), [("glibc 2.36", True), ("", True), ("musl", False), ("none", False)])
def test_slices(libc: str, may: bool) -> None:
    assert may_slice(libc) is may


def test_what_a_registry_said_is_for_everybody_and_how_a_host_refused_is_for_operators() -> None:
    params: dict[str, Any] = {"host": "10.0.0.7:22"}
    with translation.override("en"):
        for code in ("registry_refused", "registry_timeout", "registry_bad_answer"):
            check = not_known(code, params)[0].as_dict()
            seen = check_texts.worded(check, for_operator=False)
            assert (seen["code"], seen["text"]) == (
                "registry_unreachable", "The registry could not be asked from here.",
            )  # fmt: skip
            assert check_texts.worded(check, for_operator=True)["code"] == code
        check = absent("image_not_found", params)[0].as_dict()
        assert check["verdict"] == "failed"
        assert check_texts.worded(check, for_operator=False)["code"] == "image_not_found"


def test_what_is_in_an_image_is_for_operators_its_builder_or_everybody() -> None:
    report = Report(scanner="Trivy", counts={"Critical": 1}, worst=WORST)
    labels = {"org.opencontainers.image.source": "https://git.example.com/secret-project"}

    def seen(*, anonymous: bool, **viewer: bool) -> list[dict[str, Any]]:
        facts = Facts(DIGEST, GB, ["linux/amd64"], labels=labels, anonymous=anonymous)
        found = checks_of(facts, built="", fleet=Fleet(), report=report)
        with translation.override("en"):
            return [check_texts.worded(check.as_dict(), **{"for_operator": False, **viewer}) for check in found]

    hidden = seen(anonymous=False)
    assert [check["code"] for check in hidden[-2:]] == ["for_operators"] * 2
    assert {check["verdict"] for check in hidden[-2:]} == {"unknown"}
    assert "secret-project" not in str(hidden) and "CVE-2026-1" not in str(hidden) and "counts" not in str(hidden)
    for shown in (seen(anonymous=True), seen(anonymous=False, own=True), seen(anonymous=False, for_operator=True)):
        assert "secret-project" in str(shown) and "CVE-2026-1" in str(shown)


def test_the_gravest_check_leads_and_gives_the_summary() -> None:
    kinds = (("exists", "passed"), ("vulnerabilities", "unknown"), ("size", "warned"), ("digest", "failed"))
    passed, unknown, warned, failed = ({"key": key, "verdict": verdict} for key, verdict in kinds)
    assert by_weight([passed, unknown, failed, warned]) == [failed, warned, unknown, passed]
    with translation.override("en"):
        cases = ([passed], [passed, unknown], [unknown, warned], [warned, failed])
        said = [check_texts.summary(checks) for checks in cases]
        two = check_texts.summary([warned, passed, {"key": "libc", "verdict": "warned"}])
    assert [one["verdict"] for one in said] == ["passed", "unknown", "warned", "failed"]
    assert said[0]["text"] == "Every check is fine."
    assert all(name in one["text"] for name, one in zip(("Vulnerabilities", "Size", "Digest"), said[1:], strict=True))
    assert "Size, C library and GPU slices" in two["text"]
    with translation.override("zh-hans"):
        assert "大小、C 库与显存切分" in check_texts.summary([warned, {"key": "libc", "verdict": "warned"}])["text"]
