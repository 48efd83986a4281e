"""`/api/pulls/` without a worker: what is asked, who shares it, who may see and cancel it. Pulls stay queued here."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from core.jobs import JobState
from pulls.models import PullEvent, PullJob
from tests.api import make

SNAPSHOT = {
    "id", "node", "reference", "state", "phase", "percent", "bytes_total", "bytes_total_exact", "bytes_downloaded",
    "bytes_extracted", "bytes_reused", "layers", "speed_bps", "eta_seconds", "last_byte_age_seconds", "attempt",
    "max_attempts", "digest", "error", "requested_by", "created_at", "started_at", "finished_at", "version",
}  # fmt: skip


def asked(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 202, answer.content
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def test_one_result_per_node_in_the_order_asked(as_user: APIClient) -> None:
    image = make.image(address="registry.example.com/team/app:v1")
    one, two = make.node(), make.node()
    results = asked(as_user.post("/api/pulls/", {"image": image.pk, "nodes": [two.pk, one.pk, two.pk]}))
    assert [result["node"] for result in results] == [two.pk, one.pk]
    shot = results[0]["pull"]
    assert shot.keys() >= SNAPSHOT
    assert shot["node"] == {"id": two.pk, "name": two.name}
    assert (shot["reference"], shot["state"], shot["requested_by"]) == (image.address, "queued", "ulrich")
    assert (shot["percent"], shot["bytes_total"], shot["error"], shot["attempt"]) == (0, None, None, 0)
    assert as_user.get(f"/api/pulls/{shot['id']}/").json() == shot


def test_the_same_request_shares_one_pull(as_user: APIClient, as_other: APIClient) -> None:
    body = {"image": make.image().pk, "nodes": [make.node().pk]}
    first, again, shared = (asked(client.post("/api/pulls/", body)) for client in (as_user, as_user, as_other))
    assert first[0]["pull"]["id"] == again[0]["pull"]["id"] == shared[0]["pull"]["id"]
    assert PullJob.objects.count() == 1
    assert as_other.get(f"/api/pulls/{first[0]['pull']['id']}/").status_code == 200


def test_different_spellings_of_a_reference_share_one_pull(as_operator: APIClient) -> None:
    node = make.node().pk
    spellings = ("nginx", "nginx:latest", "docker.io/library/nginx", "index.docker.io/library/nginx:latest")
    found = {
        asked(as_operator.post("/api/pulls/", {"reference": text, "nodes": [node]}))[0]["pull"]["id"]
        for text in spellings
    }
    assert len(found) == 1


def test_users_pull_listed_images_only(as_user: APIClient, as_operator: APIClient) -> None:
    node, shown, hidden = make.node(), make.image(address="nginx:1.27"), make.image(is_listed=False)
    make.problem(as_user.post("/api/pulls/", {"image": hidden.pk, "nodes": [node.pk]}), 404, "image_not_listed")
    by_text = {"reference": hidden.address, "nodes": [node.pk]}
    make.problem(as_user.post("/api/pulls/", by_text), 403, "image_not_listed")
    asked(as_user.post("/api/pulls/", {"reference": "docker.io/library/nginx:1.27", "nodes": [node.pk]}))
    assert PullJob.objects.get().image == shown
    asked(as_operator.post("/api/pulls/", {"image": hidden.pk, "nodes": [node.pk]}))
    asked(as_operator.post("/api/pulls/", {"reference": "r.example.com/unknown:1", "nodes": [node.pk]}))


def test_users_pull_onto_listed_nodes_only_and_nothing_is_stored_otherwise(
    as_user: APIClient, as_operator: APIClient
) -> None:
    image, shown, hidden = make.image(), make.node(), make.node(is_listed=False)
    body = {"image": image.pk, "nodes": [shown.pk, hidden.pk]}
    problem = make.problem(as_user.post("/api/pulls/", body), 404, "node_not_listed")
    assert str(hidden.pk) in problem["detail"] and not PullJob.objects.exists()
    assert len(asked(as_operator.post("/api/pulls/", body))) == 2


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"image": None}, "image"),
        ({"image": "x"}, "image"),
        ({"image": 0}, "image"),
        ({"image": 2**63}, "image"),
        ({"image": [1]}, "image"),
        ({"reference": "nginx"}, "image"),  # both
        ({"nodes": []}, "nodes"),
        ({"nodes": None}, "nodes"),
        ({"nodes": 1}, "nodes"),
        ({"nodes": {"1": 1}}, "nodes"),
        ({"nodes": ["x"]}, "nodes.0"),
        ({"nodes": [10**30]}, "nodes.0"),
        ({"nodes": list(range(1, 1500))}, "nodes"),
        ({"node": [1]}, "node"),
    ],
)
def test_wrong_fields_are_named(as_user: APIClient, values: dict[str, Any], field: str) -> None:
    good = {"image": make.image().pk, "nodes": [make.node().pk]}
    assert field in make.faulty_fields(as_user.post("/api/pulls/", good | values))
    assert not PullJob.objects.exists()


@pytest.mark.parametrize(
    "reference", ["", " ", "a b", "UPPER", "u:p@registry.example.com/app", "nginx@sha256:1", "x" * 4000]
)
def test_references_that_cannot_be_pulled(as_operator: APIClient, reference: str) -> None:
    answer = as_operator.post("/api/pulls/", {"reference": reference, "nodes": [make.node().pk]})
    assert "reference" in make.faulty_fields(answer)
    assert not PullJob.objects.exists()


def test_neither_image_nor_reference(as_user: APIClient) -> None:
    assert make.faulty_fields(as_user.post("/api/pulls/", {"nodes": [make.node().pk]})) == {"image"}


def test_everybody_sees_own_pulls_operators_all(
    as_user: APIClient, as_other: APIClient, as_operator: APIClient, user: Any, other: Any
) -> None:
    mine, theirs = make.pull(by=user).pk, make.pull(by=other).pk
    lists = [
        [row["id"] for row in client.get("/api/pulls/").json()["results"]]
        for client in (as_user, as_other, as_operator)
    ]
    assert lists == [[mine], [theirs], [theirs, mine]]
    make.problem(as_user.get(f"/api/pulls/{theirs}/"), 404, "not_found")
    make.problem(as_user.post(f"/api/pulls/{theirs}/cancel/"), 404, "not_found")


class TestCancelling:
    def test_a_waiting_pull_ends_at_once(self, as_user: APIClient, user: Any) -> None:
        job = make.pull(by=user)
        body = as_user.post(f"/api/pulls/{job.pk}/cancel/").json()
        assert body["state"] == "cancelled" and body["finished_at"] and body["version"] > 1
        again = as_user.post(f"/api/pulls/{job.pk}/cancel/")  # a double click
        assert (again.status_code, again.json()["version"]) == (200, body["version"])

    def test_a_running_pull_is_asked_to_stop(self, as_user: APIClient, user: Any) -> None:
        job = make.pull(by=user, state=JobState.RUNNING)
        assert as_user.post(f"/api/pulls/{job.pk}/cancel/").json()["state"] == "cancelling"

    @pytest.mark.parametrize("state", [JobState.SUCCEEDED, JobState.FAILED])
    def test_what_has_ended_stays_as_it_is(self, as_operator: APIClient, operator: Any, state: str) -> None:
        job = make.pull(by=operator, state=state)
        make.problem(as_operator.post(f"/api/pulls/{job.pk}/cancel/"), 409, "illegal_transition")
        job.refresh_from_db()
        assert job.state == state

    def test_a_shared_pull_goes_on_until_nobody_wants_it(self, as_user: APIClient, as_other: APIClient) -> None:
        body = {"image": make.image().pk, "nodes": [make.node().pk]}
        [result] = asked(as_user.post("/api/pulls/", body))
        asked(as_other.post("/api/pulls/", body))
        at = f"/api/pulls/{result['pull']['id']}/cancel/"
        assert as_user.post(at).json()["state"] == "queued"
        assert as_other.post(at).json()["state"] == "cancelled"

    def test_who_withdrew_may_want_it_again(self, as_user: APIClient, as_other: APIClient) -> None:
        body = {"image": make.image().pk, "nodes": [make.node().pk]}
        [result] = asked(as_user.post("/api/pulls/", body))
        asked(as_other.post("/api/pulls/", body))
        at = f"/api/pulls/{result['pull']['id']}/cancel/"
        as_user.post(at)
        asked(as_user.post("/api/pulls/", body))
        assert as_other.post(at).json()["state"] == "queued"

    def test_an_operator_ends_it_for_everybody(self, as_user: APIClient, as_operator: APIClient, user: Any) -> None:
        job = make.pull(by=user)
        assert as_operator.post(f"/api/pulls/{job.pk}/cancel/").json()["state"] == "cancelled"
        texts = [line["text"] for line in as_user.get(f"/api/pulls/{job.pk}/history/").json()["results"]]
        assert any("olga" in text for text in texts)


def test_the_history_comes_in_pages_oldest_first(as_user: APIClient, user: Any) -> None:
    job = make.pull(by=user)
    PullEvent.objects.bulk_create(
        PullEvent(pull=job, at=timezone.now(), attempt=number, code="claimed") for number in range(30)
    )
    at = f"/api/pulls/{job.pk}/history/"
    for query, attempts in [
        ("", range(25)),
        ("page=2", range(25, 30)),
        ("page_size=7&page=2", range(7, 14)),
        ("ordering=-id&page_size=3", [29, 28, 27]),
    ]:
        page = as_user.get(f"{at}?{query}").json()
        assert page["count"] == 30 and [line["attempt"] for line in page["results"]] == list(attempts), query
    assert as_user.get(f"{at}?page=3").status_code == 404


class TestRetrying:
    def test_a_new_pull_takes_the_place_of_the_failed_one(self, as_user: APIClient, user: Any) -> None:
        image = make.image()
        job = make.pull(by=user, state=JobState.FAILED, reference=image.address, image=image, error_code="dns_failed")
        answer = as_user.post(f"/api/pulls/{job.pk}/retry/")
        assert answer.status_code == 202, answer.content
        new = answer.json()
        assert new["id"] != job.pk and (new["state"], new["reference"]) == ("queued", image.address)
        job.refresh_from_db()
        assert job.state == JobState.FAILED and job.retries.get().pk == new["id"]

    def test_active_pulls_and_gone_nodes_are_refused(self, as_operator: APIClient, operator: Any) -> None:
        make.problem(as_operator.post(f"/api/pulls/{make.pull(by=operator).pk}/retry/"), 409, "still_active")
        job = make.pull(by=operator, state=JobState.FAILED)
        job.node.delete()
        make.problem(as_operator.post(f"/api/pulls/{job.pk}/retry/"), 409, "node_gone")

    def test_today_s_rules_count(self, as_user: APIClient, user: Any) -> None:
        image = make.image(is_listed=False)
        job = make.pull(by=user, state=JobState.FAILED, reference=image.address, image=image)
        make.problem(as_user.post(f"/api/pulls/{job.pk}/retry/"), 403, "image_not_listed")


def test_a_failure_is_explained_in_the_reader_s_language(as_user: APIClient, user: Any) -> None:
    error = {"transient": True, "params": {}, "evidence": "dial tcp: lookup r.example.com: no such host"}
    job = make.pull(by=user, state=JobState.FAILED, error_code="worker_lost", error=error)
    shown = as_user.get(f"/api/pulls/{job.pk}/").json()["error"]
    assert shown.keys() >= {"code", "transient", "cause", "advice", "evidence"}
    assert (shown["code"], shown["transient"], shown["evidence"]) == ("worker_lost", True, error["evidence"])
    assert shown["cause"] and shown["advice"]


def test_filters_and_order(as_operator: APIClient, operator: Any) -> None:
    node = make.node()
    one = make.pull(by=operator, on=node, reference="r.example.com/app:v1")
    two = make.pull(by=operator, state=JobState.FAILED)
    for query, expected in [
        ("", [two, one]),
        ("ordering=id", [one, two]),
        ("state=failed", [two]),
        ("state=failed&state=queued", [two, one]),
        ("active=true", [one]),
        ("active=false", [two]),
        (f"node={node.pk}", [one]),
        ("reference=/APP", [one]),
    ]:
        rows = as_operator.get(f"/api/pulls/?{query}").json()["results"]
        assert [row["id"] for row in rows] == [row.pk for row in expected], query
    for query in (
        "state=perhaps",
        "node=x",
        "node=NaN",
        "node=99999999999999999999",
        "active=perhaps",
        "node=1e9999999999",
        "created_after=x",
    ):
        assert query.partition("=")[0] in make.faulty_fields(as_operator.get(f"/api/pulls/?{query}")), query


class TestTickets:
    def test_a_ticket_opens_one_stream_without_a_login(
        self, as_user: APIClient, anonymous: APIClient, user: Any, other: Any
    ) -> None:
        job, foreign = make.pull(by=user), make.pull(by=other)
        ticket = as_user.post(f"/api/pulls/{job.pk}/ticket/").json()
        assert ticket["expires_in"] == 60
        answer = anonymous.get(ticket["url"])
        assert answer.status_code == 200 and answer["Content-Type"].startswith("text/event-stream")
        signature = ticket["url"].partition("?")[2]
        make.problem(anonymous.get(f"/api/pulls/{foreign.pk}/events/?{signature}"), 401)
        make.problem(anonymous.get(ticket["url"] + "x"), 401)

    def test_it_lasts_a_minute_and_dies_with_the_account(
        self, as_user: APIClient, anonymous: APIClient, user: Any, time_machine: Any
    ) -> None:
        url = as_user.post(f"/api/pulls/{make.pull(by=user).pk}/ticket/").json()["url"]
        user.is_active = False
        user.save()
        make.problem(anonymous.get(url), 401)
        user.is_active = True
        user.save()
        assert anonymous.get(url).status_code == 200
        time_machine.move_to(timezone.now() + timedelta(seconds=61))
        make.problem(anonymous.get(url), 401)
