"""`/api/submissions/`, `/api/notices/`, `/api/webhook-targets/`."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from rest_framework.test import APIClient

from builds.models import Notice, Submission, WebhookCall, WebhookTarget
from builds.services import submissions, webhooks
from builds.submission_work import check_submission
from core.jobs import JobState
from imagelib.models import ImageRegistry
from pulls.models import PullJob
from tests.api import make
from tests.integration.scripted_server import Answer, ScriptedServer
from tests.support.submitted import NEITHER, built, missing, reference, serve, tools

AT = "/api/submissions/"
REFERENCE = "registry.example.com/team/app:v1"


@pytest.fixture
def checked(server: ScriptedServer, user: User) -> Submission:
    serve(server)
    row = submissions.submit(user=user, reference=reference(server), name="Trainer")
    check_submission(row.pk, tools=tools())
    row.refresh_from_db()
    return row


def test_from_the_offer_to_the_library(
    as_user: APIClient, as_operator: APIClient, server: ScriptedServer, user: User
) -> None:
    serve(server)
    answer = as_user.post(AT, {"reference": reference(server), "name": "Trainer", "description": "d"})
    assert answer.status_code == 202, answer.content
    body = answer.json()
    assert (body["state"], body["decision"], body["checks"], body["requested_by"]) == ("queued", "open", [], "ulrich")
    at = f"{AT}{body['id']}/"
    check_submission(body["id"], tools=tools())
    body = as_user.get(at).json()
    assert (body["state"], body["libc"], body["error"]) == ("succeeded", "glibc 2.31", None)
    assert [check["key"] for check in body["checks"]] == [
        "exists", "digest", "size", "platforms", "libc", "source", "vulnerabilities",
    ]  # fmt: skip
    node = make.node()
    done = as_operator.post(f"{at}approve/", {"nodes": [node.pk]}).json()
    entry = ImageRegistry.objects.get()
    assert done["submission"]["entry"] == {"id": entry.pk, "name": "Trainer", "address": entry.address}
    assert done["submission"]["decided_by"] == "olga" and done["moved_to"] == ""
    assert done["pulls"] == [PullJob.objects.get().pk]
    assert [row["id"] for row in as_user.get("/api/images/").json()["results"]] == [entry.pk]
    assert [line["code"] for line in as_user.get(f"{at}history/").json()["results"]] == [
        "submitted", "checked", "approved", "pulls",
    ]  # fmt: skip
    [notice] = as_user.get("/api/notices/?unread=true").json()["results"]
    assert notice["code"] == "approved" and "Trainer" in notice["text"] and notice["submission"] == body["id"]
    assert as_user.post(f"/api/notices/{notice['id']}/read/").json()["read_at"]
    assert as_user.get("/api/notices/?unread=true").json()["count"] == 0
    assert as_operator.get("/api/notices/").json()["count"] == 0


def test_the_words_are_in_the_readers_language(as_user: APIClient, checked: Submission) -> None:
    english = as_user.get(f"{AT}{checked.pk}/").json()
    chinese = as_user.get(f"{AT}{checked.pk}/", HTTP_ACCEPT_LANGUAGE="zh-CN").json()
    for one, other in zip(english["checks"], chinese["checks"], strict=True):
        assert one["code"] == other["code"] and one["title"] != other["title"] and one["text"] != other["text"]
    history = as_user.get(f"{AT}{checked.pk}/history/", HTTP_ACCEPT_LANGUAGE="zh-CN").json()["results"]
    assert all(any("一" <= letter <= "鿿" for letter in line["text"]) for line in history)


def test_a_build_is_offered_by_its_id(as_user: APIClient, user: User, other: User) -> None:
    made = built(by=user)
    body = as_user.post(AT, {"build": made.pk}).json()
    assert body["build"] == {"id": made.pk, "application": "jupyter-x"} and body["reference"] == made.reference
    theirs = built(by=other)
    make.problem(as_user.post(AT, {"build": theirs.pk}), 404, "build_not_found")
    make.problem(as_user.post(AT, {"build": made.pk}), 409, "submitted_already")


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "build"), ({"build": 1, "reference": "nginx"}, "build"), ({"build": "x"}, "build"),
        ({"build": 2**63}, "build"), ({"build": None}, "build"), ({"reference": "r.io/UPPER"}, "reference"),
        ({"reference": "u:p4ss@r.io/a:1"}, "reference"), ({"reference": ["a"]}, "reference"),
        ({"reference": "nginx", "name": "x" * 256}, "name"), ({"reference": "nginx", "name": "a\0"}, "name"),
        ({"reference": "nginx", "description": "x" * 1001}, "description"), ({"image": "nginx"}, "image"),
    ],
)  # fmt: skip
def test_bad_offers(as_user: APIClient, asked: dict[str, Any], field: str, language: str) -> None:
    answer = as_user.post(AT, asked, HTTP_ACCEPT_LANGUAGE=language)
    faults = make.problem(answer, 400)["errors"]
    assert {fault["field"] for fault in faults} == {field}
    assert all(make.gives_example(fault["message"], chinese=language != "en") for fault in faults), faults
    assert "p4ss" not in answer.content.decode()
    assert not Submission.objects.exists()


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize(
    ("action", "asked", "field"),
    [
        ("reject", {}, "reason"), ("reject", {"reason": " "}, "reason"), ("reject", {"reason": "x" * 1001}, "reason"),
        ("reject", {"reason": 5, "why": "x"}, "why"), ("approve", {"name": ""}, "name"),
        ("approve", {"nodes": "1"}, "nodes"), ("approve", {"nodes": ["x"]}, "nodes"),
        ("approve", {"supports_vgpu": "perhaps"}, "supports_vgpu"), ("approve", {"entry": 5}, "entry"),
    ],
)  # fmt: skip
def test_bad_decisions(
    as_operator: APIClient, checked: Submission, action: str, asked: dict[str, Any], field: str, language: str
) -> None:
    answer = as_operator.post(f"{AT}{checked.pk}/{action}/", asked, HTTP_ACCEPT_LANGUAGE=language)
    faults = make.problem(answer, 400)["errors"]
    assert {fault["field"].partition("[")[0].partition(".")[0] for fault in faults} == {field}
    assert all(make.gives_example(fault["message"], chinese=language != "en") for fault in faults), faults
    checked.refresh_from_db()
    assert checked.decision == "open" and not ImageRegistry.objects.exists()


def test_slices_without_glibc_are_a_fault_of_that_field(
    as_operator: APIClient, server: ScriptedServer, user: User
) -> None:
    serve(server, layers=(NEITHER,))
    row = submissions.submit(user=user, reference=reference(server))
    check_submission(row.pk, tools=tools())
    answer = as_operator.post(f"{AT}{row.pk}/approve/", {"supports_vgpu": True})
    assert make.faulty_fields(answer) == {"supports_vgpu"}


def test_decisions_that_come_too_early_and_too_late(as_user: APIClient, as_operator: APIClient, user: User) -> None:
    row = submissions.submit(user=user, reference=REFERENCE)
    at = f"{AT}{row.pk}/"
    make.problem(as_operator.post(f"{at}approve/", {}), 409, "still_checking")
    make.problem(as_user.post(f"{at}check/"), 409, "still_checking")
    assert as_user.post(f"{at}withdraw/").json()["decision"] == "withdrawn"
    assert as_user.post(f"{at}withdraw/").status_code == 200
    make.problem(as_operator.post(f"{at}approve/", {}), 409, "decided_already")
    make.problem(as_operator.post(f"{at}reject/", {"reason": "no"}), 409, "decided_already")


def test_checks_again(as_user: APIClient, checked: Submission, server: ScriptedServer) -> None:
    moved = serve(server, layers=(NEITHER,))
    answer = as_user.post(f"{AT}{checked.pk}/check/")
    assert answer.status_code == 202 and answer.json()["digest"] == "" and answer.json()["checks"] == []
    check_submission(checked.pk, tools=tools())
    assert as_user.get(f"{AT}{checked.pk}/").json()["digest"] == moved


def test_how_a_host_refused_is_for_operators(
    as_user: APIClient, as_operator: APIClient, server: ScriptedServer, user: User
) -> None:
    server.script["/v2/.*"] = Answer(200, "SSH-2.0 of the inner network")
    row = submissions.submit(user=user, reference=reference(server))
    Submission.objects.filter(pk=row.pk).update(max_attempts=1)
    check_submission(row.pk, tools=tools())
    seen = as_user.get(f"{AT}{row.pk}/")
    assert seen.json()["error"]["code"] == "registry_unreachable" == seen.json()["checks"][0]["code"]
    assert seen.json()["error"]["evidence"] == "" and "SSH" not in seen.content.decode()
    assert as_operator.get(f"{AT}{row.pk}/").json()["error"]["code"] == "registry_bad_answer"


def test_filters(as_operator: APIClient, user: User, operator: User) -> None:
    made = built(by=user)
    one = submissions.submit(user=user, build=made.pk)
    two = submissions.submit(user=operator, reference="nginx")
    submissions.withdraw(user=operator, submission=two.pk)

    def found(query: str) -> list[int]:
        return sorted(row["id"] for row in as_operator.get(f"{AT}?{query}").json()["results"])

    assert found("decision=open") == [one.pk] == found(f"build={made.pk}") == found("mine=false")
    assert found("mine=true") == [two.pk] == found("reference=nginx") == found("state=cancelled")
    assert found("decision=open&decision=withdrawn") == [one.pk, two.pk]
    for query, field in (("decision=perhaps", "decision"), ("mine=perhaps", "mine"), ("build=x", "build")):
        assert make.faulty_fields(as_operator.get(f"{AT}?{query}")) == {field}


@pytest.mark.django_db(transaction=True)
def test_two_operators_at_once(checked: Submission, client_of: Any, operator: User) -> None:
    """One approves, the other rejects: one wins, the other hears of it, and only one of both happened."""
    second = User.objects.create_user("otto", password=make.PASSWORD, is_staff=True)
    clients = [client_of(operator), client_of(second)]
    asked = [("approve", {}), ("reject", {"reason": "no"})]
    start, answers = threading.Barrier(2), {}

    def decide(number: int) -> None:
        action, body = asked[number]
        start.wait(60)
        try:
            answers[number] = clients[number].post(f"{AT}{checked.pk}/{action}/", body)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=decide, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    statuses = {number: answer.status_code for number, answer in answers.items()}
    assert sorted(statuses.values()) == [200, 409], statuses
    checked.refresh_from_db()
    approved = statuses[0] == 200
    assert checked.decision == ("approved" if approved else "rejected")
    assert ImageRegistry.objects.count() == int(approved)
    assert Notice.objects.count() == 1
    make.problem(answers[1 if approved else 0], 409, "decided_already")


class TestWebhookTargets:
    AT = "/api/webhook-targets/"
    VALUES = {"name": "CI", "url": "https://ci.example.com/hooks", "secret": "s3cret-canary-words"}

    def test_are_kept_by_operators(self, as_operator: APIClient) -> None:
        made = as_operator.post(self.AT, self.VALUES)
        assert made.status_code == 201 and made.json()["has_secret"] and "secret" not in made.json()
        at = f"{self.AT}{made.json()['id']}/"
        for kept in ({"is_active": False}, {"secret": "******", "name": "CI 2"}):
            assert as_operator.patch(at, kept).status_code == 200
        row = WebhookTarget.objects.get()
        assert (row.secret.reveal(), row.name, row.is_active) == ("s3cret-canary-words", "CI 2", False)
        assert "s3cret" not in as_operator.get(self.AT).content.decode()
        assert as_operator.delete(at).status_code == 204

    @pytest.mark.parametrize("language", ["en", "zh-CN"])
    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"url": "ci.example.com"}, "url"), ({"url": "https://u:s3cret-canary-words@ci.example.com"}, "url"),
            ({"secret": ""}, "secret"), ({"secret": "fifteen letters"}, "secret"),
            ({"name": ""}, "name"), ({"is_active": "perhaps"}, "is_active"),
            ({"events": []}, "events"),
        ],
    )  # fmt: skip
    def test_bad_input(self, as_operator: APIClient, values: dict[str, Any], field: str, language: str) -> None:
        answer = as_operator.post(self.AT, self.VALUES | values, HTTP_ACCEPT_LANGUAGE=language)
        faults = make.problem(answer, 400)["errors"]
        assert {fault["field"] for fault in faults} == {field}
        assert all(make.gives_example(fault["message"], chinese=language != "en") for fault in faults), faults
        assert "canary" not in answer.content.decode() and not WebhookTarget.objects.exists()

    def test_their_calls(self, as_operator: APIClient, operator: User) -> None:
        row = webhooks.save_target(user=operator, values=self.VALUES)
        submissions.submit(user=operator, reference="nginx")
        WebhookCall.objects.update(
            state=JobState.FAILED, error_code="webhook_refused", status=500, error={"params": {"status": 500}}
        )
        [call] = as_operator.get(f"{self.AT}{row.pk}/calls/").json()["results"]
        assert (call["event"], call["status"], call["state"]) == ("submission.created", 500, "failed")
        assert "HTTP 500" in call["error"]["cause"]


@pytest.mark.parametrize("username", ["robot", ""])
def test_labels_of_an_image_behind_a_stored_login_are_for_operators_and_its_builder(
    as_user: APIClient, as_operator: APIClient, server: ScriptedServer, user: User, username: str
) -> None:
    make.registry(endpoint=server.address, username=username, password="hunter2" if username else "")

    def source_seen(client: APIClient, row: Submission) -> str:
        return {check["key"]: check["code"] for check in client.get(f"{AT}{row.pk}/").json()["checks"]}["source"]

    digest = serve(server)
    typed = submissions.submit(user=user, reference=reference(server))
    made = submissions.submit(
        user=user, build=built(by=user, reference=f"{reference(server, digest[7:20])}", digest=digest).pk
    )
    serve(server, tag=digest[7:20])
    for row in (typed, made):
        check_submission(row.pk, tools=tools())
    assert source_seen(as_user, typed) == ("for_operators" if username else "source_known")
    assert source_seen(as_user, made) == source_seen(as_operator, typed) == "source_known"


def test_checks_are_repeated_twelve_times_a_minute_at_most(as_user: APIClient, user: User, still_clock: None) -> None:
    row = make.submission(by=user)
    for _time in range(12):
        make.problem(as_user.post(f"{AT}{row.pk}/check/"), 409, "still_checking")
    assert as_user.post(f"{AT}{row.pk}/check/").status_code == 429
    assert as_user.get(f"{AT}{row.pk}/").status_code == 200


class TestWhatAStoredLoginFindsOut:
    """Anybody may name any reference; who may not push there does not learn whether there is such an image."""

    def checked(self, client: APIClient, server: ScriptedServer, user: User, tag: str) -> dict[str, Any]:
        row = submissions.submit(user=user, reference=reference(server, tag))
        check_submission(row.pk, tools=tools())
        picture = client.get(f"{AT}{row.pk}/").json()
        events = [event["code"] for event in client.get(f"{AT}{row.pk}/history/").json()["results"]]
        return {**picture, "history": events}

    def seen(self, client: APIClient, server: ScriptedServer, user: User) -> list[dict[str, Any]]:
        """Of an image that is there, of one that is not, and of one that nobody may read."""
        serve(server)
        missing(server, "gone")
        server.script["/v2/team/app/manifests/denied"] = Answer(403, {"errors": [{"code": "DENIED", "message": "no"}]})
        return [self.checked(client, server, user, tag) for tag in ("v1", "gone", "denied")]

    def test_others_see_one_picture(
        self, as_user: APIClient, as_operator: APIClient, server: ScriptedServer, user: User
    ) -> None:
        make.registry(endpoint=server.address, username="robot", password="hunter2", users_push_to="users/{username}")
        seen = self.seen(as_user, server, user)
        told = [
            {name: one[name] for name in ("digest", "size", "platforms", "libc", "checks", "error", "history")}
            for one in seen
        ]
        assert told[0] == told[1] == told[2]
        assert [check["code"] for check in told[0]["checks"]] == ["for_operators"]
        assert told[0]["history"] == ["submitted"] and not Notice.objects.exists()
        codes = [as_operator.get(f"{AT}{one['id']}/").json()["checks"][0]["code"] for one in seen]
        assert codes[:2] == ["image_there", "image_not_found"]
        assert as_operator.get(f"{AT}{seen[0]['id']}/").json()["digest"]

    @pytest.mark.parametrize("places", ["team", "*"])
    def test_where_one_may_push_one_may_know(
        self, as_user: APIClient, server: ScriptedServer, user: User, places: str
    ) -> None:
        make.registry(endpoint=server.address, username="robot", password="hunter2", users_push_to=places)
        there, gone, _denied = self.seen(as_user, server, user)
        assert there["checks"][0]["code"] == "image_there" and there["libc"] == "glibc 2.31"
        assert gone["checks"][0]["code"] == "image_not_found"
        assert {notice.code for notice in Notice.objects.all()} == {"checks_failed", "check_failed"}

    def test_what_is_listed_is_known(self, as_user: APIClient, server: ScriptedServer, user: User) -> None:
        make.registry(endpoint=server.address, username="robot", password="hunter2", users_push_to="")
        make.image(address=reference(server))
        assert self.seen(as_user, server, user)[0]["checks"][0]["code"] == "image_there"
