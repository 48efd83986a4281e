"""`getImageRegistryList`: pages, filters, order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from imagelib.models import ImageRegistry
from tests.api import make
from tests.api.gva_client import LIST, done, log_in, refused

START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def spa(operator: Any) -> APIClient:
    return log_in("olga")


def stored(count: int, *, step: timedelta = timedelta(hours=1)) -> list[ImageRegistry]:
    rows = ImageRegistry.objects.bulk_create(
        ImageRegistry(name=f"n{number:03}", address=f"nginx:{number}") for number in range(count)
    )
    for number, row in enumerate(rows):
        ImageRegistry.objects.filter(pk=row.pk).update(created_at=START + number * step)
    return rows


def page(client: APIClient, query: str = "") -> dict[str, Any]:
    data = done(client.get(f"{LIST}?{query}"))
    assert data.keys() == {"list", "total", "page", "pageSize"}
    assert all(type(data[key]) is int for key in ("total", "page", "pageSize"))
    assert isinstance(data["list"], list)
    return data


def names(client: APIClient, query: str) -> list[str]:
    return [row["name"] for row in page(client, query)["list"]]


def test_an_empty_list_is_a_page(spa: APIClient) -> None:
    assert page(spa) == {"list": [], "total": 0, "page": 1, "pageSize": 10}
    assert page(spa, "page=7&pageSize=30") == {"list": [], "total": 0, "page": 1, "pageSize": 30}


def test_newest_first_ten_a_page(spa: APIClient) -> None:
    stored(25)
    assert names(spa, "") == [f"n{number:03}" for number in range(24, 14, -1)]
    assert names(spa, "page=3&pageSize=10") == ["n004", "n003", "n002", "n001", "n000"]


def test_equal_times_are_ordered_by_id_so_that_pages_neither_repeat_nor_drop(spa: APIClient) -> None:
    stored(23, step=timedelta(0))
    seen = [name for number in range(1, 6) for name in names(spa, f"page={number}&pageSize=5")]
    assert seen == [f"n{number:03}" for number in range(22, -1, -1)]


@pytest.mark.parametrize(
    ("query", "number", "size", "rows"),
    [
        ("page=3&pageSize=30", 1, 30, 25),  # the front end asks for this when 30 a page is chosen on page 3
        ("page=4", 3, 10, 5),
        (f"page={10**30}", 3, 10, 5),
        ("page=0&pageSize=0", 1, 10, 10),
        ("page=-2&pageSize=-1", 1, 10, 10),
        ("page=&pageSize=", 1, 10, 10),
        ("pageSize=100000", 1, 100, 25),
        (f"pageSize={10**30}", 1, 100, 25),
    ],
)
def test_pages_past_the_end_become_the_last_and_sizes_are_bounded(
    spa: APIClient, query: str, number: int, size: int, rows: int
) -> None:
    stored(25)
    data = page(spa, query)
    assert (data["page"], data["pageSize"], len(data["list"]), data["total"]) == (number, size, rows, 25)


def test_text_filters_are_substrings_and_all_must_hold(spa: APIClient) -> None:
    make.image(name="PyTorch 2.4", address="r.example.com/ml/pytorch:2.4", source="Team A")
    make.image(name="PyTorch 1.9", address="nginx:1.9", source="Team B")
    make.image(name="other", address="r.example.com/ml/other:1", source="Team A")
    assert names(spa, "name=torch") == ["PyTorch 1.9", "PyTorch 2.4"]
    assert names(spa, "name=pytorch") == ["PyTorch 1.9", "PyTorch 2.4"]
    assert names(spa, "address=/ml/") == ["other", "PyTorch 2.4"]
    assert names(spa, "name=torch&source=Team A") == ["PyTorch 2.4"]
    assert names(spa, "name=&address=&source=") == ["other", "PyTorch 1.9", "PyTorch 2.4"]
    assert page(spa, "name=torch")["total"] == 2


@pytest.mark.parametrize(("text", "expected"), [("%25", ["100%"]), ("_", ["a_b"]), ("%5C", ["c\\d"]), ("'", ["o'x"])])
def test_wildcards_of_sql_are_ordinary_characters(spa: APIClient, text: str, expected: list[str]) -> None:
    for name in ("100%", "a_b", "c\\d", "o'x", "plain"):
        make.image(name=name)
    assert names(spa, f"name={text}") == expected


def test_the_shelf_filter_and_its_empty_form(spa: APIClient) -> None:
    make.image(name="on"), make.image(name="off", is_listed=False)
    assert names(spa, "isOnShelf=true") == ["on"]
    assert names(spa, "isOnShelf=false") == ["off"]
    assert names(spa, "isOnShelf=") == ["off", "on"]


def test_the_range_of_dates_begins_inclusively_and_ends_exclusively(spa: APIClient) -> None:
    stored(4)  # at 00:00, 01:00, 02:00, 03:00 UTC
    key = "createdAtRange[]"
    assert names(spa, f"{key}=2026-03-01T01:00:00.000Z&{key}=2026-03-01T03:00:00.000Z") == ["n002", "n001"]
    assert names(spa, f"{key}=2026-03-01T09:00:00%2B08:00&{key}=2026-03-01T10:00:00%2B08:00") == ["n001"]
    assert names(spa, f"{key}=2026-03-01T03:00:00Z&{key}=2026-03-01T01:00:00Z") == []
    assert len(names(spa, f"{key}=2026-03-01T03:00:00Z")) == 4  # half a range is none
    assert len(names(spa, f"{key}=&{key}=")) == 4


@pytest.mark.parametrize(
    "query",
    [
        "page=one",
        f"page={'9' * 5000}",
        "page=1.5",
        "pageSize=ten",
        "isOnShelf=maybe",
        "name=a%00b",
        "address=%00",
        "createdAtRange[]=yesterday&createdAtRange[]=today",
        "createdAtRange[]=2026-03-01T00:00:00Z&createdAtRange[]=2026-13-41T00:00:00Z",
        "createdAtRange[]=0001-01-01T00:00:00%2B14:00&createdAtRange[]=9999-12-31T23:59:59-14:00",
        "&".join(f"x{number}=1" for number in range(1500)),
    ],
)
def test_unreadable_parameters_are_refused_with_the_parameter_named(spa: APIClient, query: str) -> None:
    stored(1)
    text = refused(spa.get(f"{LIST}?{query}"))
    assert query.startswith("x0=") or query.partition("=")[0] in text


def test_unknown_parameters_and_broken_utf8_do_no_harm(spa: APIClient) -> None:
    stored(1)
    assert page(spa, "sort=name&order=descending&foo=1&name[]=x")["total"] == 1
    assert page(spa, "name=%FF%FE")["total"] == 0
