"""Which namespaces of a registry endpoint users may push to: the pure rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelib.addresses import AddressError
from imagelib.pushing import EVERYWHERE, USUAL, cleaned, common_places, is_within, places_of


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("", ""),
        (" * ", "*"),
        ("users/{username},team-a/ ,\n team-a", "users/{username}, team-a"),
        ("u{id}", "u{id}"),
        (USUAL, USUAL),
    ],
)
def test_lists_are_kept_in_one_form(given: str, kept: str) -> None:
    assert cleaned(given) == kept
    assert cleaned(kept) == kept


@pytest.mark.parametrize("text", ["Team", "a//b", "a b/*", "users/{user}", "../x", "*/x", "团队", "a:1"])
def test_what_can_be_no_namespace_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        cleaned(text)


@pytest.mark.parametrize(
    ("text", "username", "places"),
    [
        ("users/{username}, team", "ulrich", ["users/ulrich", "team"]),
        ("users/{username}, u{id}", "Ulrich", ["u7"]),  # could be mistaken for ulrich
        ("users/{username}", "乌尔里希", []),
        ("users/{username}", "a/b", []),
        ("*, users/{username}", "U", ["*"]),
        ("Broken, ok", "x", ["ok"]),
        ("", "x", []),
    ],
)
def test_everybody_has_places_of_their_own(text: str, username: str, places: list[str]) -> None:
    assert places_of(text, username=username, pk=7) == places


def test_nobody_has_common_places_alone() -> None:
    assert common_places("users/{username}, team, u{id}, *") == ["team", "*"]


@pytest.mark.parametrize(
    ("namespace", "place", "within"),
    [
        ("team", "team", True),
        ("team/a/b", "team", True),
        ("teams", "team", False),
        ("", "team", False),
        ("tea", "team", False),
        ("", EVERYWHERE, True),
        ("any/where", EVERYWHERE, True),
    ],
)
def test_a_namespace_includes_what_is_below_it(namespace: str, place: str, within: bool) -> None:
    assert is_within(namespace, [place]) is within
    assert not is_within(namespace, [])


@given(st.text(max_size=20))
def test_no_user_name_leads_out_of_its_place(username: str) -> None:
    for place in places_of(USUAL, username=username, pk=1):
        assert place.startswith("users/") and place.count("/") == 1 and len(place) > len("users/")
