"""What an answer other than 200 means, and the registry's own words for it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from .errors import RegistryError
from .transport import Reply

_RAW_LIMIT = 4000  # of an answer that is not JSON; RegistryClient shortens once more after removing secrets
_TAGS = re.compile(r"<(script|style|head)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)
# The registry's own error codes say more than the status. Order: the first that occurs decides.
_ERROR_CODES = {
    "TOOMANYREQUESTS": "registry_rate_limited",
    "NAME_UNKNOWN": "repository_not_found",
    "DENIED": "registry_denied",
}
# A 401 of the registry itself is answered by the Authorizer; one that gets here is from where a redirect led.
_STATUS_CODES = {401: "registry_denied", 403: "registry_denied", 429: "registry_rate_limited"}


def error_from_reply(reply: Reply, *, missing: str) -> RegistryError:
    """The RegistryError for an answer that is not the wanted one; `missing` is the code for a plain 404."""
    words, wait = own_words(reply), retry_after(reply)
    if reply.status < 400:
        return RegistryError("registry_bad_answer", words)
    if reply.status >= 500:
        return RegistryError("registry_server_error", words, wait)
    said = {str(item.get("code", "")) for item in _errors(reply)}
    code = next((ours for theirs, ours in _ERROR_CODES.items() if theirs in said), None)
    code = code or _STATUS_CODES.get(reply.status)
    if code is None and reply.status == 404 and (_is_registry(reply) or not reply.from_registry):
        code = missing
    return RegistryError(code or "registry_bad_answer", words, wait)


def own_words(reply: Reply) -> str:
    """`HTTP 403: DENIED: requested access to the resource is denied`; secrets are not removed here."""
    text = "; ".join(filter(None, map(_sentence, _errors(reply)))) or _other_text(reply.body)
    return f"HTTP {reply.status}: {text}" if text else f"HTTP {reply.status}"


def retry_after(reply: Reply, now: datetime | None = None) -> float | None:
    """Seconds to wait by the Retry-After header, which holds seconds or a date; None without a usable one."""
    value = reply.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())


def _is_registry(reply: Reply) -> bool:
    """Whether this answer can come from a registry at all, and not from some other web server on that port."""
    return "Docker-Distribution-Api-Version" in reply.headers or bool(_errors(reply))


def _errors(reply: Reply) -> list[Mapping[str, Any]]:
    errors = _json(reply.body).get("errors")
    return [item for item in errors if isinstance(item, dict)] if isinstance(errors, list) else []


def _sentence(error: Mapping[str, Any]) -> str:
    return ": ".join(str(error[key]) for key in ("code", "message") if error.get(key))


def _other_text(body: bytes) -> str:
    """The telling part of an answer in another form: a token service's JSON, a proxy's HTML page, plain text."""
    document = _json(body)
    for key in ("details", "message", "error_description", "error"):
        if isinstance(document.get(key), str):
            return str(document[key])
    text = body[:_RAW_LIMIT].decode("utf-8", "replace")
    return html.unescape(_TAGS.sub(" ", text)).strip()


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
