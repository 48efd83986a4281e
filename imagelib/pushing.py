"""Where below a registry endpoint builds of ordinary users may push: `*`, or namespaces with commas between them. Pure.

A namespace includes those below it. `{username}` and `{id}` stand for the person's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from imagelib.addresses import AddressError
from imagelib.addresses.grammar import check_path

EVERYWHERE: Final = "*"
USUAL: Final = "users/{username}"
_STAND_INS: Final = ("{username}", "{id}")


def cleaned(text: str) -> str:
    """In its usual form, each once. Raises `AddressError` for what can be no namespace."""
    entries = list(dict.fromkeys(entry.strip("/") for entry in _entries(text)))
    for entry in entries:
        if entry != EVERYWHERE:
            check_path(_filled(entry, "x", "1"))
    return ", ".join(entries)


def places_of(text: str, *, username: str, pk: int) -> list[str]:
    """The namespaces of one person; none for an entry that this user name cannot be part of."""
    found = []
    for entry in _entries(text):
        place = _filled(entry, username, str(pk))
        own = _is_one_part(username) or "{username}" not in entry
        if entry == EVERYWHERE or (own and _is_path(place)):
            found.append(place)
    return found


def common_places(text: str) -> list[str]:
    """Those that are nobody's own."""
    return [entry for entry in _entries(text) if not any(name in entry for name in _STAND_INS)]


def is_within(namespace: str, places: Iterable[str]) -> bool:
    return any(place == EVERYWHERE or f"{namespace}/".startswith(f"{place}/") for place in places)


def _entries(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _filled(entry: str, username: str, pk: str) -> str:
    return entry.replace("{username}", username).replace("{id}", pk)


def _is_one_part(username: str) -> bool:
    """A name with a slash in it would reach into another one's; Django allows none, other sources of users may."""
    return "/" not in username and _is_path(username)


def _is_path(text: str) -> bool:
    try:
        check_path(text)
    except AddressError:
        return False
    return True
