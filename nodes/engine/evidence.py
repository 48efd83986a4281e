"""Clean texts that come from engines and libraries, before anybody stores or shows them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

LIMIT = 2000
_HEAD = 700  # what happened stands at the beginning, why at the end; a long middle is the part to lose
MASK = "******"
_SHORTEST_SECRET = 4  # masking a shorter one would riddle ordinary words
_PEM = re.compile(r"-----BEGIN .*?(?:-----END [^-]*-----|$)", re.DOTALL)
_USERINFO = re.compile(r"(?<=://)[^\s/@\"']+:[^\s/@\"']*@")
# Registries redirect blobs to object stores with signed URLs, and engines quote those URLs in their errors.
_QUERY = re.compile(r"(https?://[^\s\"'?]+)\?[^\s\"']+")
_SPACE = re.compile(r"[\s\x00-\x1f\x7f]+")


def clean(text: str, *, secrets: Iterable[str] = ()) -> str:
    """One line of at most 2000 characters: no PEM, no `user:password@`, no URL queries, none of `secrets`.

    Databases take it: no NUL, no halves of surrogate pairs (JSON may carry both).
    """
    text = text[: 20 * LIMIT].encode("utf-8", "replace").decode()  # cut first: bounds the work on a page of HTML
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, MASK)
    text = _PEM.sub("[PEM]", text)
    text = _USERINFO.sub(MASK + "@", text)
    text = _QUERY.sub(r"\1?…", text)
    text = _SPACE.sub(" ", text).strip()
    return text if len(text) <= LIMIT else f"{text[:_HEAD]} … {text[_HEAD + 3 - LIMIT :]}"
