"""Applications of a git repository, and a git server that tells of pushes."""

from __future__ import annotations

import itertools
from typing import Any

from rest_framework.test import APIClient

from builds.models import Application, SourceKind
from tests.api import make
from tests.support.pushes import encoded, signature

AT = "/api/hooks/git/"
SECRET = "hook-S3cret-Words"
URL = "https://git.example.com/team/images.git"
_numbers = itertools.count(1)


def application(**values: Any) -> Application:
    number = next(_numbers)
    wanted = {
        "name": f"app-{number}", "base_registry": "quay.io", "base_namespace": "jupyter",
        "base_image": "scipy-notebook", "base_tag": "python-3.11", "source": SourceKind.GIT, "git_url": URL,
        "git_branch": "main", "git_path": "src/app", "webhook_secret": SECRET, **values,
    }  # fmt: skip
    wanted.setdefault("target_registry", make.registry())
    return Application.objects.create(**wanted)


def tell(
    content: Any,
    *,
    secret: str = SECRET,
    event: str = "push",
    server: str = "github",
    content_type: str = "application/json",
    language: str = "en",
    **headers: str,
) -> Any:
    """Send it signed, as GitHub or Gitea does; `content`: bytes as they are, anything else as JSON."""
    body = content if isinstance(content, bytes) else encoded(content)
    signed = signature(secret, body)
    sent = {"HTTP_X_GITHUB_EVENT": event, "HTTP_X_HUB_SIGNATURE_256": f"sha256={signed}", "HTTP_X_GITHUB_DELIVERY": "7"}
    if server == "gitea":
        sent = {"HTTP_X_GITEA_EVENT": event, "HTTP_X_GITEA_SIGNATURE": signed, "HTTP_X_GITEA_DELIVERY": "7"}
    client = APIClient(enforce_csrf_checks=True, raise_request_exception=False, HTTP_ACCEPT_LANGUAGE=language)
    return client.generic("POST", AT, body, content_type=content_type, **{**sent, **headers})


def outcomes(answer: Any) -> dict[str, str]:
    assert answer.status_code == 200, answer.content
    return {one["application"]: one["outcome"] for one in answer.json()["results"]}
