"""Templates and scripts: nothing that a strict content security policy forbids, nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SCRIPTS, STYLES = (  # what others wrote, static/vendor, is as they wrote it
    sorted(path for path in (ROOT / "static").rglob(kind) if "vendor" not in path.parts) for kind in ("*.js", "*.css")
)
SOURCES = [*TEMPLATES, *SCRIPTS, *STYLES]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_inline_handlers_scripts_or_styles(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"""<[^>]*\s(?:on\w+|style)\s*=""", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert "<style" not in text and "|safe" not in text


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_nothing_comes_from_another_host(path: Path) -> None:
    addresses = set(re.findall(r"""(?:https?:)?//[\w.-]+\.\w{2,}[^\s"')]*""", path.read_text()))
    nobody = re.compile(r"https?://(?:www\.w3\.org|[\w-]+\.example\.com)/")  # names of formats, and examples to read
    assert not {address for address in addresses if not nobody.match(address)}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_never_write_markup(path: Path) -> None:
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", path.read_text())
