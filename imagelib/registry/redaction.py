"""Credentials and tokens: how they travel, and that they never show up in evidence."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from types import TracebackType
from urllib.parse import quote

import requests
from requests.auth import AuthBase

from .errors import RegistryError

EVIDENCE_LIMIT = 500
_HIDDEN = "***"


class Authorization(AuthBase):
    """An Authorization header. An object, not text, so that no traceback that prints variables shows it."""

    def __init__(self, scheme: str, value: str) -> None:
        self._header = f"{scheme} {value}"
        self.is_basic = scheme == "Basic"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._header
        return request


class Secrets:
    """Everything that must not be shown. `with secrets:` cleans the evidence of a RegistryError passing through."""

    def __init__(self) -> None:
        self._values: set[str] = set()

    def add(self, *values: str) -> None:
        self._values.update(value for value in values if value)

    def add_credentials(self, username: str, password: str) -> None:
        """The password in every form in which an answer may repeat it."""
        if password:
            in_urls = (quote(password), quote(password, safe=""))
            self.add(password, *in_urls, json.dumps(password)[1:-1], basic_value(username, password))

    def hide(self, text: str) -> str:
        """`text` without the secrets, on one line; databases take it: no NUL, no halves of surrogate pairs."""
        storable = self._replace(text).encode("utf-8", "replace").decode().replace("\0", " ")
        cleaned = " ".join(storable.split())
        return self._replace(cleaned)  # a secret with a line break in it is one only now

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, RegistryError):
            error.evidence = shorten(self.hide(error.evidence))

    def _replace(self, text: str) -> str:
        longest_first = sorted(self._values, key=len, reverse=True)  # a password may be part of a token
        if not longest_first:
            return text
        return re.sub("|".join(map(re.escape, longest_first)), _HIDDEN, text)


def basic_value(username: str, password: str) -> str:
    """Value of a Basic Authorization header, without the scheme."""
    return b64encode(f"{username}:{password}".encode()).decode("ascii")


def shorten(text: str, limit: int = EVIDENCE_LIMIT) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
