"""Whatever is sent to Kuscia's routes is answered in the dialect: no crash, no HTML, and what is stored can be read."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appimages.kuscia.fields import Field, Kind, Message
from appimages.kuscia.messages import BATCH_QUERY, CREATE, DELETE, LIST, QUERY, UPDATE
from appimages.models import AppImage
from tests.api.kuscia_client import LEAST, Kuscia, least

MESSAGES = {
    "create": CREATE, "update": UPDATE, "delete": DELETE, "query": QUERY, "list": LIST, "batchQuery": BATCH_QUERY,
    "batch_query": BATCH_QUERY,
}  # fmt: skip
CRASH = "The server made a mistake"
MANY = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

NAMES = st.sampled_from(["a", "b", "a..b", "A", "a\0", "中", "a" * 10_000, "\ud800", "", "app.x-1"])
TEXTS = st.one_of(NAMES, st.text(max_size=6), st.sampled_from(["100m", "1Gi", "HTTP", "Local", "-1", "1e9", "1" * 50]))
ODD = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS, st.just([]), st.just({}), st.just([None]))


def value_of(field: Field) -> st.SearchStrategy[Any]:
    """What belongs there, mostly."""
    fitting: dict[Kind, st.SearchStrategy[Any]] = {
        Kind.TEXT: TEXTS,
        Kind.INT32: st.one_of(st.integers(-3, 5), st.sampled_from(["3", 1e1, 2**31, 0.5])),
        Kind.INT64: st.one_of(st.integers(-3, 20), st.sampled_from(["3", 2**63 - 1, 2**63])),
        Kind.TEXTS: st.lists(TEXTS | st.none(), max_size=4),
        Kind.MAP: st.dictionaries(TEXTS, TEXTS | st.none(), max_size=3),
    }
    if field.kind is Kind.MESSAGE:
        return st.deferred(lambda: body_of(field.message))
    if field.kind is Kind.MESSAGES:
        return st.deferred(lambda: st.lists(body_of(field.message), max_size=2))
    return fitting[field.kind]


def body_of(message: Message) -> st.SearchStrategy[dict[str, Any]]:
    fields = (*message.fields, *message.asked)
    either = {key: value_of(field) | ODD if len(message.fields) < 3 else value_of(field)
              for field in fields for key in (field.name, field.camel)}  # fmt: skip
    return st.fixed_dictionaries({}, optional={**either, "bogus": ODD})


def answered(client: Kuscia, route: str, body: Any, kind: str = "application/json") -> Any:
    found = client.ask(route, body, kind, HTTP_ACCEPT_LANGUAGE="en")
    assert CRASH not in found["status"]["message"], body
    return found


@pytest.fixture(autouse=True)
def _quietly(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)


@pytest.mark.parametrize("route", MESSAGES)
def test_bodies_that_nearly_fit(kuscia: Kuscia, route: str) -> None:
    kuscia.done("create", LEAST)

    @MANY
    @given(body_of(MESSAGES[route]))
    def ask(body: dict[str, Any]) -> None:
        answered(kuscia, route, body)

    ask()
    for row in AppImage.objects.all():
        kuscia.query(row.name)


def test_containers_of_all_kinds_are_stored_and_read_back(kuscia: Kuscia) -> None:
    """Creations that come as far as the containers, so that what is stored and answered is of many shapes."""
    container = CREATE.by_name["deploy_templates"].message.by_name["containers"].message
    fields = {field.name: value_of(field) for field in container.fields if field.name != "name"}
    stored = []

    @MANY
    @given(st.fixed_dictionaries({}, optional=fields), st.dictionaries(TEXTS, TEXTS, max_size=2))
    def create(values: dict[str, Any], files: dict[str, str]) -> None:
        kuscia.ask("delete", {"name": "a"})
        body = {**least(**values), "config_templates": files}
        if answered(kuscia, "create", body)["status"]["code"]:
            return
        stored.append(values)
        first = kuscia.query("a")
        assert answered(kuscia, "update", first)["status"]["code"] == 0
        assert kuscia.query("a") == first

    create()
    assert len(stored) > 20


def test_bytes(kuscia: Kuscia) -> None:
    @MANY
    @given(
        st.sampled_from(list(MESSAGES)),
        st.binary(max_size=80) | st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.sampled_from(["application/json", "", "text/plain", "application/x-protobuf", "multipart/form-data", "a/b"]),
    )
    def ask(route: str, body: bytes, kind: str) -> None:
        answered(kuscia, route, body, kind)

    ask()


@pytest.mark.parametrize("route", MESSAGES)
def test_long_and_odd_names(kuscia: Kuscia, route: str) -> None:
    for name in (
        "a" * 10_000,
        "\0",
        "\ud800",
        "中" * 10_000,
        "a\u202eb",
        "'; DROP TABLE",
        "%s%(x)s{0}",
        "\x7f\x1b[31m",
    ):
        body = {**least(name), "image": {"name": name, "tag": name}, "names": [name], "page_token": name}
        answered(kuscia, route, json.dumps(body))
        answered(kuscia, route, {**body, "name": "ok", "config_templates": {name: name}})
