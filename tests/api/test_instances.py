"""`/api/instances/` and `/api/nodes/{id}/gpus/`: asking, looking, operating, and who may."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.test import APIClient

from core.errors import Conflict
from core.jobs import JobState
from instances.log_streams import Log, follow
from instances.models import GpuAllocation, Instance, Observed, Operation, OperationKind
from instances.outcome import cause_of
from instances.services import visible_instances
from instances.snapshot import snapshot, with_operations
from nodes.models import ComputeNode, NodeStatus
from tests.api import make
from tests.support.tiny_engine import tiny_engine

AT = "/api/instances/"
_NOBODY = "00000000-0000-0000-0000-000000000000"
OPTIONS = {
    "command": ["sh", "-c", "  sleep 1 ", ""],
    "environment": {"EPOCHS": " 3", "EMPTY": ""},
    "ports": [8888, 6006],
    "restart_policy": "unless-stopped",
}


@pytest.fixture
def body() -> dict[str, Any]:
    """What creates an instance on the only node: 8 GB of a card."""
    make.gpu_node(name="n1")
    image = make.image(address="registry.example.com/team/app:v1", supports_vgpu=True)
    return {"image": image.pk, "spec": make.slice_spec(data_disk_gb=10, cpu_cores=4).pk, "name": "train"}


def test_creation_answers_at_once_with_the_instance(as_user: APIClient, body: dict[str, Any]) -> None:
    answer = as_user.post(AT, {**body, "remark": "r"})
    assert answer.status_code == 202
    made = answer.json()
    assert (made["state"], made["user"], made["remark"], made["is_sliced"]) == ("creating", "ulrich", "r", True)
    assert made["node"]["name"] == "n1" and made["limits"]["cpu_cores"] == 4
    assert (made["operation"]["kind"], made["operation"]["state"]) == ("create", "queued")
    assert [note["code"] for note in made["notes"]] == ["data_disk_not_limited"]
    assert as_user.get(f"{AT}{made['id']}/").json()["gpus"] == made["gpus"] == [f"GPU-{made['node']['id']}-0"]


def test_the_preview_is_exactly_what_creation_uses(as_user: APIClient, body: dict[str, Any]) -> None:
    shown = as_user.post(f"{AT}preview/", {**body, **OPTIONS}).json()
    assert not Instance.objects.exists() and not GpuAllocation.objects.exists() and not Operation.objects.exists()
    made = as_user.post(AT, {**body, **OPTIONS}).json()
    plan = json.loads(json.dumps(made["plan"]).replace(str(Instance.objects.get().uid), _NOBODY))
    assert {key: shown[key] for key in plan} == plan
    *notes, unknown, unseen = shown["warnings"]
    assert (shown["node"], shown["gpus"], notes) == (made["node"]["id"], made["gpus"], made["notes"])
    assert shown.keys() - plan.keys() == {"node", "gpus", "bytes_to_pull", "warnings"}
    assert shown["bytes_to_pull"] is None and unknown["code"] == "size_unknown", "its engine is dead"
    assert unseen["code"] == "image_environment_unknown"
    assert unknown["text"].startswith("How much would be pulled is not known: ")


def test_as_many_variables_as_are_allowed_and_as_long(as_user: APIClient, body: dict[str, Any]) -> None:
    most = {f"{number:03}".rjust(255, "A"): "x" for number in range(256)}
    plan = as_user.post(AT, {**body, "environment": most}).json()["plan"]
    assert most.items() <= plan["environment"].items()


def test_options_arrive_as_they_were_given(as_user: APIClient, body: dict[str, Any]) -> None:
    plan = as_user.post(AT, {**body, **OPTIONS}).json()["plan"]
    assert OPTIONS["environment"].items() <= plan["environment"].items()  # type: ignore[attr-defined]
    assert {key: plan[key] for key in ("command", "ports", "restart_policy")} == {
        key: OPTIONS[key] for key in ("command", "ports", "restart_policy")
    }


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"command": "sleep 1"}, "command"),
        ({"command": []}, "command"),
        ({"command": ["a\0b"]}, "command[0]"),
        ({"command": ["x"] * 257}, "command"),
        ({"environment": ["A=1"]}, "environment"),
        ({"environment": {"A": None}}, "environment.A"),
        ({"environment": {"A=B": "1"}}, "environment"),
        ({"environment": {"": "1"}}, "environment"),
        ({"environment": {f"A{number}": "" for number in range(257)}}, "environment"),
        ({"environment": {"A" * 256: "1"}}, "environment"),
        ({"ports": [0]}, "ports[0]"),
        ({"ports": [65536]}, "ports[0]"),
        ({"ports": [80, 80]}, "ports"),
        ({"ports": ["http"]}, "ports[0]"),
        ({"ports": list(range(1, 67))}, "ports"),
        ({"restart_policy": "sometimes"}, "restart_policy"),
        ({"restart_policy": None}, "restart_policy"),
        ({"name": "a b"}, "name"),
        ({"name": "x" * 51}, "name"),
        ({"image": 0}, "image"),
        ({"image": "five"}, "image"),
        ({"node": -1}, "node"),
        ({"spec": 2**63}, "spec"),
        ({"privileged": True}, "privileged"),
        ({"container_id": "c1"}, "container_id"),
    ],
)
@pytest.mark.parametrize("route", [AT, f"{AT}preview/"])
def test_wrong_fields_are_named_with_an_example(
    as_user: APIClient, body: dict[str, Any], wrong: dict[str, Any], field: str, route: str
) -> None:
    named = make.faulty_fields(as_user.post(route, {**body, **wrong}))
    assert {name.partition("[")[0].partition(".")[0] for name in named} == {field.partition("[")[0].partition(".")[0]}
    assert not Instance.objects.exists() and not GpuAllocation.objects.exists()


@pytest.mark.parametrize("name", ["LD_PRELOAD_", "CUDA_DEVICE_SM_LIMIT", "NVIDIA_VISIBLE_DEVICES", "LD_AUDIT"])
def test_reserved_variables(as_user: APIClient, body: dict[str, Any], name: str) -> None:
    answer = as_user.post(AT, {**body, "environment": {name: "0"}})
    if name == "LD_PRELOAD_":
        assert answer.status_code == 202
    else:
        assert name in make.problem(answer, 409, "reserved_variable")["detail"]


def test_conflicts_have_codes(as_user: APIClient, as_other: APIClient, body: dict[str, Any]) -> None:
    first = as_user.post(AT, body).json()
    make.problem(as_user.post(AT, body), 409, "duplicate")
    make.problem(as_user.post(f"{AT}preview/", body), 409, "duplicate")
    assert as_other.post(f"{AT}preview/", body).status_code == 200
    assert as_other.post(AT, body).status_code == 202, "names are one's own"
    at = f"{AT}{first['id']}/"
    make.problem(as_user.post(f"{at}start/"), 409, "no_container")
    make.problem(as_user.get(f"{at}logs/"), 409, "no_container")
    make.problem(as_user.get(f"{at}stats/"), 409, "no_container")
    plain = make.image(supports_vgpu=False)
    make.problem(as_user.post(AT, {**body, "image": plain.pk, "name": "b"}), 409, "image_without_slices")
    whole = make.slice_spec(gpu_count=2, supports_memory_split=False, gpu_memory_gb=0)
    full = make.problem(as_user.post(AT, {**body, "spec": whole.pk, "name": "c"}), 409, "no_room")
    assert [(node["node"], node["code"]) for node in full["nodes"]] == [("n1", "no_free_card")]
    assert as_user.delete(at).json()["state"] == "removing"
    make.problem(as_user.delete(at), 409, "operation_active")


@pytest.mark.parametrize("role", ["user", "operator"])
@pytest.mark.parametrize("thing", ["image", "spec", "node"])
def test_what_is_not_listed_is_used_by_nobody(
    as_user: APIClient, as_operator: APIClient, body: dict[str, Any], thing: str, role: str
) -> None:
    client = {"user": as_user, "operator": as_operator}[role]
    hidden = {"image": make.image, "spec": make.spec, "node": make.gpu_node}[thing](is_listed=False)
    for at in (AT, f"{AT}preview/"):
        make.problem(client.post(at, {**body, thing: hidden.pk}), 404, f"{thing}_not_listed")
        make.problem(client.post(at, {**body, thing: 10**9}), 404, f"{thing}_not_listed")
    assert not Instance.objects.exists()


def test_every_route_of_anothers_instance_is_404(as_other: APIClient, user: User) -> None:
    row = make.instance(by=user, container_name="i7-secret")
    at = f"{AT}{row.pk}/"
    answers = [as_other.get(at), as_other.patch(at, {"remark": "mine"}), as_other.delete(at)]
    answers += [as_other.post(f"{at}{verb}/") for verb in ("start", "stop", "restart")]
    answers += [as_other.get(f"{at}{verb}/") for verb in ("logs", "stats")]
    answers += [as_other.get(f"{AT}?name={row.name}")]
    for answer in answers[:-1]:
        make.problem(answer, 404, "not_found")
    assert answers[-1].json()["results"] == []
    assert not any(text in str(answer.content) for answer in answers for text in (row.container_id, "i7-secret"))
    row.refresh_from_db()
    assert row.remark == "" and not Operation.objects.exists()


def test_only_the_remark_changes(as_user: APIClient, user: User) -> None:
    row = make.instance(by=user)
    at = f"{AT}{row.pk}/"
    assert as_user.patch(at, {"remark": "for team A"}).json()["remark"] == "for team A"
    for values in ({"name": "b"}, {"user": 1}, {"container_id": "x", "remark": "c"}, {"remark": "x" * 1001}, {}):
        make.faulty_fields(as_user.patch(at, values))
    row.refresh_from_db()
    assert row.remark == "for team A"


@pytest.mark.parametrize("kind", ["start", "stop", "restart"])
def test_operations_are_queued(as_user: APIClient, user: User, kind: str) -> None:
    row = make.instance(by=user)
    answer = as_user.post(f"{AT}{row.pk}/{kind}/")
    assert answer.status_code == 202 and answer.json()["operation"]["kind"] == kind
    assert Operation.objects.get().requested_by == user
    make.problem(as_user.post(f"{AT}{row.pk}/{kind}/"), 409, "operation_active")


def test_only_what_cannot_be_removed_is_forgotten(as_operator: APIClient, user: User) -> None:
    node = make.gpu_node()
    row = make.instance(by=user, node=node)
    GpuAllocation.objects.create(
        instance=row, gpu=node.gpus.earliest("pk"), memory_mib=1, compute_percent=1, is_exclusive=False
    )
    at = f"/api/instances/{row.pk}/forget/"
    make.problem(as_operator.post(at), 409, "node_connected")
    ComputeNode.objects.update(status=NodeStatus.FAILED)
    removal = make.operation(row, OperationKind.REMOVE)
    make.problem(as_operator.post(at), 409, "operation_active")
    Operation.objects.update(state=JobState.FAILED)
    assert as_operator.post(at).status_code == 204
    assert not Instance.objects.exists() and not GpuAllocation.objects.exists()
    assert Operation.objects.get(pk=removal.pk).instance_name == row.name
    make.problem(as_operator.post(at), 404)


def test_filters_ordering_and_pages(as_operator: APIClient, user: User, other: User) -> None:
    one = make.instance(by=user, name="alpha", observed=Observed.EXITED)
    two = make.instance(by=other, name="beta")
    three = make.instance(by=other, name="alphabet", image=one.image)

    def ids(**query: Any) -> list[int]:
        return [row["id"] for row in as_operator.get(AT, query).json()["results"]]

    assert ids() == [three.pk, two.pk, one.pk]
    assert ids(ordering="name") == [one.pk, three.pk, two.pk]
    assert ids(name="ALPHA", ordering="id") == [one.pk, three.pk] == ids(image=one.image_id, ordering="id")
    assert ids(state="exited") == [one.pk] == ids(spec=one.spec_id) == ids(node=one.node_id) == ids(user="ulrich")
    assert ids(created_after=timezone.now().isoformat()) == []
    assert len(ids(created_before=timezone.now().isoformat())) == 3
    page = as_operator.get(AT, {"page_size": 2, "page": 2}).json()
    assert page["count"] == 3 and [row["id"] for row in page["results"]] == [one.pk]
    for wrong in ({"state": "asleep"}, {"image": "five"}, {"created_after": "yesterday"}):
        assert make.faulty_fields(as_operator.get(AT, wrong)) == wrong.keys()
    assert make.faulty_fields(as_operator.get(AT, {"image": 10**30})) == {"image"}
    make.problem(as_operator.get(f"{AT}{10**30}/"), 404)


def test_a_failure_is_told_with_its_evidence(as_user: APIClient, user: User) -> None:
    told = {"params": {"evidence": "no such foo"}}
    row = make.instance(by=user, observed=Observed.FAILED, problem_code="engine_refused", problem=told)
    problem = as_user.get(f"{AT}{row.pk}/", HTTP_ACCEPT_LANGUAGE="en").json()["problem"]
    assert problem == {"code": "engine_refused", "text": "The engine refused: no such foo", "evidence": "no such foo"}


def test_a_pull_shows_in_the_operation(as_user: APIClient, user: User) -> None:
    row = make.instance(by=user, observed=Observed.PULLING, container_id="")
    pull = make.pull(by=user, on=row.node, state=JobState.RUNNING, progress={"percent": 43.7})
    make.operation(row, "create", pull=pull)
    for shown in (as_user.get(f"{AT}{row.pk}/").json(), as_user.get(AT).json()["results"][0]):
        assert shown["state"] == "pulling" and shown["operation"]["pull"] == {"id": pull.pk, "percent": 43.7}


def test_the_log_comes_from_the_engine(as_user: APIClient, user: User, tmp_path: Path) -> None:
    with tiny_engine(tmp_path, unix=False) as engine:
        row = make.instance(by=user, node=make.node(docker_address=engine.address))
        engine.answers["GET /containers/"] = lambda: (200, {"Config": {"Tty": True}})
        engine.answers = {f"GET /containers/{row.container_id}/logs": lambda: (200, "epoch 1\r\n第二\r\n".encode())} | (
            engine.answers
        )
        assert as_user.get(f"{AT}{row.pk}/logs/?tail=5").json()["log"].splitlines() == ["epoch 1", "第二"]
        assert any("tail=5" in line for line in engine.asked)
        for wrong in ("x", "-1", "9" * 7):
            answer = as_user.get(f"{AT}{row.pk}/logs/?tail={wrong}", HTTP_ACCEPT_LANGUAGE="en")
            assert make.faulty_fields(answer) == {"tail"}
            assert "Give a number of lines, for example 100." in answer.content.decode()


@pytest.mark.parametrize(
    ("status", "words", "code"),
    [
        (404, "No such container: c1", "container_gone"),
        (501, "configured logging driver does not support reading", "refused"),
    ],
)
def test_an_engine_that_refuses_its_log_is_not_away(
    as_user: APIClient, user: User, tmp_path: Path, status: int, words: str, code: str
) -> None:
    with tiny_engine(tmp_path, unix=False) as engine:
        row = make.instance(by=user, node=make.node(docker_address=engine.address))
        engine.answers["GET /containers/"] = lambda: (status, {"message": words})
        told = make.problem(as_user.get(f"{AT}{row.pk}/logs/", HTTP_ACCEPT_LANGUAGE="en"), 409, code)["detail"]
        assert told == "The container is not there any more." or words in told
        log = Log("en")
        with pytest.raises(Conflict) as live:
            log.open(row, 5)
        assert live.value.code == code
        assert as_user.get(f"{AT}{row.pk}/stats/").status_code == (204 if status == 404 else 409)


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(("language", "begin"), [("en", "The engine refused: "), ("zh-hans", "引擎拒绝了请求：")])
def test_a_live_log_that_is_refused_says_so_in_the_readers_language(
    user: User, tmp_path: Path, language: str, begin: str, at_once: bool
) -> None:
    words = "configured logging driver does not support reading"
    with tiny_engine(tmp_path, unix=False) as engine:
        row = make.instance(by=user, node=make.node(docker_address=engine.address))
        if not at_once:
            engine.answers[f"GET /containers/{row.container_id}/json"] = lambda: (200, {"Config": {"Tty": False}})
        engine.answers["GET /containers/"] = lambda: (501, {"message": words})

        async def told() -> str:
            stream = follow(instance=row, user=user.pk, lines=5, language=language, allowed=lambda: True)
            return b"".join([part async for part in stream]).decode()

        assert f'"message": "{begin}{words}"' in asyncio.run(told())


def test_a_node_that_does_not_answer_is_told(
    as_user: APIClient, user: User, operator: User, client_of: Callable[[User], APIClient]
) -> None:
    """What was met on the way to it, operators alone."""
    row = make.instance(by=user, problem_code="node_lost", observed="running")
    Instance.objects.filter(pk=row.pk).update(
        problem={"params": {"cause": cause_of("engine", "engine_gone"), "evidence": "tcp://10.0.0.9:2376"}}
    )
    at = f"{AT}{row.pk}/"
    for route in ("logs", "stats"):
        told = make.problem(as_user.get(f"{at}{route}/"), 503, "node_away")
        assert told["detail"] and "evidence" not in told
        assert make.problem(client_of(operator).get(f"{at}{route}/"), 503, "node_away")["evidence"]
    mine, theirs = (client.get(at).json()["problem"] for client in (as_user, client_of(operator)))
    assert (mine["evidence"], theirs["evidence"]) == ("", "tcp://10.0.0.9:2376")
    assert mine["text"] == theirs["text"] != ""
    assert "10.0.0.9" not in as_user.get(AT).content.decode()


class TestGpusOfANode:
    @pytest.fixture
    def ask(self, client_of: Callable[[User], APIClient]) -> Callable[..., Any]:
        return lambda who, node: client_of(who).get(f"/api/nodes/{node.pk}/gpus/")

    def test_names_of_holders_are_for_those_who_see_the_instances(
        self, ask: Any, as_user: APIClient, user: User, other: User, operator: User, body: dict[str, Any]
    ) -> None:
        made = as_user.post(AT, body).json()
        node = Instance.objects.get().node
        for who, holders in ((user, ["train"]), (operator, ["train"]), (other, [])):
            card, free = ask(who, node).json()["gpus"]
            assert (card["held_mib"], card["held_percent"], free["held_mib"]) == (8192, 33, 0)
            assert [holder["name"] for holder in card["holders"]] == holders
        assert card["device_id"] == made["gpus"][0]

    def test_what_was_never_asked_is_unknown(self, ask: Any, user: User) -> None:
        found = ask(user, make.node()).json()
        assert (found["checked_at"], found["problem"]["code"], found["gpus"]) == (None, "gpus_unknown", [])
        make.problem(ask(user, make.node(is_listed=False)), 404)


@pytest.mark.parametrize("state", [JobState.RUNNING, JobState.SUCCEEDED])
def test_state_and_operation_are_read_at_once(user: User, django_assert_num_queries: Any, state: str) -> None:
    """In two statements, an operation that ends between them would leave what was true before it."""
    pk = make.operation(make.instance(by=user), "restart", state=state).instance_id
    with django_assert_num_queries(1):
        picture = snapshot(with_operations(visible_instances(user)).get(pk=pk), now=timezone.now())
    assert (picture["operation"] is None) == (state == JobState.SUCCEEDED)


def test_the_doctor_tells_each_finding_with_what_to_do(as_operator: APIClient) -> None:
    answer = as_operator.post(f"/api/nodes/{make.node().pk}/doctor/")
    assert answer.status_code == 200
    [finding] = answer.json()["findings"]
    assert (finding["code"], finding["level"]) == ("engine_away", "bad")
    assert "Nothing accepts connections" in finding["text"] and finding["advice"] == "Test the node's connection."
    chinese = as_operator.post(f"/api/nodes/{make.node().pk}/doctor/", HTTP_ACCEPT_LANGUAGE="zh-hans").json()
    assert chinese["findings"][0]["advice"] == "请测试该节点的连接。"
    missing = as_operator.post("/api/nodes/123456/doctor/")
    assert missing.status_code == 404 and missing["Content-Type"] == make.PROBLEM
