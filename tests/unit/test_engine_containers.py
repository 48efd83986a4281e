"""Containers, from our values to the engine's JSON and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.engine import (
    BindMount,
    ContainerEvent,
    ContainerInfo,
    ContainerSpec,
    DeviceRequest,
    EngineError,
    EngineRejected,
    PublishedPort,
    VolumeMount,
)
from nodes.engine import container_answers as answers
from nodes.engine.answers import environment
from nodes.engine.container_bodies import container_body
from nodes.engine.container_events import ContainerEventDecoder, moment_before
from nodes.engine.names import demand_container, is_name, label_filters
from tests.unit.test_engine_odd_answers import ODD

ID = "ab" * 32


def test_a_full_specification() -> None:
    body = container_body(
        ContainerSpec(
            "x", "r/i:1", ("a", "b"), (), "/work", {"A": "1=2"}, {"l": "v"},
            (BindMount("/opt/hami", "/libvgpu/build"),), (VolumeMount("data-1", "/data"),), {"/lock": "mode=1777"},
            (DeviceRequest("nvidia", ("GPU-1",), 0, (("gpu", "utility"),)),), 1.5, 2**30, 10**10,
            (PublishedPort(80), PublishedPort(80, "tcp", "127.0.0.1", 8080)), "unless-stopped", True, True, "none",
        )
    )  # fmt: skip
    assert (body["Cmd"], body["Entrypoint"], body["Env"], body["Labels"]) == (["a", "b"], [""], ["A=1=2"], {"l": "v"})
    assert body["WorkingDir"] == "/work"
    assert (body["Tty"], body["OpenStdin"], body["ExposedPorts"]) == (True, True, {"80/tcp": {}})
    assert body["HostConfig"] == {
        "Mounts": [
            {"Type": "bind", "Source": "/opt/hami", "Target": "/libvgpu/build", "ReadOnly": True},
            {"Type": "volume", "Source": "data-1", "Target": "/data"},
        ],
        "Tmpfs": {"/lock": "mode=1777"},
        "DeviceRequests": [
            {"Driver": "nvidia", "Count": 0, "DeviceIDs": ["GPU-1"], "Capabilities": [["gpu", "utility"]]}
        ],
        "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": ""}, {"HostIp": "127.0.0.1", "HostPort": "8080"}]},
        "RestartPolicy": {"Name": "unless-stopped"},
        "NetworkMode": "none",
        "NanoCpus": 1_500_000_000,
        "Memory": 2**30,
        "MemorySwap": 2**30,
        "StorageOpt": {"size": "10000000000"},
    }


def test_what_is_not_said_is_left_to_image_and_engine() -> None:
    body = container_body(ContainerSpec("x", "i"))
    assert not {"Cmd", "Entrypoint"} & set(body)
    assert not {"NetworkMode", "NanoCpus", "Memory", "StorageOpt", "LogConfig", "Binds"} & set(body["HostConfig"])
    assert container_body(ContainerSpec("x", "i", entrypoint=("e",)), readable_logs=True)["Entrypoint"] == ["e"]
    logs = container_body(ContainerSpec("x", "i"), readable_logs=True)["HostConfig"]["LogConfig"]
    assert logs["Type"] == "json-file"


def test_an_inspected_container() -> None:
    state = {
        "Status": "exited", "Running": False, "ExitCode": 137, "OOMKilled": True, "Error": "no\nspace",
        "StartedAt": "2024-01-01T00:00:01.5Z", "FinishedAt": "0001-01-01T00:00:00Z",
    }  # fmt: skip
    answer = {
        "Id": ID, "Name": "/web", "Image": "sha256:1", "Created": "2024-01-01T00:00:00Z", "RestartCount": 2,
        "Config": {"Image": "r:1", "Labels": {"a": "b"}, "Tty": True}, "State": state,
        "NetworkSettings": {
            "Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "81/tcp": None, "x": [{"HostPort": "1"}],
                      "82/udp": [{"HostIp": "::", "HostPort": "many"}]},
        },
    }  # fmt: skip
    assert answers.inspected_container(answer) == ContainerInfo(
        ID, "web", "r:1", "sha256:1", {"a": "b"}, "exited", 137, True, "no space", "2024-01-01T00:00:00Z",
        "2024-01-01T00:00:01.5Z", "", 2, (PublishedPort(80, "tcp", "0.0.0.0", 8080),),
    )  # fmt: skip
    assert answers.is_tty(answer) and not answers.is_running(answer)


@pytest.mark.parametrize(
    ("status", "code"),
    [("Exited (137) 2 minutes ago", 137), ("Restarting (1) 3 s ago", 1), ("Up 2 hours", 0), ("Created", 0)],
)
def test_a_listed_container(status: str, code: int) -> None:
    ports = [{"PrivatePort": 80, "PublicPort": 8080, "Type": "tcp", "IP": "::"}, {"PrivatePort": 81, "Type": "tcp"}]
    answer = {
        "Id": ID, "Names": ["/web", "/other"], "Image": "r:1", "ImageID": "sha256:1", "Labels": {"a": "b"},
        "State": "exited", "Status": status, "Created": 1_704_067_200, "Ports": ports,
    }  # fmt: skip
    found = answers.listed_container(answer)
    assert (found.name, found.exit_code, found.created) == ("web", code, "2024-01-01T00:00:00Z")
    assert found.ports == (PublishedPort(80, "tcp", "::", 8080),)


@pytest.mark.parametrize(
    ("host", "cores"),
    [
        ({"NanoCpus": 1_500_000_000}, 1.5),
        ({"CpuQuota": 50_000, "CpuPeriod": 100_000}, 0.5),
        ({"CpuQuota": 50_000}, 0.5),
        ({"CpuQuota": -1, "CpuPeriod": 0}, 0),
        (None, 0),
    ],
)
def test_cpu_limits(host: Any, cores: float) -> None:
    assert answers.cpu_limit({"HostConfig": host}) == cores


def test_the_state_of_an_exec() -> None:
    assert answers.exec_status({"Running": True, "ExitCode": None}) is None
    assert answers.exec_status({"Running": False, "ExitCode": None}) is None
    assert answers.exec_status({"Running": False, "ExitCode": 0}) == 0
    assert answers.is_running({"State": {"Running": True}})
    assert not answers.is_running({"State": {"Running": True, "Restarting": True}})


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:20])
def test_odd_fields_count_as_left_out(odd: Any) -> None:
    fields = ("Name", "Image", "Created", "RestartCount", "State", "Config", "NetworkSettings", "Names", "ImageID")
    full = {"Id": ID} | dict.fromkeys((*fields, "Labels", "Ports", "Status", "HostConfig"), odd)
    inner = {"Status": odd, "ExitCode": odd, "OOMKilled": odd, "Error": odd, "StartedAt": odd}
    nested = {
        "Id": ID,
        "State": inner,
        "Config": {"Image": odd, "Labels": {"a": odd}},
        "NetworkSettings": {"Ports": odd},
    }
    for answer in (full, nested, nested | {"NetworkSettings": {"Ports": {"80/tcp": odd}}, "Ports": [odd]}):
        for read in (answers.inspected_container, answers.listed_container):
            found = read(answer)
            assert "\0" not in found.name + found.image + found.state + found.error
            assert 0 <= found.exit_code < 2**31 and 0 <= found.restart_count < 2**31
            assert json.dumps([dict(found.labels), found.created], ensure_ascii=False).encode()
        assert answers.cpu_limit(answer) == 0 and not answers.is_tty(answer)
    assert answers.volume_names({"Volumes": odd}) == []
    assert isinstance(answers.exit_status({"StatusCode": odd}), int)
    assert environment(odd) in ({}, environment([odd]))


def test_answers_that_are_no_containers() -> None:
    for wrong in (None, [], {}, {"Id": 5}, {"Id": ""}):
        for read in (answers.inspected_container, answers.listed_container):
            with pytest.raises(EngineError) as error:
                read(wrong)
            assert error.value.code == "engine_not_docker"


def test_environments() -> None:
    assert environment(["A=1", "B=x=y", "C", "=D", "A=2", 5]) == {"A": "2", "B": "x=y", "C": ""}


def test_names() -> None:
    assert is_name("web-1.x_Y") and is_name(ID)
    for wrong in ("", "-x", "a/b", "..", "a b", "ü", "x" * 300, "a\n"):
        assert not is_name(wrong)
        with pytest.raises(EngineRejected) as refused:
            demand_container(wrong)
        assert refused.value.status == 404
    assert label_filters({"a": "1", "b": ""}) == ["a=1", "b"]


def event(action: str, **attributes: str) -> bytes:
    actor = {"ID": ID, "Attributes": {"name": "web", "image": "r:1", **attributes}}
    message = {"Type": "container", "Action": action, "Actor": actor, "time": 17, "timeNano": 17_500_000_000}
    return json.dumps(message).encode() + b"\n"


def test_events_in_any_chunks() -> None:
    data = (
        event("start", a="b")
        + event("exec_create: sh")
        + event("die", exitCode="137")
        + b"\n"
        + event("health_status: unhealthy")
        + b'{"Type":"network","Action":"start"}\n'
        + event("die", exitCode="many")
    )
    expected = [
        ContainerEvent("start", ID, "web", 17.5, {"a": "b"}),
        ContainerEvent("die", ID, "web", 17.5, exit_code=137),
        ContainerEvent("health_status", ID, "web", 17.5, health="unhealthy"),
        ContainerEvent("die", ID, "web", 17.5),
    ]
    for size in (1, 7, len(data)):
        decoder = ContainerEventDecoder()
        chunks = [data[start : start + size] for start in range(0, len(data), size)]
        assert [found for chunk in chunks for found in decoder.feed(chunk)] == expected
        assert list(decoder.finish()) == []


@given(st.integers(0, 4 * 10**18))
def test_an_event_is_not_later_than_the_moment_asked_for_with_its_own_time(nanos: int) -> None:
    seconds, _, micros = moment_before(nanos / 10**9).partition(".")
    asked = int(seconds) * 10**9 + int(micros) * 1000
    assert max(nanos - 5000, 0) <= asked <= nanos


def test_the_time_of_an_old_engines_event() -> None:
    line = json.dumps({"Type": "container", "Action": "start", "time": 17}).encode() + b"\n"
    [found] = ContainerEventDecoder().feed(line)
    assert (found.at, found.name, found.container_id) == (17.0, "", "")


@pytest.mark.parametrize("data", [b"<html>\n", b"[1]\n", b"[" * 100_000 + b"\n", b"x" * (1 << 21)])
def test_what_is_no_event(data: bytes) -> None:
    with pytest.raises(EngineError) as error:
        list(ContainerEventDecoder().feed(data))
    assert error.value.code == "engine_not_docker"
