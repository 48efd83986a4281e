"""Patterns of a `.dockerignore` against paths, by the rules of the SDK's `fnmatch`, without its regular expressions.

Those try every way in which several `*` could share a name: hours for a name of some hundred letters. Here all ways go
on side by side, one bit of a number each, so a path costs as many steps as it has letters. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_WILD = frozenset("*?[")
_TOKEN = re.compile(r"(?P<folders>\*\*/?)|(?P<star>\*)|(?P<one>\?)|\[(?P<set>!?\]?[^\]]*)\]|(?P<sign>.)", re.DOTALL)


@dataclass(slots=True)
class Glob:
    """One pattern, as its places: bit n of a mask is what waits for the letter at place n."""

    text: str
    _signs: list[re.Pattern[str] | str] = field(default_factory=list)  # "" is anything but "/"; "**" see `_add_folders`
    _star: int = 0  # places that take any number of letters but "/"
    _rest: int = 0  # any number of letters
    _optional: int = 0  # places that may be left out
    _folders: int = 0  # the place before that of "any letters and a /", which is left out with it
    _masks: dict[str, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.text = self.text.lower()
        if not _WILD & set(self.text):
            return
        for match in _TOKEN.finditer(self.text):
            if match["folders"]:
                self._add_folders(last=match.end() == len(self.text))
            elif match["star"]:
                self._star |= 1 << len(self._signs)
                self._signs.append("*")
            elif match["set"] is not None:
                self._signs.append(_one_of(match["set"]))
            else:
                self._signs.append("" if match["one"] else re.compile(re.escape(match["sign"]), re.DOTALL))
        self._optional |= self._star | self._rest

    def matches(self, path: str) -> bool:
        path = path.lower()
        if not self._signs:
            return path == self.text
        places = self._onwards(1)
        for letter in path:
            goes_on, stays = self._masks.get(letter) or self._masks_of(letter)
            places = self._onwards((places & goes_on) << 1 | places & stays)
            if not places:
                return False
        return bool(places >> len(self._signs) & 1)

    def _add_folders(self, *, last: bool) -> None:
        """`**` at the end is everything, elsewhere any number of folders: nothing, or any letters and a "/"."""
        if last:
            self._rest |= 1 << len(self._signs)
            self._signs.append("*")
        elif self._signs[-1:] != ["**"]:  # twice is once
            self._folders |= 1 << len(self._signs)
            self._signs += ["*", "**"]

    def _onwards(self, places: int) -> int:
        """With all places that are reached by leaving something out; three such in a row are the most there can be."""
        while True:
            reached = places | (places & (self._optional | self._folders)) << 1 | (places & self._folders) << 2
            if reached == places:
                return places
            places = reached

    def _masks_of(self, letter: str) -> tuple[int, int]:
        goes_on, stays = 0, self._rest | (self._star if letter != "/" else 0)
        for place, sign in enumerate(self._signs):
            if sign == "**":
                stays |= 1 << place
                taken = letter == "/"
            elif sign == "*":
                taken = False
            else:
                taken = letter != "/" if isinstance(sign, str) else bool(sign.match(letter))
            goes_on |= taken << place
        self._masks[letter] = goes_on, stays
        return goes_on, stays


def _one_of(inner: str) -> re.Pattern[str]:
    """`[abc]`, `[!abc]`, `[a-z]`; a range that is none takes nothing."""
    inner = inner.replace("\\", "\\\\")
    inner = f"^{inner[1:]}" if inner.startswith("!") else re.sub(r"\A\^", r"\\^", inner)
    try:
        return re.compile(f"[{inner}]")
    except re.error:
        return re.compile(r"(?!)")
