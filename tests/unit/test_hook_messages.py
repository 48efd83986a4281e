"""Messages of git servers: what is signed, what was pushed, and which pushes make an application be built."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from builds.hooks import MessageError, Push, Verdict, is_signed_by, read_message, signatures_in, verdict_on
from tests.support.pushes import AFTER, BEFORE, gitea_push, github_push

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
NONE = "0" * 40
# Computed with `openssl dgst -sha256 -hmac`.
BODY, SECRET = b'{"zen":"Ein Text","n":1}', "hook-S3cret-Words"
SIGNATURE = "e112130bf307e2be08f017f7103ea51c673ff22b2f33e9bcf63169ca45358289"


def read(content: Any, *, event: str = "push", content_type: str = "application/json") -> Push:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    push = read_message(body, content_type=content_type, event=event, now=NOW).push
    assert push is not None
    return push


class TestSignatures:
    def test_of_github_and_of_gitea(self) -> None:
        assert signatures_in({"X-Hub-Signature-256": f"sha256={SIGNATURE}"}) == [SIGNATURE]
        assert signatures_in({"X-Gitea-Signature": SIGNATURE}) == [SIGNATURE]
        both = {"X-Hub-Signature-256": f"sha256={SIGNATURE}", "X-Gitea-Signature": SIGNATURE}
        assert signatures_in(both) == [SIGNATURE]

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"X-Hub-Signature": "sha1=" + "a" * 40},
            {"X-Hub-Signature-256": "sha256="},
            {"X-Gitea-Signature": " "},
        ],
    )
    def test_what_is_none(self, headers: dict[str, str]) -> None:
        assert signatures_in(headers) == []

    @pytest.mark.parametrize("offered", [f"sha1={SIGNATURE}", SIGNATURE[:-1], SIGNATURE + "0", "ä" * 64, "\udc80"])
    def test_what_is_one_and_does_not_fit(self, offered: str) -> None:
        found = signatures_in({"X-Hub-Signature-256": offered})
        assert len(found) == 1 and not is_signed_by(SECRET, body=BODY, signatures=found)

    def test_capitals_and_spaces_do_not_matter(self) -> None:
        assert signatures_in({"X-Hub-Signature-256": f"sha256={SIGNATURE.upper()} "}) == [SIGNATURE]

    def test_only_the_secret_and_the_body_together(self) -> None:
        assert is_signed_by(SECRET, body=BODY, signatures=[SIGNATURE])
        assert is_signed_by(SECRET, body=BODY, signatures=["0" * 64, SIGNATURE])
        unicode = "30caf76175bcbb9a34bad7b6a29663e19e9e728cc59c4e22818ae5f2bcf4ad02"
        assert is_signed_by("geheim-密钥", body=b"", signatures=[unicode])
        assert not is_signed_by(SECRET + " ", body=BODY, signatures=[SIGNATURE])
        assert not is_signed_by(SECRET, body=BODY + b"\n", signatures=[SIGNATURE])
        assert not is_signed_by(SECRET, body=BODY, signatures=[])

    def test_an_empty_secret_signs_nothing(self) -> None:
        import hashlib
        import hmac

        empty = hmac.new(b"", BODY, hashlib.sha256).hexdigest()
        assert not is_signed_by("", body=BODY, signatures=[empty])


class TestReading:
    def test_a_push_of_github(self) -> None:
        body = json.dumps(github_push(files={"added": ["src/app/a"], "removed": ["src/b/c"], "modified": []})).encode()
        message = read_message(body, content_type="application/json", event="push", now=NOW)
        assert set(message.urls) >= {"https://git.example.com/team/images.git", "git@git.example.com:team/images.git"}
        assert message.push == Push(
            "refs/heads/main", AFTER, BEFORE, frozenset({"src/app/a", "src/b/c"}), True,
            datetime(2026, 11, 26, 10, tzinfo=UTC),
        )  # fmt: skip
        assert message.push.branch == "main"

    def test_the_same_as_a_form(self) -> None:
        pushed = github_push()
        form = urlencode({"payload": json.dumps(pushed)}).encode()
        assert read(form, content_type="application/x-www-form-urlencoded; charset=utf-8") == read(pushed)

    def test_a_push_of_gitea(self) -> None:
        push = read(gitea_push(files={"added": [], "removed": [], "modified": ["src/app/a"]}))
        assert (push.paths, push.is_listed, push.commit) == (frozenset({"src/app/a"}), True, AFTER)
        assert push.told_at == datetime(2026, 11, 26, 9, 30, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("change", "listed"),
        [
            ({}, True),
            ({"forced": True}, False),
            ({"commits": []}, False),
            ({"commits": None}, False),
            ({"commits": "x"}, False),
            ({"total_commits": 6}, False),
            ({"total_commits": 1}, True),
            ({"commits": [{"id": AFTER}]}, False),
            ({"commits": [{"added": None, "modified": None, "removed": None}]}, False),
            ({"commits": [{"modified": ["a"]}] * 2048}, False),
            ({"commits": [{"modified": ["a"]}] * 2047}, True),
            ({"commits": [{"modified": ["a"] * 3000}]}, False),
            ({"created": True, "before": NONE, "commits": []}, False),
        ],
    )
    def test_whether_all_files_are_listed(self, change: dict[str, Any], listed: bool) -> None:
        assert read(github_push() | change).is_listed is listed

    def test_new_and_deleted_branches(self) -> None:
        assert read(github_push(before=NONE)).before == ""
        assert read(github_push(after=NONE)).commit == ""

    def test_the_latest_time_that_is_not_in_the_future_counts(self) -> None:
        pushed = github_push()
        pushed["repository"]["pushed_at"] = 4102444800  # 2100
        assert read(pushed).told_at == datetime(2026, 11, 26, 9, tzinfo=UTC)  # of the head commit
        pushed["head_commit"] = pushed["commits"] = None
        assert read(pushed).told_at is None
        pushed["repository"]["updated_at"] = "2026-11-26T13:30:00+08:00"
        assert read(pushed).told_at == datetime(2026, 11, 26, 5, 30, tzinfo=UTC)
        for odd in ("yesterday", 10**30, -(10**30), True, [], "2026-13-01"):
            pushed["repository"]["updated_at"] = odd
            assert read(pushed).told_at is None

    def test_other_events_have_no_push(self) -> None:
        body = json.dumps(github_push()).encode()
        for event in ("ping", "pull_request", ""):
            assert read_message(body, content_type="application/json", event=event, now=NOW).push is None

    @pytest.mark.parametrize(
        "body",
        [
            b"", b"{", b"[]", b"null", b'"x"', b"[" * 100_000, b"\xff\xfe", b"payload=%7B%7D", b"9" * 5000,
            b'{"repository": []}', b'{"repository": "x"}',
        ],
    )  # fmt: skip
    def test_what_is_no_message(self, body: bytes) -> None:
        for kind in ("application/json", "application/x-www-form-urlencoded", ""):
            with pytest.raises(MessageError):
                read_message(body, content_type=kind, event="push", now=NOW)

    @pytest.mark.parametrize(
        "change",
        [
            {"ref": None}, {"ref": "main"}, {"ref": ""}, {"ref": "refs/heads/a b"}, {"ref": "refs/heads/\ud800"},
            {"ref": "refs/heads/" + "a" * 300}, {"ref": ["refs/heads/main"]},
            {"after": None}, {"after": "abc"}, {"after": AFTER.upper()}, {"after": AFTER + "\n"}, {"after": 1},
            {"before": None}, {"before": "HEAD"},
        ],
    )  # fmt: skip
    def test_what_is_no_push(self, change: dict[str, Any]) -> None:
        with pytest.raises(MessageError):
            read(github_push() | change)

    def test_addresses_that_are_no_texts_are_left_out(self) -> None:
        pushed = github_push()
        pushed["repository"] |= {"clone_url": 5, "html_url": "https://a\ud800", "ssh_url": None, "url": ["x"]}
        del pushed["repository"]["git_url"]
        body = json.dumps(pushed).encode()
        assert read_message(body, content_type="application/json", event="push", now=NOW).urls == ()


def pushed_to(ref: str, *paths: str, listed: bool = True, commit: str = AFTER) -> Push:
    return Push(ref, commit, BEFORE, frozenset(paths), listed, NOW)


class TestConditions:
    @pytest.mark.parametrize(
        ("branch", "verdict"),
        [
            ("main", Verdict.BUILD),
            ("feat/a", Verdict.BUILD),
            ("feat/a/b", Verdict.BUILD),
            ("own", Verdict.BUILD),
            ("feat/", Verdict.OTHER_BRANCH),
            ("feat", Verdict.OTHER_BRANCH),
            ("features/a", Verdict.OTHER_BRANCH),
            ("x/feat/a", Verdict.OTHER_BRANCH),
            ("main2", Verdict.OTHER_BRANCH),
            ("refs/heads/main", Verdict.OTHER_BRANCH),
        ],
    )
    def test_branches(self, branch: str, verdict: Verdict) -> None:
        push = pushed_to(f"refs/heads/{branch}", "src/app/Dockerfile")
        assert verdict_on(push, path="src/app", branch="own") == verdict

    @pytest.mark.parametrize(
        ("paths", "verdict"),
        [
            (["src/app/Dockerfile"], Verdict.BUILD),
            (["README.md", "src/app/a/b/c"], Verdict.BUILD),
            (["src/app-x/Dockerfile", "src/App/Dockerfile", "x/src/app/a"], Verdict.OTHER_PATHS),
            (["src/app"], Verdict.OTHER_PATHS),
            ([], Verdict.OTHER_PATHS),
        ],
    )
    def test_paths(self, paths: list[str], verdict: Verdict) -> None:
        push = pushed_to("refs/heads/main", *paths)
        assert verdict_on(push, path="/src/app/", branch="") == verdict

    def test_a_list_with_gaps_is_no_reason_not_to_build(self) -> None:
        push = pushed_to("refs/heads/main", "README.md", listed=False)
        assert verdict_on(push, path="src/app", branch="") == Verdict.BUILD_UNLISTED
        found = pushed_to("refs/heads/main", "src/app/a", listed=False)
        assert verdict_on(found, path="src/app", branch="") == Verdict.BUILD

    def test_a_folder_that_is_the_whole_repository(self) -> None:
        assert verdict_on(pushed_to("refs/heads/main", "a"), path="", branch="") == Verdict.BUILD

    def test_tags_and_deletions(self) -> None:
        assert verdict_on(pushed_to("refs/tags/v1", "src/app/a"), path="src/app", branch="") == Verdict.NO_BRANCH
        gone = pushed_to("refs/heads/main", "src/app/a", commit="")
        assert verdict_on(gone, path="src/app", branch="") == Verdict.DELETED
