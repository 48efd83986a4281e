"""Too much asked of engines at the same time: a clear answer in every dialect and language, and when to come again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from instances.engine_slots import examinations, reads
from instances.models import Instance
from tests.api import make
from tests.api.gva_client import refused
from tests.api.test_admin_pages import boss, submit

__all__ = ["boss"]
WORDS = {"en": "Try again in a few seconds.", "zh-hans": "请几秒后再试。"}


@pytest.fixture
def instance(user: User) -> Instance:
    return make.instance(by=user)


@pytest.fixture
def busy(instance: Instance) -> Iterator[None]:
    """Four others ask the node of the instance, and its doctor is there."""
    with ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(reads.held(instance.node_id))
        stack.enter_context(examinations.held(instance.node_id))
        yield


@pytest.mark.usefixtures("busy")
class TestBusy:
    @pytest.mark.parametrize("language", WORDS)
    @pytest.mark.parametrize("route", ["logs", "stats"])
    def test_of_containers(self, as_user: APIClient, instance: Instance, route: str, language: str) -> None:
        answer = as_user.get(f"/api/instances/{instance.pk}/{route}/", HTTP_ACCEPT_LANGUAGE=language)
        assert WORDS[language] in make.problem(answer, 503, "server_busy")["detail"]
        assert answer["Retry-After"] == "3"

    @pytest.mark.parametrize("route", ["gpus", "doctor"])
    def test_of_nodes(self, as_operator: APIClient, instance: Instance, route: str) -> None:
        answer = as_operator.post(f"/api/nodes/{instance.node_id}/{route}/")
        told = make.problem(answer, 503, "server_busy")["detail"]
        assert told == "This compute node is being examined already. Try again in a minute."
        assert answer["Retry-After"] == "60"

    def test_the_front_end_is_told_in_its_envelope(self, client_of: Any, user: User, instance: Instance) -> None:
        answer = client_of(user).get(f"/instance/getContainerLogs?ID={instance.pk}")
        assert refused(answer).endswith("Try again in a few seconds.")
        assert answer["Retry-After"] == "3"

    @pytest.mark.parametrize("page", ["doctor", "discover"])
    def test_pages_say_it(self, boss: Client, instance: Instance, page: str) -> None:
        path = f"/admin/instances/gpu/node/{instance.node_id}/{page}/"
        answer = submit(boss, path, {"confirmed": "yes"})
        if answer.status_code == 302:
            answer = boss.get(answer["Location"])
        assert "is being examined already" in answer.content.decode()
