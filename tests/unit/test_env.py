"""Typed readers: what is not understood raises, secrets are made once."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.exceptions import ImproperlyConfigured

from imagelib import env


@pytest.mark.parametrize(("value", "wanted"), [("1", True), ("On", True), ("no", False), ("", True), ("  ", True)])
def test_booleans(monkeypatch, value: str, wanted: bool) -> None:
    monkeypatch.setenv("IMAGELIB_X", value)
    assert env.boolean("X", True) is wanted


@pytest.mark.parametrize("value", ["maybe", "2", "tru"])
def test_an_unknown_spelling_names_variable_and_rule(monkeypatch, value: str) -> None:
    monkeypatch.setenv("IMAGELIB_X", value)
    with pytest.raises(ImproperlyConfigured, match=r"IMAGELIB_X=.*true.*false"):
        env.boolean("X", True)


@pytest.mark.parametrize(
    ("reader", "value"), [("integer", "1.5"), ("integer", "x"), ("decimal", "fast"), ("decimal", "nan")]
)
def test_numbers_that_are_none(monkeypatch, reader: str, value: str) -> None:
    monkeypatch.setenv("IMAGELIB_X", value)
    with pytest.raises(ImproperlyConfigured, match="IMAGELIB_X"):
        getattr(env, reader)("X", 1)


def test_numbers_have_a_minimum(monkeypatch) -> None:
    monkeypatch.setenv("IMAGELIB_X", "0")
    with pytest.raises(ImproperlyConfigured, match="at least 1"):
        env.integer("X", 5, minimum=1)
    monkeypatch.setenv("IMAGELIB_X", "7")
    assert env.integer("X", 5, minimum=1) == 7


def test_choices_and_lists(monkeypatch) -> None:
    monkeypatch.setenv("IMAGELIB_X", "b")
    assert env.choice("X", "a", ("a", "b")) == "b"
    monkeypatch.setenv("IMAGELIB_X", "c")
    with pytest.raises(ImproperlyConfigured, match="a, b"):
        env.choice("X", "a", ("a", "b"))
    monkeypatch.setenv("IMAGELIB_X", " one, ,two ")
    assert env.words("X", []) == ["one", "two"]


@pytest.mark.parametrize("value", ["20000", "20000-", "a-b", "0-10", "30000-20000", "1-65536", "1-2-3"])
def test_ranges_of_ports(monkeypatch, value: str) -> None:
    assert env.ports("X", (1, 2)) == (1, 2)
    monkeypatch.setenv("IMAGELIB_X", "20000-29999")
    assert env.ports("X", (1, 2)) == (20000, 29999)
    monkeypatch.setenv("IMAGELIB_X", value)
    with pytest.raises(ImproperlyConfigured, match="20000-29999"):
        env.ports("X", (1, 2))


def test_a_value_from_a_file(monkeypatch, tmp_path) -> None:
    (tmp_path / "secret").write_text("from file\n")
    monkeypatch.setenv("IMAGELIB_X_FILE", str(tmp_path / "secret"))
    assert env.text("X") == "from file"
    monkeypatch.setenv("IMAGELIB_X_FILE", str(tmp_path / "missing"))
    with pytest.raises(ImproperlyConfigured, match="IMAGELIB_X_FILE"):
        env.text("X")


def test_a_generated_secret_is_private_and_the_same_for_everybody(tmp_path) -> None:
    counter = iter(range(100))
    with ThreadPoolExecutor(8) as pool:
        made = set(
            pool.map(
                lambda _n: env.secret("MADE_UP", data_dir=tmp_path, generate=lambda: f"value {next(counter)}"),
                range(16),
            )
        )
    assert len(made) == 1
    [file] = (tmp_path / "secrets").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_production_invents_no_secret(tmp_path) -> None:
    with pytest.raises(ImproperlyConfigured, match="IMAGELIB_MADE_UP"):
        env.secret("MADE_UP", data_dir=tmp_path, generate=None)
