"""Files that are no workbooks, or workbooks made to do harm: refused in words, before they cost anything."""

from __future__ import annotations

import random
import struct
import tracemalloc
import zipfile
import zlib
from io import BytesIO
from typing import Any

import pytest
from django.utils import translation

from core.sheets.archive import MAX_BYTES, MAX_UNPACKED
from core.sheets.columns import Column
from core.sheets.errors import SheetRefused
from core.sheets.reader import read_rows
from tests.support.workbooks import file_of, with_members

COLUMNS = (Column("a", "A"), Column("b", "B"))
SHEET = "xl/worksheets/sheet1.xml"
_NS = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_CELL = '<c r="{}" t="inlineStr"><is><t>{}</t></is></c>'


@pytest.fixture(autouse=True)
def _english() -> Any:
    with translation.override("en"):
        yield


def good() -> BytesIO:
    return file_of([["A", "B"], ["1", "2"]])


def with_sheet(xml: str | bytes) -> BytesIO:
    return with_members(good(), {SHEET: xml.encode() if isinstance(xml, str) else xml})


def refusal(file: BytesIO) -> str:
    with pytest.raises(SheetRefused) as caught:
        list(read_rows(file, COLUMNS))
    return str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"A,B\n1,2\n",
        b"PK\x03\x04",
        b"PK\x05\x06" + b"\0" * 18,
        b"%PDF-1.7",
        b"<html></html>",
        b"\0" * 1000,
        "A\tB".encode("utf-16"),
    ],
)
def test_files_of_other_kinds(content: bytes) -> None:
    assert "no Excel workbook" in refusal(BytesIO(content))


def test_the_old_format_and_passwords_are_told_apart() -> None:
    ole = bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 1000
    assert ".xls format" in refusal(BytesIO(ole))
    assert "password" in refusal(BytesIO(ole + "EncryptedPackage".encode("utf-16-le") + b"\0" * 100))


@pytest.mark.parametrize(
    "members",
    [
        {"hello.txt": b"x"},
        {"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<x/>"},
        {"[Content_Types].xml": b"<Types/>", "xl/other.xml": b"<x/>"},
        {"META-INF/manifest.xml": b"<x/>", "content.xml": b"<x/>"},
    ],
)
def test_zip_files_of_other_programs(members: dict[str, bytes]) -> None:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    assert "no Excel workbook" in refusal(file)


