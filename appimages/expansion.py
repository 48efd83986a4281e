"""`$(NAME)` in the values, commands and arguments of a container, filled in as Kubernetes does. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, Literal

MOST: Final = 1_000_000  # characters that texts may become longer by; programs cannot be given more than some megabytes
MOST_REFERENCES: Final = 10_000  # each takes time, and containers are completed while others wait for their node
_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")


class TooMuch(ValueError):
    """Texts that name one another could become any size, and many short references take long."""

    def __init__(self, code: Literal["too_much_expanded", "too_many_references"], limit: int) -> None:
        super().__init__(code)
        self.code: Literal["too_much_expanded", "too_many_references"] = code
        self.limit = limit


class Expander:
    """For all texts of a container: together they may grow by `MOST` characters, and have `MOST_REFERENCES`."""

    def __init__(self) -> None:
        self._left = MOST
        self._references = MOST_REFERENCES

    def expand(self, text: str, values: Mapping[str, str]) -> str:
        """What has no value stays as it is written, and what a value has in it is not looked at again. `$$` is a `$`
        that begins no reference. Raises `TooMuch`."""
        parts: list[str] = []
        for number, (plain, name, written) in enumerate(_pieces(text)):
            if number > self._references:  # the last piece is none
                raise TooMuch("too_many_references", MOST_REFERENCES)
            value = values.get(name, written) if name is not None else written
            self._left -= len(value) - len(written)
            if self._left < 0:
                raise TooMuch("too_much_expanded", MOST)
            parts += (plain, value)
        self._references -= number
        return "".join(parts)


def names_in(text: str) -> set[str]:
    return {name for _plain, name, _written in _pieces(text) if name is not None}


def _pieces(text: str) -> Iterator[tuple[str, str | None, str]]:
    """A text, the name that is referred to behind it, and how that is written; without a name, what stands there."""
    closed, at = text.rfind(")") + 1, 0  # nothing is looked for in vain behind the last one, or it would take for ever
    for found in _REFERENCE.finditer(text, 0, closed):
        name = found[1]
        yield text[at : found.start()], name, found[0] if name is not None else "$"
        at = found.end()
    yield text[at:closed], None, text[closed:].replace("$$", "$")
