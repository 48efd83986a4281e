"""Texts as they are put into cells, and back. Between the two no text is lost and none becomes a formula.

Spreadsheets take a text that begins with `= + - @`, a tab or a line break for a formula as soon as somebody edits it,
copies it or saves it as CSV. Such a text gets an apostrophe in front, and so does one that looks as if it had got one
already: that makes the way back unambiguous. What XML cannot hold is written as `_x001F_`, as Excel does itself
(ECMA-376, ST_Xstring).
"""

from __future__ import annotations

import re

LONGEST_TEXT = 32_767  # characters in a cell, says Excel

_DANGEROUS = r"[=+\-@\t\r\n]"
_NEEDS_APOSTROPHE = re.compile(rf"'*{_DANGEROUS}")
_HAS_APOSTROPHE = re.compile(rf"'+{_DANGEROUS}")
_NO_XML = "\x01-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff"
# A carriage return would be read as a line break; an underscore counts if it would be taken for the start of a code.
_TO_CODE = re.compile(rf"[\r{_NO_XML}]|_(?=x[0-9A-Fa-f]{{4}}(?:_|[\r{_NO_XML}]))")
_CODE = re.compile(r"_x(005[Ff])_(?=x[0-9A-Fa-f]{4}_)|_x([0-9A-Fa-f]{4})_")
_CODED = re.compile(rf"[\r{_NO_XML}]")


def to_cell(text: str) -> str:
    """The text that is written into a cell. NUL, which no database of ours stores, must not be in it."""
    if _NEEDS_APOSTROPHE.match(text):
        text = "'" + text
    return _TO_CODE.sub(lambda found: f"_x{ord(found[0]):04X}_", text)


def from_cell(text: str) -> str:
    """The text that a cell means, also one that somebody typed."""
    text = _CODE.sub(_decoded, text)
    return text[1:] if _HAS_APOSTROPHE.match(text) else text


def _decoded(found: re.Match[str]) -> str:
    if found[1]:
        return "_"
    character = chr(int(found[2], 16))
    return character if _CODED.match(character) else found[0]
