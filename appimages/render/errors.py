"""What can be wrong with a template, as codes."""

from __future__ import annotations

from typing import Literal

TemplateCode = Literal[
    "template_too_long",
    "result_too_long",
    "value_too_deep",
    "too_many_filters",
    "too_many_braces",
    "action_not_closed",
    "comment_not_closed",
    "text_not_closed",
    "bad_escape",
    "nothing_inside",
    "unexpected_sign",
    "unexpected_word",
    "not_supported",
    "looks_inside",
    "printf_format",
    "no_if",
    "else_twice",
    "if_not_closed",
    "path_expected",
    "quote_in_path",
    "path_too_nested",
]


class TemplateError(ValueError):
    """A template breaks the rule `code` at `line` and `column` (both from 1); `params` are limits and single words."""

    def __init__(self, code: TemplateCode, *, line: int, column: int, **params: int | str) -> None:
        super().__init__(f"{code} at {line}:{column}")
        self.code = code
        self.line = line
        self.column = column
        self.params = params


class BadTemplate(Exception):
    """The same inside this package, with a position in the text instead of a line; never leaves it."""

    def __init__(self, code: TemplateCode, position: int, **params: int | str) -> None:
        super().__init__(code)
        self.code = code
        self.position = position
        self.params = params

    def in_text(self, text: str) -> TemplateError:
        before = text[: self.position]
        line = before.count("\n") + 1
        return TemplateError(self.code, line=line, column=len(before) - before.rfind("\n"), **self.params)
