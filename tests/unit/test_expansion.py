"""`$(NAME)` in texts of a container, against the rules of Kubernetes written down letter by letter."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appimages.expansion import MOST, MOST_REFERENCES, Expander, TooMuch, names_in

VALUES = {"A": "1", "B": "$(A)", "EMPTY": "", "a b": "blank", "": "nameless"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("plain", "plain"),
        ("$(A)", "1"),
        ("x$(A)y$(A)", "x1y1"),
        ("$(B)", "$(A)"),  # not looked at again
        ("$(EMPTY)", ""),
        ("$(NONE)", "$(NONE)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$$$$(A)", "$$(A)"),
        ("$$", "$"),
        ("$", "$"),
        ("a$", "a$"),
        ("$A ${A} $1", "$A ${A} $1"),
        ("$(A", "$(A"),
        ("$($(A)", "$($(A)"),  # the name is “$(A”
        ("$(A)$(", "1$("),
        ("$(A))$$$", "1)$$"),
        ("$(a b)$()", "blanknameless"),
        ("$(date +%s)", "$(date +%s)"),  # of a shell
        ("$(A\n)", "$(A\n)"),
    ],
)
def test_references(text: str, expected: str) -> None:
    assert Expander().expand(text, VALUES) == expected


def by_the_letter(text: str, values: Mapping[str, str]) -> str:
    """A cursor that goes from letter to letter."""
    made, at = "", 0
    while at < len(text):
        following = text[at + 1 : at + 2]
        end = text.find(")", at + 2)
        if text[at] != "$" or following not in ("$", "("):
            made, at = made + text[at], at + 1
        elif following == "$":
            made, at = made + "$", at + 2
        elif end < 0:
            made, at = made + "$(", at + 2
        else:
            name = text[at + 2 : end]
            made, at = made + values.get(name, f"$({name})"), end + 1
    return made


TEXTS = st.lists(st.sampled_from(["$", "(", ")", "$(A)", "A", "B", "a b", "\n", "中"]), max_size=20).map("".join)


@given(TEXTS)
def test_it_is_what_kubernetes_does(text: str) -> None:
    assert Expander().expand(text, VALUES) == by_the_letter(text, VALUES)
    assert Expander().expand(text, {}) == by_the_letter(text, {})


@given(TEXTS)
def test_names_are_those_that_are_asked_for(text: str) -> None:
    class Asked(dict[str, str]):
        def get(self, key: str, default: object = None) -> str:  # type: ignore[override]
            self[key] = ""
            return f"$({key})"

    asked = Asked()
    by_the_letter(text, asked)
    assert names_in(text) == set(asked)


@given(st.text())
def test_a_text_with_all_dollars_doubled_comes_out_as_it_was(text: str) -> None:
    assert Expander().expand(text.replace("$", "$$"), VALUES) == text


def test_what_becomes_too_long() -> None:
    expander, values = Expander(), {"BIG": "x" * (MOST // 4)}
    assert len(expander.expand("$(BIG)" * 3, values)) == len(values["BIG"]) * 3
    with pytest.raises(TooMuch, match="too_much_expanded"):
        expander.expand("$(BIG)$(BIG)", values)  # all texts of one container count together
    assert Expander().expand("y" * 2 * MOST, {}) == "y" * 2 * MOST, "what was there does not count"


@pytest.mark.parametrize("reference", ["$()", "$(NONE)", "$(EMPTY)", "$$"])
def test_there_are_so_many_references_in_all_texts_together(reference: str) -> None:
    expander = Expander()
    expander.expand(f"{reference * (MOST_REFERENCES - 2)}a)", VALUES)
    expander.expand("$$)$", VALUES)
    expander.expand("plain)" * 3, VALUES)
    expander.expand("$(A)", VALUES)
    with pytest.raises(TooMuch, match="too_many_references"):
        expander.expand(f"{reference})", VALUES)
    with pytest.raises(TooMuch, match="too_many_references"):
        Expander().expand(f"{reference * (MOST_REFERENCES + 1)})", VALUES)


def test_references_that_never_end_are_not_looked_for_again_and_again() -> None:
    """Each would otherwise look through all the rest: a million times two million letters, which takes hours."""
    text = "$(" * 1_000_000
    assert Expander().expand(text, VALUES) == text
    assert names_in(text) == set()
