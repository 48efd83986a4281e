"""Which pages may open a WebSocket in a user's name. Pure.

Browsers send cookies along with WebSockets of any page, and no CSRF token: the `Origin` is all there is to tell ours
from others. It is compared with the address that was asked for itself, not with the allowed hosts, which may be `*`.
"""

from __future__ import annotations

from collections.abc import Iterable


def is_own_origin(origin: str, *, own: str, trusted: Iterable[str]) -> bool:
    """`own`: `https://host[:port]` as it was asked for; `trusted`: more of them, also `https://*.example.com`."""
    return origin == own or any(_covers(pattern, origin) for pattern in trusted)


def _covers(pattern: str, origin: str) -> bool:
    scheme, wildcard, domain = pattern.partition("://*.")
    if not wildcard:
        return origin == pattern
    return origin.startswith(f"{scheme}://") and origin.endswith(f".{domain}")
