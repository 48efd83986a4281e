"""Whatever is sent to the AppImages' APIs and to the imports: an answer in the API's own words, never a crash."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests
import schemathesis
from django.contrib.auth.models import User
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient
from schemathesis import GenerationMode

from builds.models import Application
from tests.api import hooks, make
from tests.api.kuscia_client import Kuscia
from tests.support.app_images import TRAPS, file
from tests.support.pushes import encoded, gitea_push, github_push

# The same examples in every run. Nothing here asks a node or a registry, which would be slow or elsewhere.
FUZZ = settings(max_examples=8, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
PATHS = (
    r"^/api/(appimages|applications|builds|config-sets|deployments|secret-sets|resolve|registries|v1/appimage"
    r"|submissions|notices|webhook-targets)/"
)
ELSEWHERE = r"/(check|events)/$"


def test_what_the_document_describes_and_what_it_does_not(
    as_operator: APIClient, kuscia: Kuscia, caplog: pytest.LogCaptureFixture
) -> None:
    """Each operation with valid and with wrong values, for AppImages that exist and for others."""
    make.app_image("a")
    make.registry()
    make.notebook(by=User.objects.get(username="olga"), name="a")
    document = schemathesis.openapi.from_dict(as_operator.get("/api/schema/?format=json").json())
    document.config.update(base_url="http://localhost")
    chosen = document.include(path_regex=PATHS).exclude(path_regex=ELSEWHERE)
    operations = [found.ok() for found in chosen.get_all_operations()]
    assert {operation.path for operation in operations} >= {"/api/appimages/import/", "/api/v1/appimage/create"}
    answers = {
        status
        for operation in operations
        if operation.method != "delete"
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        for status in answers_to(operation, mode, kuscia if "/v1/" in operation.path else as_operator)
    }
    assert {200, 400, 404} <= answers
    assert "request crashed" not in caplog.text  # Kuscia's API answers that with 200


def answers_to(operation: Any, mode: GenerationMode, client: Any) -> set[int]:
    seen: set[int] = set()

    @FUZZ
    @given(operation.as_strategy(generation_mode=mode), st.booleans())
    def ask(case: Any, known: bool) -> None:
        if known and "name" in case.path_parameters:
            case.path_parameters["name"] = "a"
        if known and "/applications/" in operation.path and "id" in case.path_parameters:
            case.path_parameters["id"] = Application.objects.values_list("pk", flat=True).get(name="a")
        request = requests.Request(**case.as_transport_kwargs()).prepare()
        kind = str(request.headers.get("Content-Type", ""))
        answer = client.generic(case.method.upper(), request.path_url, request.body or b"", content_type=kind)
        where = f"{request.method} {request.path_url} {request.body!r:.300} {kind}"
        assert answer.status_code < 500 and answer.status_code != 401, where
        assert "html" not in answer.headers.get("Content-Type", ""), where
        seen.add(answer.status_code)

    ask()
    return seen


WORDS = [
    "image", "registries", "defaultRegistry", "name", "endpoint", "username", "password", "kind", "AppImage", "List",
    "items", "apiVersion", "kuscia.secretflow/v1alpha1", "metadata", "spec", "deployTemplates", "containers", "tag",
    "r.io/team", "private",
]  # fmt: skip
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS + TRAPS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=15,
)


@pytest.mark.parametrize("path", ["/api/appimages/import/", "/api/registries/import/", "/api/applications/import/"])
def test_files_that_nobody_would_write(as_operator: APIClient, path: str) -> None:
    whole = [file(name) for name in ("concrete.yaml", "dumped_list.json", "full_sample.yaml")]
    kinds = st.sampled_from(["application/yaml", "application/json", "text/plain", "multipart/form-data; boundary=x"])

    @settings(FUZZ, max_examples=80)
    @given(
        st.binary(max_size=100)
        | TREES.map(lambda tree: repr(tree).encode(errors="replace"))
        | st.tuples(st.sampled_from(whole), st.integers(0, 1000), st.binary(max_size=3)).map(
            lambda part: part[0][: part[1]] + part[2] + part[0][part[1] + 1 :]
        ),
        kinds,
        st.sampled_from(["", "?name=a&image=r.io/a:v1", "?name=%00", "?id=%ff"]),
    )
    def ask(body: bytes, kind: str, query: str) -> None:
        answer = as_operator.generic("POST", f"{path}{query}", body, content_type=kind)
        assert answer.status_code in (200, 400), (body, answer.content)
        assert re.match(r"application/(problem\+)?json", answer["Content-Type"])

    ask()


@pytest.mark.django_db
def test_signed_messages_that_no_git_server_would_send() -> None:
    """Whoever knows a secret may send anything."""
    hooks.application()
    whole = [encoded(github_push()), encoded(gitea_push())]
    keys = st.sampled_from(["ref", "before", "after", "commits", "repository", "head_commit", "clone_url", "added"])
    values = st.sampled_from(
        ["refs/heads/main", "a" * 40, "0" * 40, hooks.URL, "2026-11-26T00:00:00Z", 2**70, TRAPS[0]]
    )
    trees = st.recursive(
        values | st.none() | st.booleans() | st.floats(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=6),
        max_leaves=20,
    )

    @settings(FUZZ, max_examples=80)
    @given(
        trees.map(encoded)
        | st.tuples(trees, trees).map(lambda two: encoded({**github_push(), "repository": two[0], "commits": two[1]}))
        | st.tuples(st.sampled_from(whole), st.integers(0, 900), st.binary(max_size=3)).map(
            lambda part: part[0][: part[1]] + part[2] + part[0][part[1] + 1 :]
        ),
        st.sampled_from(["application/json", "application/x-www-form-urlencoded", "text/plain"]),
        st.sampled_from(["push", "ping", "\xff"]),
    )
    def ask(body: bytes, kind: str, event: str) -> None:
        answer = hooks.tell(body, content_type=kind, event=event)
        assert answer.status_code in (200, 400, 403, 409, 429), (body, answer.content)
        assert re.match(r"application/(problem\+)?json", answer["Content-Type"])

    ask()
