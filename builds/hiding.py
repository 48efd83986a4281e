"""Takes the secrets of a build out of what its steps and its engine write. Pure.

Programs print secrets in the form in which they use them, so the usual forms are known: as it is, line by line, in
base64 (a login's is that of "name:password"), as part of a URL, within JSON. What is shorter than `SHORTEST` stays: it
would hide half of every line and says nothing.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

MASK = "******"
SHORTEST = 4  # characters


class Hider:
    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in _forms(secret) if len(form) >= SHORTEST}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def hide(self, text: str) -> str:
        return self._pattern.sub(MASK, text) if self._pattern else text


def login_secrets(username: str, password: str) -> tuple[str, ...]:
    """What of a login must not be seen: the password, alone and as the pair that is sent."""
    return (password, f"{username}:{password}") if password else ()


def _forms(secret: str) -> Iterator[str]:
    for text in {secret, secret.strip(), *(line.strip() for line in secret.splitlines())}:
        if len(text) < SHORTEST:
            continue
        yield text
        yield quote(text, safe="")
        yield quote(text)
        yield quote_plus(text)
        yield json.dumps(text)[1:-1]
        yield json.dumps(text, ensure_ascii=False)[1:-1]
        raw = text.encode()
        for encoded in (base64.b64encode(raw), base64.urlsafe_b64encode(raw)):
            yield encoded.decode()
            yield encoded.decode().rstrip("=")
