"""Messages as git servers send them, and their signatures."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

AFTER, BEFORE = "a" * 40, "b" * 40
FILES: Mapping[str, Sequence[str]] = {"added": [], "removed": [], "modified": ["src/app/Dockerfile"]}


def github_push(
    *,
    ref: str = "refs/heads/main",
    after: str = AFTER,
    before: str = BEFORE,
    files: Mapping[str, Sequence[str]] = FILES,
    pushed_at: int = 1795687200,  # 2026-11-26 10:00
) -> dict[str, Any]:
    """What GitHub tells of a push of one commit."""
    commit = {"id": after, "message": "files", "timestamp": "2026-11-26T17:00:00+08:00", **files}
    return {
        "ref": ref,
        "before": before,
        "after": after,
        "created": False,
        "deleted": False,
        "forced": False,
        "base_ref": None,
        "compare": "https://git.example.com/team/images/compare/b...a",
        "commits": [commit],
        "head_commit": commit,
        "repository": {
            "id": 7,
            "full_name": "team/images",
            "html_url": "https://git.example.com/team/images",
            "clone_url": "https://git.example.com/team/images.git",
            "ssh_url": "git@git.example.com:team/images.git",
            "git_url": "git://git.example.com/team/images.git",
            "url": "https://git.example.com/team/images",
            "pushed_at": pushed_at,
        },
        "pusher": {"name": "ulrich"},
    }


def gitea_push(*, files: Mapping[str, Sequence[str]] = FILES, **change: Any) -> dict[str, Any]:
    """What Gitea tells of one."""
    commit = {"id": AFTER, "message": "files", "timestamp": "2026-11-26T09:00:00Z", **files}
    return {
        "ref": "refs/heads/main",
        "before": BEFORE,
        "after": AFTER,
        "compare_url": "https://git.example.com/team/images/compare/b...a",
        "commits": [commit],
        "total_commits": 1,
        "head_commit": commit,
        "repository": {
            "id": 7,
            "full_name": "team/images",
            "html_url": "https://git.example.com/team/images",
            "clone_url": "https://git.example.com/team/images.git",
            "ssh_url": "ssh://git@git.example.com:2222/team/images.git",
            "updated_at": "2026-11-26T09:30:00Z",
        },
        "pusher": {"login": "ulrich"},
        **change,
    }


def signature(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def encoded(content: Any) -> bytes:
    return json.dumps(content).encode()
