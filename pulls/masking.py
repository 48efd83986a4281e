"""Take the names out of an engine's message, so that only its own words are left to be recognised. Pure.

Image names, hosts, tags and paths are free text: a repository may be called "unauthorized" and a port may be 429.
"""

from __future__ import annotations

import re

NAME = "<name>"
# Words of the language of errors that look like names.
_WORDS = frozenset({"input/output", "client.timeout"})
_MEDIA_TYPE = re.compile(r"application/(?:json|vnd\.[\w.+-]+)|text/[\w.+-]+")
_NAME = re.compile(
    r".*(?:/|->|@).*"  # paths, URLs, references, pairs of addresses
    r"|[\w.-]+:[\w.-]+"  # name:tag, host:port, digests
    r"|[\w-]+(?:\.[\w-]+)+"  # host.example.com, 10.0.0.7
    r"|\[?[0-9a-f:.]*:[0-9a-f:.]*\]?(?::\d+)?",  # IPv6
    re.IGNORECASE | re.DOTALL,
)
_QUOTED = re.compile(r'"[^"]+"[:;,.)]*')
# Places where engines and registries write a name as a bare word, without quotes, host or tag.
_PLACES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?<=\bpull access denied for )[^\s,]+",
        r"(?<=\blookup )\S+?(?=:?(?:\s|$))",
        r"(?<=\brepository )\S+(?= not found)",
        r"(?<=\bproject )\S+(?= not found)",
        r"(?<=\bto access repository: )[^\s,]+",
        r"(?<=\bno such image: )\S+",
        r"(?<=\bvalid for ).+?, not \S+",
        r"(?<=\bto match )\S+",
    )
)
_EDGES = "\"'`()[]{}<>,;:.!"


def mask(text: str) -> str:
    """`text` in lower case, on one line, every name in it replaced by `NAME`."""
    text = text.replace('\\"', '"')  # messages quoted inside messages
    for place in _PLACES:
        text = place.sub(NAME, text)
    return " ".join(_mask_word(word) for word in text.lower().split())


def _mask_word(word: str) -> str:
    core = word.strip(_EDGES)
    if core in _WORDS or _MEDIA_TYPE.fullmatch(core) or NAME in word:
        return word
    if not _QUOTED.fullmatch(word) and not _NAME.fullmatch(core):
        return word
    return NAME + (":" if word.endswith(":") else "")
