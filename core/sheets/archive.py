"""What must be true of an uploaded file before anything parses it: small, also when unpacked, and a workbook at all."""

from __future__ import annotations

import copy
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

from django.utils.translation import gettext as _
from openpyxl.utils.exceptions import InvalidFileException

from core.sheets.errors import NO_WORKBOOK, SheetRefused

MAX_BYTES = 5 * 1024 * 1024
MAX_UNPACKED = 50 * 1024 * 1024
MAX_RATIO = 100  # unpacked to packed, of a file that unpacks to more than `_HARMLESS`
MAX_MEMBERS = 500
MAX_TAGS = 4_000_000  # `<`: an element of XML needs far more memory than its four characters
_HARMLESS = 5 * 1024 * 1024
_CHUNK = 64 * 1024
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")  # the container of .xls, and of any workbook with a password
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others let a file choose how much memory unpacking takes
# What zipfile and openpyxl raise for files that are no workbooks, or not quite.
UNREADABLE = (
    ArithmeticError, AttributeError, EOFError, InvalidFileException, LookupError, OSError, RuntimeError, SyntaxError,
    TypeError, ValueError, struct.error, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def check_archive(file: IO[bytes]) -> None:
    """Raises `SheetRefused` for what cannot, or should not, be opened as a workbook."""
    size = file.seek(0, 2)
    if size > MAX_BYTES:
        raise SheetRefused(_("The file is too large; at most %(limit)s MB are allowed.") % {"limit": MAX_BYTES >> 20})
    file.seek(0)
    if file.read(len(_OLE)) == _OLE:
        raise SheetRefused(_ole_rule(file.read()))
    try:
        with zipfile.ZipFile(file) as archive:
            _check_members(archive, size)
    except UNREADABLE:
        raise SheetRefused(NO_WORKBOOK) from None
    file.seek(0)


def _ole_rule(content: bytes) -> str:
    if _ENCRYPTED in content:
        return _("The workbook is protected with a password. Remove the password, save it and try again.")
    return _("This is the old .xls format. Save the workbook as .xlsx and try again.")


def _check_members(archive: zipfile.ZipFile, size: int) -> None:
    members = archive.infolist()
    names = {member.filename for member in members}
    known = "[Content_Types].xml" in names and any(name.startswith("xl/") for name in names)
    if not known or any(member.compress_type not in _METHODS for member in members):
        raise SheetRefused(NO_WORKBOOK)
    if len(members) > MAX_MEMBERS or sum(member.file_size for member in members) > MAX_UNPACKED:
        raise SheetRefused(_too_large())
    unpacked = tags = 0
    for member in members:
        for chunk in _unpack(archive, member):
            unpacked += len(chunk)
            tags += chunk.count(b"<")
            if unpacked > max(_HARMLESS, min(MAX_UNPACKED, size * MAX_RATIO)) or tags > MAX_TAGS:
                raise SheetRefused(_too_large())


def _too_large() -> str:
    return _("The file becomes too large when it is unpacked. Copy the rows into a fresh template and try again.")


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """The member's content in small pieces, as long as it really is: the size in the directory may be a lie.

    Whoever reads such a member at once, as openpyxl does, would unpack all of it before cutting it to the size told.
    """
    honest = copy.copy(member)
    honest.file_size = MAX_UNPACKED + _CHUNK
    length = 0
    with archive.open(honest) as stream:
        while chunk := stream.read(_CHUNK):
            length += len(chunk)
            yield chunk
    if length != member.file_size:
        raise zipfile.BadZipFile("the size in the directory is not the member's")
