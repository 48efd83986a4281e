"""ELF files as small as they get, with the tables that the tests ask for. Real ones are compiled in the integration
tests; these need no compiler, and can be of any machine."""

from __future__ import annotations

import struct
from collections.abc import Sequence

X86_64, AARCH64 = 62, 183
LIBRARY, PROGRAM = 3, 2  # e_type
_STRTAB, _DYNAMIC, _VERNEED, _VERDEF = 3, 6, 0x6FFFFFFE, 0x6FFFFFFD


def elf_file(
    *,
    machine: int = X86_64,
    kind: int = LIBRARY,
    needed: Sequence[str] = (),
    glibc_needed: Sequence[str] = (),
    glibc_defined: Sequence[str] = (),
    interpreter: str = "",
    dynamic: bool = True,
) -> bytes:
    """`needed`: libraries; versions are names such as "GLIBC_2.34"."""
    words = _Strings()
    names = [words.add(name) for name in needed]
    table = b"".join(struct.pack("<QQ", 1, name) for name in names)
    parts = {
        "interp": interpreter.encode() + b"\0",
        "verneed": _verneed(words, glibc_needed),
        "verdef": _verdef(words, glibc_defined),
        "dynstr": b"",
        "dynamic": b"",
        "shstrtab": b"\0.dynstr\0.dynamic\0.gnu.version_r\0.gnu.version_d\0.shstrtab\0",
    }
    parts["dynstr"] = words.data
    parts["dynamic"] = table + bytes(16 * 3)  # filled in below, when the place of the texts is known
    segments = 1 + dynamic + bool(interpreter)
    places, offset = {}, 64 + 56 * segments
    for name, data in parts.items():
        places[name] = (offset, len(data))
        offset += len(data) + -len(data) % 8
    text, size = places["dynstr"]
    parts["dynamic"] = table + struct.pack("<6Q", 5, text, 10, size, 0, 0)
    headers = [_segment(1, 0, offset)]
    headers += [_segment(2, *places["dynamic"])] if dynamic else []
    headers += [_segment(3, *places["interp"])] if interpreter else []
    sections = [
        bytes(64),
        _section(1, _STRTAB, *places["dynstr"]),
        _section(9, _DYNAMIC, *places["dynamic"], link=1, entry=16),
        _section(18, _VERNEED, *places["verneed"], link=1, info=bool(glibc_needed)),
        _section(33, _VERDEF, *places["verdef"], link=1, info=len(glibc_defined)),
        _section(48, _STRTAB, *places["shstrtab"]),
    ]
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", kind, machine, 1, 0, 64, offset, 0, 64, 56, segments, 64, len(sections), len(sections) - 1
    )  # fmt: skip
    body = b"".join(data + bytes(-len(data) % 8) for data in parts.values())
    return header + b"".join(headers) + body + b"".join(sections)


class _Strings:
    def __init__(self) -> None:
        self.data = b"\0"

    def add(self, text: str) -> int:
        place = len(self.data)
        self.data += text.encode() + b"\0"
        return place


def _verneed(words: _Strings, versions: Sequence[str]) -> bytes:
    """All of them of libc.so.6."""
    if not versions:
        return b""
    found = struct.pack("<HHIII", 1, len(versions), words.add("libc.so.6"), 16, 0)
    for number, version in enumerate(versions):
        last = number == len(versions) - 1
        found += struct.pack("<IHHII", 0, 0, number + 2, words.add(version), 0 if last else 16)
    return found


def _verdef(words: _Strings, versions: Sequence[str]) -> bytes:
    found = b""
    for number, version in enumerate(versions):
        last = number == len(versions) - 1
        found += struct.pack("<HHHHIII", 1, 0, number + 1, 1, 0, 20, 0 if last else 28)
        found += struct.pack("<II", words.add(version), 0)
    return found


def _segment(kind: int, offset: int, size: int) -> bytes:
    return struct.pack("<IIQQQQQQ", kind, 4, offset, offset, offset, size, size, 8)


def _section(name: int, kind: int, offset: int, size: int, *, link: int = 0, info: int = 0, entry: int = 0) -> bytes:
    return struct.pack("<IIQQQQIIQQ", name, kind, 0, offset, offset, size, link, info, 8, entry)
