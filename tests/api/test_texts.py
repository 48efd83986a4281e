"""Where a text is asked for, a number is refused: 1.10 would silently become 1.1."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.api import make


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/api/resolve/", {"name": "app", "tag": 1.10}, "tag"),
        ("/api/resolve/", {"name": 5}, "name"),
        ("/api/config-sets/", {"name": "a", "values": {"A": 1.10}}, "values.A"),
        ("/api/secret-sets/", {"name": "a", "values": {"A": 1.10}}, "values.A"),
        ("/api/appimages/a/render/", {"role": 5}, "role"),
        ("/api/appimages/a/render/", {"variables": {"X": 1.10}}, "variables.X"),
        ("/api/appimages/a/run/", {"role": 5, "nodes": [1], "spec": 1}, "role"),
        ("/api/appimages/register/", {"image": 1.10, "yaml": "x"}, "image"),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_a_number_is_no_text(
    as_operator: APIClient, path: str, body: dict[str, Any], field: str, language: str
) -> None:
    make.app_image("a")
    answer = as_operator.post(path, body, HTTP_ACCEPT_LANGUAGE=language)
    assert [fault["field"] for fault in make.problem(answer, 400)["errors"]] == [field]
