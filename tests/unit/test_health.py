"""`/healthz` and `/readyz`: for orchestrators, before anything else looks at the request."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db
STRANGER = {"host": "10.1.2.3:8000"}  # an address of the container, which is no allowed host


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_answer_whatever_name_they_are_asked_by(client: Client, path: str) -> None:
    answer = client.get(path, headers=STRANGER)
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert client.get("/admin/login/", headers=STRANGER).status_code == 400


def test_a_broker_that_is_away_is_named_and_nothing_else_is_told(client: Client, settings: Any) -> None:
    settings.EMBEDDED = False
    settings.REDIS_URL = "redis://:canary@127.0.0.1:1/0"
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "checks": {"database": "ok", "broker": "unavailable"}}
    assert client.get("/healthz").status_code == 200


def test_one_process_needs_no_broker(client: Client, settings: Any) -> None:
    settings.EMBEDDED = True
    assert client.get("/readyz").json()["checks"] == {"database": "ok", "broker": "ok"}
