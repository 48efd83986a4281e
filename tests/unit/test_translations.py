"""The Chinese catalogues are complete, and what the browser and Django load is made of them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import polib
import pytest
from django.utils import translation

from tests.unit.package_texts import package_directory, texts_of

ROOT = Path(__file__).resolve().parents[2]
CATALOGUES = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES"
DOMAINS = ("django", "djangojs")
OWN = ("core", "imagelib", "nodes", "pulls", "appimages", "instances", "builds", "templates")
# Texts that Chinese readers use as they are.
_PLACEHOLDERS = re.compile(r"%\(\w+\)[sd]|%[sd%]|\{\w*(?::\w)?\}")


def _entries(domain: str) -> list[polib.POEntry]:
    return [entry for entry in polib.pofile(str(CATALOGUES / f"{domain}.po")) if not entry.obsolete]


def _texts(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


@pytest.mark.parametrize("domain", DOMAINS)
def test_no_text_is_empty_or_fuzzy(domain: str) -> None:
    missing = [entry.msgid for entry in _entries(domain) if entry.fuzzy or not all(_texts(entry))]
    assert not missing


@pytest.mark.parametrize("domain", DOMAINS)
def test_translations_keep_the_placeholders(domain: str) -> None:
    wrong = [
        (entry.msgid, text)
        for entry in _entries(domain)
        for text in _texts(entry)
        if set(_PLACEHOLDERS.findall(text)) != set(_PLACEHOLDERS.findall(entry.msgid))
    ]
    assert not wrong


@pytest.mark.parametrize("domain", DOMAINS)
def test_compiled_catalogue_is_up_to_date(domain: str) -> None:
    compiled = {(entry.msgctxt, entry.msgid): _texts(entry) for entry in polib.mofile(str(CATALOGUES / f"{domain}.mo"))}
    assert compiled == {(entry.msgctxt, entry.msgid): _texts(entry) for entry in _entries(domain)}


def test_every_text_of_ours_is_in_the_catalogue() -> None:
    known = {(entry.msgctxt, entry.msgid) for entry in _entries("django")}
    assert not _texts_of_ours() - known


def _texts_of_ours() -> set[tuple[str | None, str]]:
    return set().union(*(texts_of(ROOT / name, skip=("migrations",)) for name in OWN))


def test_every_text_of_our_scripts_is_in_the_catalogue() -> None:
    known = {entry.msgid for entry in _entries("djangojs")}
    found: set[str] = set()
    for script in (ROOT / "static").rglob("*.js"):
        found.update(re.findall(r'\bn?gettext\(\s*"((?:\\.|[^"\\])*)"', script.read_text()))
    assert found, "no text was found at all: the pattern is wrong"
    assert not found - known


@pytest.mark.parametrize("package", ["unfold", "unfold.contrib.filters", "auditlog", "axes"])
def test_texts_of_packages_that_come_without_chinese_are_translated(package: str) -> None:
    texts = texts_of(package_directory(package), skip=("migrations", "management", "contrib"))
    assert texts
    with translation.override("zh-hans"):
        english = {text for context, text in texts if _is_english(context, text)}
    # "HTTP Accept" is the name of a header.
    assert english <= {"HTTP Accept"}


def _is_english(context: str | None, text: str) -> bool:
    shown = translation.pgettext(context, text) if context else translation.gettext(text)
    return shown == text and bool(re.search("[A-Za-z]{2}", text))


def test_catalogues_are_what_gettext_accepts(tmp_path: Path) -> None:
    for domain in DOMAINS:
        done = subprocess.run(
            ["msgfmt", "--check-format", "-o", str(tmp_path / "out.mo"), str(CATALOGUES / f"{domain}.po")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
