"""What a builder puts in for `$NAME`, `${NAME}` and `${NAME:-default}`, and the quotes that it takes away."""

from __future__ import annotations

import re
from collections.abc import Mapping

from builds.dockerfiles.errors import DockerfileError

_NAME = re.compile(r"[A-Za-z_]\w*")
_WORD = re.compile(r"(?:'[^']*'|\"(?:[^\"\\]|\\.)*\"|\\.|[^\s'\"\\]|['\"\\])++", re.DOTALL)
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)(?:=(.*))?", re.DOTALL)
_DEEPEST = 10


def assignments(text: str) -> list[tuple[str, str | None]]:
    """`A=1 B="x y" C` → names with their raw values, None for one without."""
    matches = (_ASSIGNMENT.fullmatch(word[0]) for word in _WORD.finditer(text))
    return [(match[1], match[2]) for match in matches if match]


def substitute(text: str, values: Mapping[str, str], *, line: int) -> str:
    """Raises `variable_unknown` for what has no value (a builder would put nothing in), `variable_form` for forms that
    only some builders know."""
    return _Substitution(text, values, line, 0).run()


class _Substitution:
    def __init__(self, text: str, values: Mapping[str, str], line: int, depth: int) -> None:
        if depth > _DEEPEST:
            raise DockerfileError("variable_form", line, value=text)
        self.text = text
        self.values = values
        self.line = line
        self.depth = depth
        self.position = 0

    def run(self) -> str:
        found: list[str] = []
        quote = ""
        while self.position < len(self.text):
            sign = self.text[self.position]
            self.position += 1
            if sign == quote:
                quote = ""
            elif not quote and sign in "'\"":
                quote = sign
            elif sign == "\\" and quote != "'":
                found.append(self.text[self.position : self.position + 1])
                self.position += 1
            elif sign == "$" and quote != "'":
                found.append(self._variable())
            else:
                found.append(sign)
        return "".join(found)

    def _variable(self) -> str:
        if self.text[self.position : self.position + 1] == "{":
            self.position += 1
            return self._braced()
        match = _NAME.match(self.text, self.position)
        if match is None:
            raise DockerfileError("variable_form", self.line, value="$")
        self.position = match.end()
        return self._known(match[0])

    def _braced(self) -> str:
        inner = self._until_closed()
        match = _NAME.match(inner)
        if match is None:
            raise DockerfileError("variable_form", self.line, value=f"${{{inner}}}")
        name, rest = match[0], inner[match.end() :]
        if not rest:
            return self._known(name)
        kind, word = (rest[1:2], rest[2:]) if rest[0] == ":" else (rest[0], rest[1:])
        # With ":" an empty value counts as none.
        there = bool(self.values.get(name)) if rest[0] == ":" else name in self.values
        if kind == "-":
            return self.values[name] if there else self._nested(word)
        if kind == "+":
            return self._nested(word) if there else ""
        if kind == "?":
            return self._known(name) if there else self._unknown(name)
        raise DockerfileError("variable_form", self.line, value=f"${{{inner}}}")

    def _until_closed(self) -> str:
        start, depth = self.position, 1
        while self.position < len(self.text):
            sign = self.text[self.position]
            self.position += 1
            depth += (sign == "{") - (sign == "}")
            if not depth:
                return self.text[start : self.position - 1]
        raise DockerfileError("variable_form", self.line, value=self.text[start - 2 :])

    def _nested(self, text: str) -> str:
        return _Substitution(text, self.values, self.line, self.depth + 1).run()

    def _known(self, name: str) -> str:
        return self.values[name] if name in self.values else self._unknown(name)

    def _unknown(self, name: str) -> str:
        raise DockerfileError("variable_unknown", self.line, value=f"${name}")
