"""Values of files that nobody has interpreted yet."""

from __future__ import annotations


class Plain(str):
    """A value that stands in a file without quotes: its place in the document says what it is, not its look.

    So a tag `1.10` stays what was written, and where a number is wanted it is one.
    """

    __slots__ = ()
