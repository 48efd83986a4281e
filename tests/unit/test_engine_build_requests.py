"""What engines are asked when something shall be built."""

from __future__ import annotations

import base64
import json

from nodes.engine import BUILDKIT, CLASSIC, BuildSpec, RegistryAuth
from nodes.engine.build_requests import build_query, registry_config, secrets_of


def test_the_least() -> None:
    query = build_query(BuildSpec("h/n:1"), CLASSIC)
    assert query == {
        "version": "1", "t": "h/n:1", "dockerfile": "Dockerfile", "rm": "1", "forcerm": "1", "buildargs": "{}",
        "labels": "{}",
    }  # fmt: skip


def test_the_most() -> None:
    spec = BuildSpec(
        "h/n:1", arguments={"A": "é&"}, labels={"l": "1"}, dockerfile="sub/D", memory_bytes=1 << 30, cpus=1.5,
        network="host", pull=True, no_cache=True,
    )  # fmt: skip
    query = build_query(spec, CLASSIC)
    assert (json.loads(query["buildargs"]), json.loads(query["labels"])) == ({"A": "é&"}, {"l": "1"})
    assert (query["dockerfile"], query["networkmode"], query["pull"], query["nocache"]) == ("sub/D", "host", "1", "1")
    assert (query["memory"], query["memswap"]) == (str(1 << 30), str(1 << 30)), "no swap on top of it"
    assert (query["cpuperiod"], query["cpuquota"]) == ("100000", "150000")


def test_buildkit_takes_no_limits() -> None:
    query = build_query(BuildSpec("h/n:1", memory_bytes=1, cpus=1), BUILDKIT)
    assert query["version"] == "2" and not {"memory", "memswap", "cpuquota"} & set(query)


def test_credentials_go_by_host() -> None:
    auths = {"docker.io": RegistryAuth("hub", "p1"), "h:5000": RegistryAuth("me", "p2")}
    header = registry_config(auths)["X-Registry-Config"]
    assert json.loads(base64.urlsafe_b64decode(header)) == {
        "https://index.docker.io/v1/": {"username": "hub", "password": "p1"},
        "h:5000": {"username": "me", "password": "p2"},
    }
    assert json.loads(base64.urlsafe_b64decode(registry_config({})["X-Registry-Config"])) == {}


def test_secrets_are_in_no_repr() -> None:
    spec = BuildSpec(
        "h/n:1", auths={"h": RegistryAuth("me", "pass-word")}, secrets={"s": b"sesame\n", "b": b"\xff\xfe"}
    )
    assert "pass-word" not in repr(spec) and "sesame" not in repr(spec)
    assert secrets_of(spec)[:2] == ("pass-word", "sesame")
