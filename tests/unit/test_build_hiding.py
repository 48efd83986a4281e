"""Secrets of a build in what its steps write."""

from __future__ import annotations

import base64
import json
import re
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builds.hiding import MASK, MOST_FORMS, SHORTEST, Hider, _any_of, login_secrets

CANARY = 'c4n4ry S3cret/+=ü"x'


@pytest.mark.parametrize(
    "form",
    [
        CANARY,
        base64.b64encode(CANARY.encode()).decode(),
        base64.urlsafe_b64encode(CANARY.encode()).decode().rstrip("="),
        quote(CANARY),
        quote(CANARY, safe=""),
        quote_plus(CANARY),
        json.dumps(CANARY),
        json.dumps(CANARY, ensure_ascii=False),
    ],
)
def test_the_usual_forms_are_hidden(form: str) -> None:
    hidden = Hider([CANARY]).hide(f"before {form} after")
    assert form.strip('"') not in hidden
    assert hidden.startswith("before ") and hidden.endswith(" after") and MASK in hidden


def test_every_line_of_a_key_is_hidden() -> None:
    key = "-----BEGIN KEY-----\n  abcdefgh\nijklmnop  \n-----END KEY-----\n"
    hider = Hider([key])
    assert hider.hide("abcdefgh") == hider.hide("ijklmnop") == MASK


def test_a_login_is_hidden_as_a_pair_too() -> None:
    hider = Hider(login_secrets("puller", "p4ssw0rd"))
    assert hider.hide("Authorization: Basic " + base64.b64encode(b"puller:p4ssw0rd").decode()).endswith(f"Basic {MASK}")
    assert login_secrets("puller", "") == ()


@pytest.mark.parametrize("width", [76, 64])
@pytest.mark.parametrize("end", ["", "\n"])
def test_base64_in_lines_is_hidden(width: int, end: str) -> None:
    secret = "".join(f"{number:03}-{number * 7919 % 997:03};" for number in range(25))
    encoded = base64.b64encode((secret + end).encode()).decode()
    hider = Hider([secret])
    lines = [encoded[start : start + width] for start in range(0, len(encoded), width)]
    hidden = [hider.hide(line) for line in lines]
    assert len(lines) > 2 and hidden[:-1] == [MASK] * (len(lines) - 1)
    assert hidden[-1].startswith(MASK) and len(hidden[-1]) <= len(MASK) + 4  # what the end of the line adds


@given(st.lists(st.text("ab*.", min_size=1, max_size=6), min_size=1, max_size=8), st.text("ab*.", max_size=20))
def test_forms_that_begin_alike_are_found_as_if_each_were_tried(forms: list[str], text: str) -> None:
    plain = re.compile("|".join(map(re.escape, forms)))
    assert re.compile(_any_of(forms)).sub("#", text) == plain.sub("#", text)


def test_the_longer_of_two_secrets_is_hidden_whole() -> None:
    assert Hider(["secret", "secret-and-more"]).hide("secret-and-more") == MASK


@given(st.text(max_size=30), st.text(max_size=30))
def test_short_texts_and_other_words_stay(secret: str, text: str) -> None:
    hidden = Hider([secret]).hide(text)
    assert hidden == text or len(secret.strip()) >= SHORTEST
    assert Hider([]).hide(text) == text


@given(st.text(min_size=SHORTEST, max_size=30).filter(lambda text: len(text.strip()) >= SHORTEST))
def test_no_secret_survives(secret: str) -> None:
    assert secret not in Hider([secret]).hide(f"a{secret}b") or secret in MASK


def test_many_lines_have_a_limit_and_each_secret_is_hidden_whole() -> None:
    long = [f"a-line-of-the-key-{number:05}" for number in range(MOST_FORMS + 500)]
    hider = Hider(["short\n" + "\n".join(long), "an0ther"])
    assert hider.hide(long[0]) == hider.hide(long[500]) == hider.hide("an0ther") == MASK
    assert hider.hide(long[-1]) == long[-1] and hider.hide("short") == "short"
    assert hider.hide("short\n" + "\n".join(long)) == MASK


def test_the_beginning_of_a_line_is_kept_back_as_far_as_a_secret_may_reach() -> None:
    assert Hider(()).hide_beginning("nothing is secret here") == ("nothing is secret here", "")
    hider = Hider({"s3cret-0ne", "s3cret-0ne-and-more-of-it"})
    shown, rest = hider.hide_beginning("x" * 100 + "s3cret-0ne" + "y" * 100 + "s3cret-0ne")
    assert shown.startswith("x" * 100 + MASK + "y") and rest.endswith("ys3cret-0ne")
    assert hider.hide(rest + "-and-more-of-it").endswith("y" + MASK)
