"""`manage.py render_errors`: docs/errors.md is the catalogue, in both languages."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from builds.failures import CATALOGUE
from builds.typical_words import TYPICAL

LANGUAGES = ("en", "zh-hans")


def test_the_document_in_the_repository_is_current() -> None:
    call_command("render_errors", "--check", stdout=StringIO())


def test_the_document_names_every_code_in_both_languages(tmp_path: Path) -> None:
    target = tmp_path / "errors.md"
    with pytest.raises(CommandError, match="stale"):
        call_command("render_errors", "--check", output=target)
    call_command("render_errors", output=target, stdout=StringIO())
    document = target.read_text(encoding="utf-8")
    for code in CATALOGUE:
        assert document.count(f"| `{code}` |") == len(LANGUAGES)
        assert document.count(f"| `{TYPICAL[code]}` |" if code in TYPICAL else "|  |") >= len(LANGUAGES), code
    rows = [line for line in document.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {8}
    target.write_text(document.replace("stalled", "stopped"), encoding="utf-8")
    with pytest.raises(CommandError, match="stale") as refused:
        call_command("render_errors", "--check", output=target)
    assert refused.value.returncode == 1


def test_a_language_without_translations_is_not_rendered_in_english(settings: Any, tmp_path: Path) -> None:
    settings.LOCALE_PATHS = [tmp_path]
    with pytest.raises(CommandError, match=r"not translated into zh-hans.*registry_dns"):
        call_command("render_errors", output=tmp_path / "errors.md")
    assert not (tmp_path / "errors.md").exists()
