"""`/instance/…`: containers as the front end asks for them, and what its original did wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from core.jobs import JobState
from instances.models import Gpu, GpuAllocation, Instance, Observed, Operation
from nodes.models import ComputeNode, NodeStatus
from tests.api import make
from tests.api.gva_client import done, log_in, refused
from tests.support.tiny_engine import tiny_engine

AT = "/instance"
CREATE, UPDATE = f"{AT}/createInstance", f"{AT}/updateInstance"
LIST, FIND = f"{AT}/getInstanceList", f"{AT}/findInstance"
DELETE, DELETE_MANY = f"{AT}/deleteInstance", f"{AT}/deleteInstanceByIds"
SOURCE, NODES, LOG = f"{AT}/getInstanceDataSource", f"{AT}/getAvailableNodes", f"{AT}/getContainerLogs"
VERBS = {"start": "startContainer", "stop": "stopContainer", "restart": "restartContainer"}


@pytest.fixture
def spa(user: User) -> APIClient:
    return log_in("ulrich")


@pytest.fixture
def form() -> dict[str, Any]:
    """What the dialog sends for 8 GB of a card on the only node."""
    node = make.gpu_node(name="n1")
    image = make.image(name="pytorch", supports_vgpu=True)
    return {"imageId": image.pk, "specId": make.slice_spec().pk, "nodeId": node.pk, "name": "train", "remark": "r"}


class TestCreating:
    def test_the_answer_comes_at_once(self, spa: APIClient, user: User, form: dict[str, Any]) -> None:
        made = done(spa.post(CREATE, form))
        assert made == {"ID": Instance.objects.get().pk}
        row = done(spa.get(f"{FIND}?ID={made['ID']}"))
        times = {row.pop("CreatedAt"), row.pop("UpdatedAt")}
        assert all(isinstance(time, str) for time in times)
        assert row == {
            "ID": made["ID"], **form, "userId": user.pk, "userName": "ulrich", "containerId": "", "containerName": "",
            "containerStatus": "creating", "cpuUsagePercent": None, "memoryUsagePercent": None,
            "gpuMemoryUsageRate": None,
        }  # fmt: skip
        assert done(spa.get(LIST))["list"][0]["ID"] == made["ID"]
        assert Operation.objects.get().kind == "create"

    @pytest.mark.parametrize("node", [0, None, "left out"])
    def test_without_a_node_the_system_chooses(self, spa: APIClient, form: dict[str, Any], node: Any) -> None:
        chosen = form.pop("nodeId")
        done(spa.post(CREATE, form if node == "left out" else {**form, "nodeId": node}))
        assert Instance.objects.get().node_id == chosen

    @pytest.mark.parametrize("thing", ["imageId", "specId", "nodeId"])
    def test_what_is_unlisted_or_unknown_cannot_be_used(self, spa: APIClient, form: dict[str, Any], thing: str) -> None:
        hidden = {"imageId": make.image, "specId": make.spec, "nodeId": make.gpu_node}[thing](is_listed=False)
        for pk in (hidden.pk, 10**9, 2**62):
            assert "There is no listed" in refused(spa.post(CREATE, {**form, thing: pk}))
        assert not Instance.objects.exists() and not GpuAllocation.objects.exists()

    def test_full_nodes_are_refused_with_their_reason(self, spa: APIClient, form: dict[str, Any]) -> None:
        for number in range(6):
            done(spa.post(CREATE, {**form, "name": f"t{number}"}))
        told = refused(spa.post(CREATE, form))
        assert told.startswith("Creation failed: No compute node can take it. n1: ")
        assert Instance.objects.count() == 6

    def test_image_and_spec_must_fit(self, spa: APIClient, form: dict[str, Any]) -> None:
        plain = make.image(supports_vgpu=False)
        assert "does not support GPU memory slices" in refused(spa.post(CREATE, {**form, "imageId": plain.pk}))

    @pytest.mark.parametrize("state", ["failed", "stale", "without an engine"])
    def test_nodes_that_are_away_are_neither_offered_nor_used(
        self, spa: APIClient, form: dict[str, Any], state: str
    ) -> None:
        change = {
            "failed": {"status": NodeStatus.FAILED},
            "stale": {"checked_at": timezone.now() - timedelta(minutes=5)},
            "without an engine": {"docker_address": ""},
        }[state]
        ComputeNode.objects.update(**change)
        assert done(spa.get(f"{NODES}?specId={form['specId']}")) == []
        refused(spa.post(CREATE, form))
        assert not Instance.objects.exists()

    def test_columns_of_the_server_cannot_be_written(self, spa: APIClient, other: User, form: dict[str, Any]) -> None:
        planted = {"ID": 77, "userId": other.pk, "userName": "otto", "containerId": "c", "containerStatus": "running"}
        pk = done(spa.post(CREATE, {**form, **planted}))["ID"]
        row = Instance.objects.get()
        assert (row.pk, row.user.username, row.container_id, row.observed) == (pk, "ulrich", "", "creating")

    @pytest.mark.parametrize(
        ("wrong", "key"),
        [
            ({"imageId": None}, "imageId"), ({"imageId": "5"}, "imageId"), ({"specId": 0}, "specId"),
            ({"specId": 1.5}, "specId"), ({"nodeId": -1}, "nodeId"), ({"nodeId": "x"}, "nodeId"),
            ({"name": ""}, "name"), ({"name": "a b"}, "name"), ({"name": "x" * 51}, "name"), ({"name": "名"}, "name"),
            ({"remark": "x" * 1001}, "remark"), ({"imageId": 2**63}, "imageId"), ({"nodeId": 2**63}, "nodeId"),
        ],
    )  # fmt: skip
    def test_wrong_fields_are_named(self, spa: APIClient, form: dict[str, Any], wrong: Any, key: str) -> None:
        told = refused(spa.post(CREATE, {**form, **wrong}))
        assert told.startswith("Creation failed: ") and f"{key}: " in told and make.gives_example(told)
        assert "Id" not in key or told.endswith("For example: 5")

    def test_an_address_that_no_rule_allows_any_more_is_told_of_the_image(
        self, spa: APIClient, form: dict[str, Any]
    ) -> None:
        broken = make.image(address="UPPER//x", supports_vgpu=True)
        assert "image imageId: " in refused(spa.post(CREATE, {**form, "imageId": broken.pk}))

    def test_a_name_is_used_once_by_each_user(self, spa: APIClient, other: User, form: dict[str, Any]) -> None:
        done(spa.post(CREATE, form))
        assert "“train”" in refused(spa.post(CREATE, form))
        done(log_in("otto").post(CREATE, form))


class TestOwnership:
    def test_no_route_lets_anybody_near_anothers_instance(self, spa: APIClient, other: User) -> None:
        row = make.instance(by=other, name="precious", container_name="i7-precious", node=make.gpu_node())
        mine = make.instance(by=User.objects.get(username="ulrich"))
        answers = [
            spa.get(f"{FIND}?ID={row.pk}"),
            spa.put(UPDATE, {"ID": row.pk, "remark": "mine"}),
            spa.delete(f"{DELETE}?ID={row.pk}"),
            spa.delete(f"{DELETE_MANY}?IDs[]={mine.pk}&IDs[]={row.pk}"),
            spa.get(f"{LOG}?ID={row.pk}"),
            *(spa.post(f"{AT}/{route}?ID={row.pk}") for route in VERBS.values()),
        ]
        for answer in answers:
            assert f"{row.pk}" in refused(answer)
        for query in (f"userId={other.pk}", f"containerId={row.container_id}", "name=precious"):
            assert done(spa.get(f"{LIST}?{query}"))["list"] == []
        answers += [spa.get(path) for path in (LIST, SOURCE, f"{NODES}?specId={make.spec().pk}")]
        heard = "".join(answer.content.decode() for answer in answers)
        assert not any(text in heard for text in (row.container_id, "precious", "otto"))
        row.refresh_from_db()
        assert row.remark == "" and not Operation.objects.exists()

    def test_operators_see_and_operate_all(self, operator: User, other: User) -> None:
        row, spa = make.instance(by=other), log_in("olga")
        assert done(spa.get(LIST))["list"][0]["userName"] == "otto"
        assert {"label": "otto", "value": other.pk} in done(spa.get(SOURCE))["userId"]
        done(spa.post(f"{AT}/stopContainer?ID={row.pk}"))
        assert Operation.objects.get().kind == "stop"

    def test_nothing_is_public(self, anonymous: APIClient, spa: APIClient, user: User) -> None:
        make.instance(by=user)
        for path in (SOURCE, f"{AT}/getInstancePublic", LIST):
            refused(anonymous.get(path), 401)
        assert done(spa.get(f"{AT}/getInstancePublic")) == {"info": []}


class TestChanging:
    def test_the_whole_object_comes_back_and_only_the_remark_changes(
        self, spa: APIClient, user: User, other: User
    ) -> None:
        row = make.instance(by=user)
        before = Instance.objects.values().get()
        found = done(spa.get(f"{FIND}?ID={row.pk}"))
        assert done(spa.put(UPDATE, {**found, "remark": "new"})) == {}
        planted = {"name": "other", "imageId": make.image().pk, "specId": make.spec().pk, "nodeId": make.node().pk}
        planted |= {"userId": other.pk, "containerId": "c", "containerStatus": "exited", "containerName": "n"}
        done(spa.put(UPDATE, {**found, **planted, "remark": "newer"}))
        after = Instance.objects.values().get()
        changed = {key for key in after if after[key] != before[key]}
        assert changed == {"remark", "updated_at", "version"} and after["remark"] == "newer"

    @pytest.mark.parametrize("kind", VERBS)
    def test_start_stop_and_restart(self, spa: APIClient, user: User, kind: str) -> None:
        row = make.instance(by=user)
        at = f"{AT}/{VERBS[kind]}?ID={row.pk}"
        assert done(spa.generic("POST", at)) == {}
        assert Operation.objects.get().kind == kind
        assert "is busy" in refused(spa.generic("POST", at))
        fresh = make.instance(by=user, container_id="")
        told = refused(spa.generic("POST", f"{AT}/{VERBS[kind]}?ID={fresh.pk}"))
        assert "failed: There is no container yet." in told
        for wrong in ("", "?ID=x", "?ID=0", f"?ID={10**30}", "?id=5"):
            assert "ID: " in refused(spa.generic("POST", f"{AT}/{VERBS[kind]}{wrong}"))

    def test_deleting_takes_the_container_away_first(self, spa: APIClient, user: User) -> None:
        one, two, three = (make.instance(by=user) for _ in range(3))
        done(spa.delete(f"{DELETE}?ID={one.pk}"))
        done(spa.delete(f"{DELETE_MANY}?IDs[]={two.pk}&IDs[]={three.pk}"))
        assert set(Operation.objects.values_list("kind", flat=True)) == {"remove"}
        assert {row["containerStatus"] for row in done(spa.get(LIST))["list"]} == {"removing"}
        assert refused(spa.delete(f"{DELETE}?ID={one.pk}")).startswith("Deletion failed: ")
        assert refused(spa.delete(f"{DELETE_MANY}?IDs[]={10**9}")).startswith("Batch deletion failed: ")

    def test_what_an_instance_is_made_of_is_not_deleted(self, operator: User, user: User) -> None:
        row, spa = make.instance(by=user, name="precious"), log_in("olga")
        for path, pk in (
            ("imageRegistry/deleteImageRegistry", row.image_id),
            ("productSpec/deleteProductSpec", row.spec_id),
            ("computeNode/deleteComputeNode", row.node_id),
        ):
            assert "precious" in refused(spa.delete(f"/{path}?ID={pk}"))


class TestListing:
    @pytest.mark.parametrize(
        ("values", "shown"),
        [
            ({"observed": Observed.RUNNING}, "running"),
            ({"observed": Observed.EXITED}, "exited"),
            ({"observed": Observed.CREATING}, "creating"),
            ({"observed": Observed.PULLING}, "pulling"),
            ({"observed": Observed.FAILED, "problem_code": "image_gone"}, "failed: The image was removed"),
            (
                {"observed": Observed.FAILED, "problem_code": "engine_refused",
                 "problem": {"params": {"evidence": "x" * 999}}},
                "failed: The engine refused: xxx",
            ),
        ],
    )  # fmt: skip
    def test_states(self, spa: APIClient, user: User, values: dict[str, Any], shown: str) -> None:
        row = make.instance(by=user, **values)
        state = done(spa.get(f"{FIND}?ID={row.pk}"))["containerStatus"]
        assert state.startswith(shown) and len(state) <= len("failed: ") + 80
        assert done(spa.get(LIST, {"containerStatus": state}))["total"] == 1

    @pytest.mark.parametrize(("percent", "shown"), [(0, "pulling 0%"), (43.99, "pulling 43%"), (100.0, "pulling 100%")])
    def test_a_pull_shows_how_far_it_is(self, spa: APIClient, user: User, percent: float, shown: str) -> None:
        row = make.instance(by=user, observed=Observed.PULLING)
        pull = make.pull(by=user, on=row.node, state=JobState.RUNNING, progress={"percent": percent})
        make.operation(row, "create", pull=pull)
        assert done(spa.get(LIST))["list"][0]["containerStatus"] == shown
        assert done(spa.get(LIST, {"containerStatus": shown}))["total"] == 1

    def test_filters(self, operator: User, user: User, other: User) -> None:
        spa = log_in("olga")
        one = make.instance(by=user, name="alpha_1", observed=Observed.EXITED)
        two = make.instance(by=other, name="beta")

        def ids(**query: Any) -> list[int]:
            return [row["ID"] for row in done(spa.get(LIST, query))["list"]]

        assert ids() == [two.pk, one.pk]
        assert ids(imageId=one.image_id) == ids(specId=one.spec_id) == ids(nodeId=one.node_id) == [one.pk]
        assert ids(userId=user.pk) == ids(name="ALPHA_") == ids(containerStatus="exited") == [one.pk]
        assert ids(containerId=one.container_id[-9:]) == [one.pk]
        assert ids(containerId=one.container_id[-9:], name="beta") == ids(name="%") == ids(containerStatus="run") == []
        assert ids(imageId="", userId="", name="", containerStatus=" ") == [two.pk, one.pk]
        for key in ("imageId", "specId", "nodeId", "userId"):
            for wrong in ("x", "-1", "1.5", str(10**30)):
                assert refused(spa.get(LIST, {key: wrong})).endswith(
                    f"{key}: Give the number of a record, for example 5."
                )

    def test_the_date_filter_works(self, spa: APIClient, user: User) -> None:
        row = make.instance(by=user)
        day = timedelta(days=1)
        now = timezone.now()

        def total(start: Any, end: Any) -> int:
            query = {"createdAtRange[]": [moment.isoformat() for moment in (start, end)]}
            return int(done(spa.get(LIST, query))["total"])

        assert (total(now - day, now + day), total(now + day, now + 2 * day)) == (1, 0)
        assert (total(row.created_at, now + day), total(now - day, row.created_at)) == (1, 0)


class TestDataSource:
    def test_only_what_is_listed_and_ones_own(self, spa: APIClient, user: User, other: User) -> None:
        image, node = make.image(name="pytorch", supports_vgpu=True), make.node(name="n1")
        spec = make.slice_spec(name="s", cpu_cores=4, memory_gb=16, data_disk_gb=9, price_per_hour="2.5")
        for hidden in (make.image, make.node, make.spec):
            hidden(name="hidden", is_listed=False)
        assert done(spa.get(SOURCE)) == {
            "imageId": [{"label": "pytorch", "value": image.pk, "supportMemorySplit": True}],
            "specId": [
                {
                    "value": spec.pk, "name": "s", "label": "s", "gpu_model": "A10", "gpu_count": 1,
                    "memory_capacity": 8, "cpu_cores": 4, "memory_gb": 16, "system_disk_gb": 0, "data_disk_gb": 9,
                    "price_per_hour": 2.5, "supportMemorySplit": True,
                }
            ],
            "nodeId": [],
            "allNodes": [{"label": "n1", "value": node.pk}],
            "userId": [{"label": "ulrich", "value": user.pk}],
        }  # fmt: skip

    def test_the_node_of_an_instance_keeps_its_name_when_it_is_unlisted(self, spa: APIClient, user: User) -> None:
        node = make.node(name="old", is_listed=False)
        assert done(spa.get(SOURCE))["allNodes"] == []
        make.instance(by=user, node=node, image=make.image(), spec=make.spec())
        assert done(spa.get(SOURCE))["allNodes"] == [{"label": "old", "value": node.pk}]


class TestAvailableNodes:
    def test_numbers(self, spa: APIClient, form: dict[str, Any]) -> None:
        facts = {"cpu": 64, "memory": 512, "system_disk": 900, "data_disk": 4000, "region": "north", "gpu_count": 8}
        ComputeNode.objects.update(**facts, gpu_name="A10", public_ip="203.0.113.7")
        spec = make.slice_spec(cpu_cores=4, memory_gb=16, data_disk_gb=100, price_per_hour="2.5")
        done(spa.post(CREATE, {**form, "specId": spec.pk}))
        [node] = done(spa.get(f"{NODES}?specId={spec.pk}"))
        assert node == {
            "id": form["nodeId"], "name": "n1", "region": "north", "gpuName": "A10", "gpuCount": 8, "availableGpu": 2,
            "availableCpu": 60, "availableMemory": 496, "memoryCapacity": 24, "availableSystemDisk": 900,
            "availableDataDisk": 3900, "publicIp": "203.0.113.7", "pricePerHour": 2.5, "cpu": "64", "memory": "512",
            "systemDisk": "900", "dataDisk": "4000",
        }  # fmt: skip
        assert type(node["availableCpu"]) is int

    def test_only_cards_of_the_spec_count(self, spa: APIClient, form: dict[str, Any]) -> None:
        node = ComputeNode.objects.get()
        usual = {"node": node, "seen_at": timezone.now()}
        Gpu.objects.create(**usual, device_id="GPU-large", index=7, model="NVIDIA H100", memory_mib=81920)
        Gpu.objects.create(**usual, device_id="GPU-small", index=8, model="NVIDIA A10", memory_mib=4096)
        Gpu.objects.create(**usual, device_id="GPU-unknown", index=9, model="NVIDIA A10", memory_mib=0)
        [shown] = done(spa.get(f"{NODES}?specId={form['specId']}"))
        assert (shown["availableGpu"], shown["memoryCapacity"]) == (2, 24)
        [shown] = done(spa.get(f"{NODES}?specId={make.spec().pk}"))
        assert shown["availableGpu"] == 0, "a spec without cards takes none"

    def test_a_spec_that_fits_nowhere_gets_no_node(self, spa: APIClient, form: dict[str, Any]) -> None:
        assert len(done(spa.get(f"{NODES}?specId={form['specId']}"))) == 1
        huge = make.slice_spec(gpu_memory_gb=900)
        assert done(spa.get(f"{NODES}?specId={huge.pk}")) == []

    def test_unknown_and_unlisted_specs_are_refused(self, spa: APIClient) -> None:
        for text in (str(make.spec(is_listed=False).pk), "999999"):
            assert "There is no listed product spec" in refused(spa.get(f"{NODES}?specId={text}"))
        for text in ("", "x", str(10**30)):
            assert refused(spa.get(f"{NODES}?specId={text}")).startswith("Fetching failed: specId: ")

    def test_operators_are_offered_only_what_is_listed_too(self, operator: Any, form: dict[str, Any]) -> None:
        olga = log_in("olga")
        make.gpu_node(4, is_listed=False)
        assert [one["id"] for one in done(olga.get(f"{NODES}?specId={form['specId']}"))] == [form["nodeId"]]
        hidden = make.slice_spec(is_listed=False)
        assert "There is no listed product spec" in refused(olga.get(f"{NODES}?specId={hidden.pk}"))

    def test_queries_do_not_grow_with_the_nodes(self, spa: APIClient, form: dict[str, Any]) -> None:
        counts = []
        for more in (2, 9):
            for _ in range(more):
                make.gpu_node(4)
            with CaptureQueriesContext(connection) as captured:
                assert len(done(spa.get(f"{NODES}?specId={form['specId']}"))) >= more
            counts.append(len(captured))
        assert counts[0] == counts[1] <= 10


class TestLog:
    def test_one_text_without_frames(self, spa: APIClient, user: User, tmp_path: Path) -> None:
        with tiny_engine(tmp_path, unix=False) as engine:
            row = make.instance(by=user, node=make.node(docker_address=engine.address))
            line = "第一行\n".encode()
            engine.answers[f"GET /containers/{row.container_id}/json"] = lambda: (200, {"Config": {"Tty": False}})
            engine.answers[f"GET /containers/{row.container_id}/logs"] = lambda: (
                200,
                bytes([1, 0, 0, 0, 0, 0, 0, len(line)]) + line,
            )
            for tail in ("50", "1000"):
                assert done(spa.get(f"{LOG}?ID={row.pk}&tail={tail}")) == "第一行\n"
                assert f"tail={tail}" in engine.asked[-1]
            done(spa.get(f"{LOG}?ID={row.pk}"))
            assert "tail=100" in engine.asked[-1]
            for tail in ("x", "-1", "1" * 7):
                assert refused(spa.get(f"{LOG}?ID={row.pk}&tail={tail}")).startswith("Fetching failed: tail: ")

    def test_reasons_for_none(self, spa: APIClient, user: User) -> None:
        fresh, away = make.instance(by=user, container_id=""), make.instance(by=user)
        assert refused(spa.get(f"{LOG}?ID={fresh.pk}")) == "Fetching failed: There is no container yet."
        refused(spa.get(f"{LOG}?ID={away.pk}"))
        assert refused(spa.get(LOG)).startswith("Fetching failed: ID: ")


def test_names_of_users_hold_no_markup(operator: Any, django_user_model: Any) -> None:
    """A dialog of the front end puts them into HTML as they are."""
    bad = django_user_model.objects.create_user("<img src=x onerror=alert(1)>")
    row = make.instance(by=bad)
    shown = done(log_in("olga").get(f"{FIND}?ID={row.pk}"))["userName"]
    assert shown == "img src=x onerror=alert(1)"
