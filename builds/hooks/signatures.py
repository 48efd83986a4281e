"""HMAC-SHA256 of the whole body, in hexadecimal digits: `X-Hub-Signature-256: sha256=…` of GitHub, and of Gitea and
Forgejo, which also send it as `X-Gitea-Signature: …`."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

_LONGEST = 200  # characters; a right one has 64


def signatures_in(headers: Mapping[str, str]) -> list[str]:
    """What the headers offer, be it one or not: whether it fits is asked once. Of the old SHA-1 header nothing is
    believed. `headers` ignore letter case."""
    offered = [
        headers.get("X-Hub-Signature-256", "").removeprefix("sha256="),
        headers.get("X-Gitea-Signature", ""),
    ]
    return list(dict.fromkeys(one.strip().lower()[:_LONGEST] for one in offered if one.strip()))


def is_signed_by(secret: str, *, body: bytes, signatures: list[str]) -> bool:
    """Takes as long whatever stands in the signatures. An empty secret signs nothing."""
    wanted = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    found = [hmac.compare_digest(wanted.encode(), offered.encode(errors="replace")) for offered in signatures]
    return bool(secret) and any(found)
