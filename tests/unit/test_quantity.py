"""Amounts as Kubernetes reads and writes them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appimages.quantity import NoQuantity, canonical, parse_quantity


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        # What running Kubernetes' own code showed.
        ("0.1", "100m"), ("1000m", "1"), ("1.5", "1500m"), (".5", "500m"), ("1024Mi", "1Gi"), ("0.5Gi", "512Mi"),
        ("2.5Gi", "2560Mi"), ("1536Mi", "1536Mi"), ("1024", "1024"), ("1e3", "1e3"), ("0.0001", "100u"), ("-1", "-1"),
        # What its code says besides.
        ("0", "0"), ("0000", "0"), ("-0", "0"), ("+", "0"), (".", "0"), ("Mi", "0"), ("0e5", "0"), ("+5", "5"),
        ("007", "7"), ("1.", "1"), ("1.G", "1G"), ("1000", "1k"), ("1000k", "1M"), ("12000000", "12M"),
        ("1.500", "1500m"),
        ("1E", "1E"), ("1E3", "1e3"), ("1e0", "1"), ("1e4", "10e3"), ("1e-3", "1e-3"), ("100e-1", "10"),
        ("1e21", "1e21"),
        ("1000E", "1e21"), ("10000E", "10e21"), ("1e2000000000", "100e1999999998"),
        ("1Ki", "1Ki"), ("1023Ki", "1023Ki"), ("1024Ki", "1Mi"), ("0.5Ki", "512"), ("0.3Ki", "307200m"),
        ("-2Ki", "-2Ki"),
        ("-0.5Gi", "-512Mi"), ("1.0005Ki", "1024512m"), ("7Ei", "7Ei"), ("8Ei", "9223372036854775807"),
        ("9999Ei", "9223372036854775807"), ("-9999Ei", "-9223372036854775807"),
        ("0.9n", "1n"), ("1.1n", "2n"), ("-0.1n", "-1n"), ("1e-20", "1e-9"), ("1e-2000000000", "1e-9"),
        ("0.0000000001Ki", "103n"), ("1." + "9" * 30, "2"), ("9" * 30, "9" * 30),
    ],
)  # fmt: skip
def test_the_canonical_form(typed: str, shown: str) -> None:
    assert canonical(typed) == shown


_SHAPE = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_SUFFIX = "unable to parse quantity's suffix"


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", _SHAPE), ("abc", _SHAPE), (" 1", _SHAPE), ("1 ", _SHAPE), ("1 Gi", _SHAPE), ("1GB", _SHAPE),
        ("1Mib", _SHAPE),
        ("1\n", _SHAPE), ("１", _SHAPE), ("1.2.3", _SHAPE), ("1\0", _SHAPE), ("0x10", _SHAPE),
        ("1K", _SUFFIX), ("1e", _SUFFIX), ("1i", _SUFFIX), ("1mi", _SUFFIX), ("1Mi5", _SUFFIX), ("1ee3", _SUFFIX),
        ("1-3", _SUFFIX), ("--1", _SUFFIX), ("1e9999999999", _SUFFIX), ("1e" + "9" * 10_000, _SUFFIX),
        ("9" * 10_000, "unable to parse numeric part of quantity"),
    ],
)  # fmt: skip
def test_what_is_no_amount(typed: str, why: str) -> None:
    with pytest.raises(NoQuantity) as caught:
        canonical(typed)
    assert str(caught.value) == why


_TEXTS = st.from_regex(
    r"\A[+-]?[0-9]{0,25}(\.[0-9]{0,15})?(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?[0-9]{1,2}|)\Z"
).filter(bool)


def value_of(text: str) -> Fraction:
    found = parse_quantity(text)
    return found.mantissa * Fraction(10) ** found.exponent


@given(_TEXTS)
@example("999999999999Ei")
@example("0.0000000001e-9")
def test_the_canonical_form_keeps_the_value_and_is_its_own_canonical_form(text: str) -> None:
    shown = canonical(text)
    assert value_of(shown) == value_of(text)
    assert canonical(shown) == shown
    assert "." not in shown and not shown.startswith("+")


@given(st.integers(-(2**62), 2**62))
def test_whole_numbers(number: int) -> None:
    for suffix, factor in (("", 1), ("m", Fraction(1, 1000)), ("Ki", 1024)):
        if abs(number * factor) < 2**63:
            assert value_of(canonical(f"{number}{suffix}")) == number * factor


@given(st.text(max_size=12))
def test_any_text_is_an_amount_or_none(text: str) -> None:
    try:
        assert canonical(canonical(text)) == canonical(text)
    except NoQuantity as error:
        assert str(error)
