"""Logging in: limited and locked by the sender's address, whatever headers say, and also while the cache is away."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from auditlog.models import LogEntry
from axes.models import AccessAttempt
from django.test import Client
from rest_framework.test import APIClient

from tests.api import make

TOKEN = "/api/token/"
GOOD = {"username": "olga", "password": make.PASSWORD}


def forwarded(number: int, *, by_proxy: str = "") -> dict[str, str]:
    """The header that a sender writes himself, and what a proxy appends to it."""
    return {"HTTP_X_FORWARDED_FOR": ", ".join(filter(None, [f"10.9.8.{number}", by_proxy]))}


@pytest.fixture
def behind_proxy(settings: Any) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 1}


def test_without_the_cache_people_can_log_in(
    operator: Any, anonymous: APIClient, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    away = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
    with_cache, settings.CACHES = settings.CACHES, {"default": away}
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            assert anonymous.post(TOKEN, GOOD).status_code == 200
    assert caplog.text.count("logins are not limited") == 1
    make.problem(anonymous.post(TOKEN, {**GOOD, "password": "wrong"}), 401)
    settings.CACHES = with_cache
    assert anonymous.post(TOKEN, GOOD).status_code == 200  # and from here on it is worth a line again


@pytest.mark.parametrize(("field", "length"), [("username", 151), ("username", 300), ("password", 4097)])
def test_nobody_has_names_or_passwords_that_long(anonymous: APIClient, field: str, length: int) -> None:
    answer = anonymous.post(TOKEN, {**GOOD, field: "x" * length})
    assert make.faulty_fields(answer) == {field}
    assert not AccessAttempt.objects.exists()


def test_the_longest_name_and_a_password_with_spaces(anonymous: APIClient, django_user_model: Any) -> None:
    values = {"username": "n" * 150, "password": " a b "}
    django_user_model.objects.create_user(**values)
    assert anonymous.post(TOKEN, values).status_code == 200


def test_the_login_page_takes_names_that_no_column_holds(db: None) -> None:
    typed = {"username": "x" * 300, "password": "guess", "this_is_the_login_form": "1"}
    assert Client().post("/admin/login/", typed).status_code == 200
    assert len(AccessAttempt.objects.get().username) <= 255


@pytest.mark.usefixtures("still_clock")
@pytest.mark.parametrize("proxied", [False, True])
def test_the_limit_cannot_be_walked_around(anonymous: APIClient, proxied: bool, request: Any) -> None:
    if proxied:
        request.getfixturevalue("behind_proxy")
    by_proxy = "192.0.2.7" if proxied else ""
    for number in range(30):
        guess = {"username": f"u{number}", "password": "x"}
        make.problem(anonymous.post(TOKEN, guess, **forwarded(number, by_proxy=by_proxy)), 401)
    make.problem(anonymous.post(TOKEN, GOOD, **forwarded(99, by_proxy=by_proxy)), 429, "throttled")


@pytest.mark.parametrize("proxied", [False, True])
def test_the_lock_cannot_be_walked_around(operator: Any, anonymous: APIClient, proxied: bool, request: Any) -> None:
    if proxied:
        request.getfixturevalue("behind_proxy")
    by_proxy = "192.0.2.7" if proxied else ""
    for number in range(10):
        anonymous.post(TOKEN, {**GOOD, "password": "guess"}, **forwarded(number, by_proxy=by_proxy))
    assert anonymous.post(TOKEN, GOOD, **forwarded(99, by_proxy=by_proxy)).status_code != 200
    assert AccessAttempt.objects.get().ip_address == (by_proxy or "127.0.0.1")


@pytest.mark.usefixtures("behind_proxy")
def test_behind_a_proxy_people_do_not_lock_each_other_out(operator: Any, anonymous: APIClient) -> None:
    for _ in range(10):
        anonymous.post(TOKEN, {**GOOD, "password": "guess"}, **forwarded(1, by_proxy="192.0.2.7"))
    assert anonymous.post(TOKEN, GOOD, **forwarded(1, by_proxy="192.0.2.7")).status_code != 200
    assert anonymous.post(TOKEN, GOOD, **forwarded(1, by_proxy="192.0.2.8")).status_code == 200


@pytest.mark.parametrize("header", ["10.9.8.7", "nonsense", "x" * 500])
def test_the_log_of_changes_names_the_sender(as_operator: APIClient, header: str) -> None:
    headers = {"HTTP_X_FORWARDED_FOR": header, "HTTP_X_FORWARDED_PORT": "9" * 12}
    assert as_operator.post("/api/images/", {"name": "a", "address": "nginx"}, **headers).status_code == 201
    entry = LogEntry.objects.get(content_type__model="imageregistry")
    assert (entry.remote_addr, entry.remote_port) == ("127.0.0.1", None)


@pytest.mark.usefixtures("behind_proxy")
@pytest.mark.parametrize("header", ["nonsense", "192.0.2.7:5555", ""])
def test_a_proxy_that_forwards_no_address_stands_for_its_clients(as_operator: APIClient, header: str) -> None:
    answer = as_operator.post("/api/images/", {"name": "a", "address": "nginx"}, HTTP_X_FORWARDED_FOR=header)
    assert answer.status_code == 201
    assert LogEntry.objects.get(content_type__model="imageregistry").remote_addr == "127.0.0.1"
