"""Takes the secrets of a build out of what its steps and its engine write. Pure.

Programs print secrets in the form in which they use them, so the usual forms are known: as it is, line by line, in
base64 (a login's is that of "name:password"; in lines too), as part of a URL, within JSON. What is shorter than
`SHORTEST` stays: it would hide half of every line and says nothing; of a secret of several lines what is shorter than
`SHORTEST_LINE`.

Every form is looked for at every letter that a build writes, so there is a limit, which keys and certificates do not
reach. Above it every secret is still hidden as a whole, and its lines as far as they come first.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from urllib.parse import quote, quote_plus

MASK = "******"
GAP = " … "  # where evidence was shortened
SHORTEST = 4  # characters
SHORTEST_LINE = 8
MOST_FORMS = 1000  # besides those of whole secrets
_TOGETHER = 3  # characters
_WIDTHS = (76, 64)  # of coreutils and MIME, and of OpenSSL


class Hider:
    def __init__(self, secrets: Iterable[str]) -> None:
        forms = _all_forms(list(secrets))
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._forms = longest_first
        self._pattern = re.compile(_any_of(longest_first)) if forms else None

    def hide(self, text: str) -> str:
        return self._pattern.sub(MASK, text) if self._pattern else text

    def hide_beginning(self, text: str) -> tuple[str, str]:
        """Of a line that goes on: what can be shown of it, and the rest, which may be the beginning of a secret and has
        to wait for what comes next."""
        if self._pattern is None:
            return text, ""
        cut = max(len(text) - len(self._forms[0]) + 1, 0)
        for match in self._pattern.finditer(text):
            if match.start() < cut:
                cut = max(cut, match.end())
        return self.hide(text[:cut]), text[cut:]

    def hide_cut(self, text: str) -> str:
        """Of a text whose middle is missing: the halves of secrets around the gap as well."""
        head, gap, tail = self.hide(text).partition(GAP)
        if not gap:
            return head
        head = head[: len(head) - max((_end(head, form) for form in self._forms), default=0)]
        tail = tail[max((_end(tail[::-1], form[::-1]) for form in self._forms), default=0) :]
        return f"{head}{gap}{tail}"


def login_secrets(username: str, password: str) -> tuple[str, ...]:
    """What of a login must not be seen: the password, alone and as the pair that is sent."""
    return (password, f"{username}:{password}") if password else ()


def _all_forms(secrets: Sequence[str]) -> set[str]:
    wholes = [text for secret in secrets for text in (secret, secret.strip()) if len(text) >= SHORTEST]
    found = {form for text in wholes for form in _forms(text)}
    lines = [line.strip() for text in wholes for line in text.splitlines()]
    lines = list(dict.fromkeys(line for line in lines if len(line) >= SHORTEST_LINE))
    # As they are before any other form of them.
    wrapped = (piece for text in wholes for piece in _wrapped(text))
    of_lines = chain(lines, wrapped, (form for line in lines for form in _forms(line)))
    return found.union(islice((form for form in of_lines if form not in found), MOST_FORMS))


def _any_of(forms: Sequence[str], depth: int = 0) -> str:
    """A pattern of all of them, of two that begin alike the one that comes first. What they begin with is tried once
    for all: with a thousand forms that is many times quicker."""
    if depth == _TOGETHER or any(len(form) <= depth for form in forms):
        return "|".join(re.escape(form[depth:]) for form in forms)
    groups: dict[str, list[str]] = {}
    for form in forms:
        groups.setdefault(form[depth], []).append(form)
    return "|".join(f"{re.escape(sign)}(?:{_any_of(group, depth + 1)})" for sign, group in groups.items())


def _wrapped(text: str) -> Iterator[str]:
    """The lines into which programs cut the base64 of a longer secret."""
    encoded = base64.b64encode(text.encode()).decode()
    for width in _WIDTHS:
        if len(encoded) > width:
            pieces = (encoded[start : start + width].rstrip("=") for start in range(0, len(encoded), width))
            yield from (piece for piece in pieces if len(piece) >= SHORTEST_LINE)


def _end(text: str, form: str) -> int:
    """How many characters at the end of the text are the beginning of a secret."""
    longest = min(len(form) - 1, len(text))
    return next((count for count in range(longest, SHORTEST - 1, -1) if text.endswith(form[:count])), 0)


def _forms(text: str) -> Iterator[str]:
    yield text
    yield " ".join(text.split())  # in evidence, which is one line
    yield quote(text, safe="")
    yield quote(text)
    yield quote_plus(text)
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    raw = text.encode()
    for encoded in (base64.b64encode(raw), base64.urlsafe_b64encode(raw)):
        yield encoded.decode()
        yield encoded.decode().rstrip("=")
