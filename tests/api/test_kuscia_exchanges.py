"""The commands of Kuscia's documentation, one after another, and what is answered to each; then many at once."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from appimages.models import AppImage, AppImageVersion
from tests.api.kuscia_client import LEAST, TOKEN, Kuscia, least
from tests.api.test_concurrency import at_once

EXCHANGES = json.loads((Path(__file__).resolve().parents[1] / "fixtures" / "kuscia_exchanges.json").read_text())


def test_the_recorded_exchanges(kuscia: Kuscia) -> None:
    assert {exchange["route"] for exchange in EXCHANGES} == {
        "create", "update", "delete", "query", "list", "batchQuery", "batch_query",
    }  # fmt: skip
    for number, exchange in enumerate(EXCHANGES):
        assert kuscia.ask(exchange["route"], exchange["body"]) == exchange["answer"], number


def ordered(value: Any) -> Any:
    """The same with objects as lists of pairs, so that the order counts."""
    if isinstance(value, list):
        return [ordered(item) for item in value]
    return [(key, ordered(inner)) for key, inner in value.items()] if isinstance(value, dict) else value


def test_fields_come_in_the_order_of_the_messages_and_keys_of_maps_sorted(kuscia: Kuscia) -> None:
    created, queried = EXCHANGES[0], EXCHANGES[2]
    kuscia.done("create", {**created["body"], "config_templates": {"z": "1", "a": "2", "中": "<&>"}})
    answer = kuscia.send("query", queried["body"])
    wanted = {**queried["answer"]["data"], "config_templates": {"a": "2", "z": "1", "中": "<&>"}}
    assert ordered(json.loads(answer.content)["data"]) == ordered(wanted)
    assert '"中":"<&>"' in answer.content.decode()


# --- how much is asked of the database --------------------------------------------------------------------------------


def many(count: int) -> list[str]:
    """Names of so many AppImages."""
    document = {"image": {"name": "n", "tag": ""}, "deployTemplates": []}
    names = [f"app-{number:05}" for number in range(count)]
    AppImage.objects.bulk_create([AppImage(name=name, document=document, image_name="n") for name in names])
    return names


@pytest.mark.parametrize(
    ("route", "body", "limit"),
    [
        ("batchQuery", {"names": [f"app-{number:05}" for number in reversed(range(500))]}, 2),
        ("batchQuery", {"names": [f"app-{number:05}" for number in range(1200)]}, 4),
        ("list", {"page_size": 500}, 3),
        ("list", {"page_size": 10}, 3),
        ("query", {"name": "app-00007"}, 1),
    ],
)
def test_queries(kuscia: Kuscia, route: str, body: Any, limit: int) -> None:
    many(1200)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        found = kuscia.done(route, body)
    asked = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert 1 <= len(asked) <= limit, asked
    if "names" in body:
        assert [item["name"] for item in found] == body["names"]


def test_answers_are_bounded(kuscia: Kuscia) -> None:
    text = "x" * 1_400_000
    for number in range(60):
        document = {"image": {"name": "n", "tag": ""}, "configTemplates": {"k": text}}
        AppImage.objects.create(name=f"a{number:02}", document=document, image_name="n")
    first = kuscia.done("list", {"page_size": 60})
    assert 40 <= len(first["appimage_list"]) < 60 and first["next_page_token"]
    rest = kuscia.done("list", {"page_size": 60, "page_token": first["next_page_token"]})
    assert len(first["appimage_list"]) + len(rest["appimage_list"]) == 60 and not rest["next_page_token"]
    assert kuscia.refused("batchQuery", {"names": ["a00"] * 50}, 13104)
    assert kuscia.refused("batchQuery", {"names": ["a00"] * 5001}, 11100)
    assert len(kuscia.done("batchQuery", {"names": ["a00"] * 3})) == 3


# --- at the same moment -----------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_one_of_those_who_create_the_same_wins(settings: Any) -> None:
    settings.KUSCIA_TOKEN = TOKEN
    bodies = [{**LEAST, "image": {"name": f"n{number}"}} for number in range(20)]
    answers = at_once([partial(Kuscia().ask, "create", body) for body in bodies])
    codes = [answer["status"]["code"] for answer in answers]
    assert sorted(codes) == [0, *[13106] * 19]
    assert AppImageVersion.objects.count() == 1
    assert AppImage.objects.get().image_name == f"n{codes.index(0)}"


@pytest.mark.django_db(transaction=True)
def test_updates_of_different_blocks_at_the_same_moment_all_count(settings: Any) -> None:
    settings.KUSCIA_TOKEN = TOKEN
    Kuscia().done("create", {**least(), "config_templates": {"k": "0"}})
    image = {"name": "a", "image": {"name": "n"}}
    files = [{**image, "config_templates": {"k": str(number)}} for number in range(1, 9)]
    templates = [
        {**image, "deploy_templates": [{"name": "d", "containers": [{"name": f"c{number}"}]}]} for number in range(8)
    ]
    answers = at_once([partial(Kuscia().ask, "update", body) for body in (*files, *templates)])
    assert {answer["status"]["code"] for answer in answers} == {0}
    row = AppImage.objects.get()
    assert row.version == 17 == row.versions.count()
    assert row.document["configTemplates"]["k"] != "0"
    [container] = row.document["deployTemplates"][0]["spec"]["containers"]
    assert container["name"] != "c"
    assert row.document == row.versions.get(number=17).document


@pytest.mark.django_db(transaction=True)
def test_deleting_updating_and_creating_at_once_ends_in_one_piece(settings: Any) -> None:
    settings.KUSCIA_TOKEN = TOKEN
    Kuscia().done("create", LEAST)
    asks = [partial(Kuscia().ask, route, LEAST) for route in ("delete", "update", "create", "query") for _ in range(5)]
    codes = {answer["status"]["code"] for answer in at_once(asks)}
    assert codes <= {0, 13103, 13105, 13106}, codes
    for row in AppImage.objects.all():
        assert row.versions.count() == row.version
