"""The values of a set as a text to edit: NAME=value in each line, in quotation marks what one line cannot hold."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from django import forms
from django.utils.translation import gettext_lazy as _

_QUOTED = json.JSONDecoder(strict=False)  # lines may end within the marks: so a key can be pasted as it is
_NEEDS_MARKS = re.compile(r'"|.*[\x00-\x08\x0a-\x1f\x7f]', re.DOTALL)


def read_lines(text: str) -> dict[str, str]:
    """Raises `ValidationError`. What is wrong may be a secret: it is not repeated."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")  # as browsers send them
    found = {}
    position = 0
    while position < len(text):
        end = text.find("\n", position)
        end = len(text) if end < 0 else end
        line = text[position:end]
        name, separator, value = line.partition("=")
        if separator and value.startswith('"'):
            value, end = _quoted(text, position + len(name) + 1)
        elif line.strip() and not separator:
            raise forms.ValidationError(_("Every line is NAME=value. Example: REGION=north"))
        if separator:
            found[name.strip()] = value
        position = end + 1
    return found


def write_lines(values: Mapping[str, str]) -> str:
    """What `read_lines` reads as the same."""
    return "\n".join(f"{name}={_written(value)}" for name, value in values.items())


def _quoted(text: str, start: int) -> tuple[str, int]:
    """The value in quotation marks, and the end of its last line."""
    try:
        value, end = _QUOTED.raw_decode(text, start)
        value.encode()  # half a character cannot be stored
    except ValueError:
        end, value = start, ""
    rest, _newline, _after = text[end:].partition("\n")
    if end == start or rest.strip():
        raise forms.ValidationError(
            _(
                'A value that begins with a quotation mark ends with one; within it stand \\" and \\\\ for these signs.'
                ' Example: GREETING="say \\"hello\\""'
            )
        )
    return value, end + len(rest)


def _written(value: str) -> str:
    if not _NEEDS_MARKS.match(value):
        return value
    return '"' + "\n".join(json.dumps(line, ensure_ascii=False)[1:-1] for line in value.split("\n")) + '"'
