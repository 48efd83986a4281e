"""From an image as somebody types it to what an AppImage stores of it. Pure."""

from __future__ import annotations

from imagelib.addresses import parse

_TAG = "latest"


def split_reference(reference: str) -> tuple[str, str]:
    """Name and tag, the name as it was typed: which registry a short one means is decided when it is used.

    Joined by “:” they are the reference again, so a digest becomes `app@sha256` and its digits. Raises `AddressError`.
    """
    parse(reference)
    head, slash, last = reference.rpartition("/")
    name, _colon, tag = last.rpartition(":") if ":" in last else (last, ":", "")
    return f"{head}{slash}{name}", tag or _TAG