@pytest.mark.parametrize("missing", ["[Content_Types].xml", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", SHEET])
def test_workbooks_that_lack_a_part(missing: str) -> None:
    refusal(with_members(good(), {missing: None}))


@pytest.mark.parametrize(
    "xml",
    [
        "",
        "no xml",
        f"<worksheet {_NS}><sheetData><row>",
        f'<worksheet {_NS}><sheetData><row r="x"/></sheetData></worksheet>',
        f'<worksheet {_NS}><sheetData><row r="1"><c r="??"><v>1</v></c></row></sheetData></worksheet>',
        f'<worksheet {_NS}><sheetData><row r="1"><c r="A1" t="s"><v>99</v></c></row></sheetData></worksheet>',
        f'<worksheet {_NS}><sheetData><row r="1"><c r="A1"><v>one</v></c></row></sheetData></worksheet>',
        f'<worksheet {_NS}><sheetData><row r="1"><c r="A1" t="d"><v>x</v></c></row></sheetData></worksheet>',
        f'<worksheet {_NS}><sheetData><row r="1"><c r="A1" s="x"><v>1</v></c></row></sheetData></worksheet>',
        b"\xff\xfe\x00\x00",
    ],
)
def test_sheets_that_are_broken(xml: str | bytes) -> None:
    assert "no Excel workbook" in refusal(with_sheet(xml))


def test_a_style_that_does_not_exist_makes_no_text_of_a_number() -> None:
    header = _CELL.format("A1", "A") + _CELL.format("B1", "B")
    rows = f'<row r="1">{header}</row><row r="2"><c r="A2" s="999"><v>5</v></c></row>'
    found = list(read_rows(with_sheet(f"<worksheet {_NS}><sheetData>{rows}</sheetData></worksheet>"), COLUMNS))
    assert found[0].faults[0][0] == "A"


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE x [<!ENTITY a "boom"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x [<!ENTITY % a SYSTEM "http://127.0.0.1:1/"> %a;]>',
    ],
)
@pytest.mark.parametrize("member", [SHEET, "xl/workbook.xml", "[Content_Types].xml", "xl/styles.xml"])
def test_entities_are_never_expanded(declaration: str, member: str) -> None:
    with zipfile.ZipFile(good()) as archive:
        xml = archive.read(member).decode().partition("?>")
    text = (xml[2] or xml[0]).replace("<v>", "<v>&a;", 1)
    assert "no Excel workbook" in refusal(with_members(good(), {member: (declaration + text).encode()}))


def test_rows_far_below_cost_nothing() -> None:
    header = _CELL.format("A1", "A") + _CELL.format("B1", "B")
    for number in (1_048_576, 2_000_000_000):
        cell = _CELL.format(f"A{number}", "x")
        rows = f'<row r="1">{header}</row><row r="{number}">{cell}</row>'
        found = list(read_rows(with_sheet(f"<worksheet {_NS}><sheetData>{rows}</sheetData></worksheet>"), COLUMNS))
        assert [row.number for row in found] == ([number] if number < 2_000_000 else [])


def test_a_dimension_that_lies_is_not_believed() -> None:
    header = _CELL.format("A1", "A") + _CELL.format("B1", "B")
    rows = f'<row r="1">{header}</row><row r="2">{_CELL.format("B2", "x")}</row>'
    for ref in ("A1", "A1:XFD1048576"):
        xml = f'<worksheet {_NS}><dimension ref="{ref}"/><sheetData>{rows}</sheetData></worksheet>'
        assert [row.values for row in read_rows(with_sheet(xml), COLUMNS)] == [{"a": "", "b": "x"}]


class TestBombs:
    def test_a_file_that_is_too_large(self) -> None:
        assert "5 MB" in refusal(BytesIO(b"\0" * (MAX_BYTES + 1)))

    def test_a_member_that_unpacks_to_too_much(self) -> None:
        assert "unpacked" in refusal(with_members(good(), {"xl/media/image1.png": b"\0" * (MAX_UNPACKED + 1)}))

    def test_a_ratio_that_no_sheet_has(self) -> None:
        assert "unpacked" in refusal(with_members(good(), {"xl/media/image1.png": b"\0" * (MAX_UNPACKED // 2)}))

    def test_many_members(self) -> None:
        assert "unpacked" in refusal(with_members(good(), {f"xl/media/{n}.png": b"" for n in range(600)}))

    def test_more_elements_than_any_sheet_has(self) -> None:
        noise = random.Random(1).randbytes(500_000)  # keeps the ratio low
        xml = f"<worksheet {_NS}><sheetData>{'<row/>' * 4_100_000}</sheetData></worksheet>"
        assert "unpacked" in refusal(with_members(good(), {SHEET: xml.encode(), "xl/media/image1.png": noise}))

    @pytest.mark.parametrize("member", ["xl/styles.xml", "xl/media/image1.png"])
    def test_a_directory_that_lies_about_the_size(self, member: str) -> None:
        content = b"<x>" + b" " * (40 * 1024 * 1024)
        liar = _with_size(with_members(good(), {member: content}), member, content[:100])
        with zipfile.ZipFile(liar) as archive:
            assert archive.getinfo(member).file_size == 100
        tracemalloc.start()
        try:
            refusal(liar)
            assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
        finally:
            tracemalloc.stop()

    def test_members_that_are_encrypted_or_packed_in_other_ways(self) -> None:
        for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
            file = BytesIO()
            with zipfile.ZipFile(good()) as old, zipfile.ZipFile(file, "w", method) as new:
                for name in old.namelist():
                    new.writestr(name, old.read(name))
            assert "no Excel workbook" in refusal(file)
        raw = bytearray(good().getvalue())
        raw[raw.index(b"PK\x01\x02") + 8] |= 1
        assert "no Excel workbook" in refusal(BytesIO(bytes(raw)))


def _with_size(file: BytesIO, member: str, beginning: bytes) -> BytesIO:
    """The archive whose directory gives the member the size and the checksum of its beginning."""
    raw = bytearray(file.getvalue())
    with zipfile.ZipFile(file) as archive:
        info = archive.getinfo(member)
    facts = struct.pack("<II", info.CRC, info.compress_size) + struct.pack("<I", info.file_size)
    lie = struct.pack("<II", zlib.crc32(beginning), info.compress_size) + struct.pack("<I", len(beginning))
    assert facts in raw
    return BytesIO(bytes(raw).replace(facts, lie))


@pytest.mark.filterwarnings("ignore::UserWarning:openpyxl")
@pytest.mark.parametrize("seed", range(5))
def test_damaged_files_are_refused_or_read_and_nothing_else(seed: int) -> None:
    chance = random.Random(seed)
    original = good().getvalue()
    for _round in range(60):
        raw = bytearray(original)
        for _byte in range(chance.choice((1, 4, 40))):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        _read_or_refuse(BytesIO(bytes(raw[: chance.choice((len(raw), len(raw), chance.randrange(len(raw))))])))


@pytest.mark.filterwarnings("ignore::UserWarning:openpyxl")
@pytest.mark.parametrize("member", [SHEET, "xl/workbook.xml", "xl/styles.xml", "[Content_Types].xml"])
def test_damaged_parts_are_refused_or_read_and_nothing_else(member: str) -> None:
    chance = random.Random(member)
    with zipfile.ZipFile(good()) as archive:
        original = archive.read(member)
    for _round in range(120):
        raw = bytearray(original)
        for _byte in range(chance.choice((1, 2, 5))):
            raw[chance.randrange(len(raw))] = chance.choice(b"0123456789abcXYZ<>\"'&/= \xff\x00-")
        _read_or_refuse(with_members(good(), {member: bytes(raw)}))


def _read_or_refuse(file: BytesIO) -> None:
    try:
        list(read_rows(file, COLUMNS))
    except SheetRefused:
        return
