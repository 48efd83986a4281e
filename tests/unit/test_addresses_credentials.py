"""Credentials in an address are taken off whole, or refused without being repeated."""

from __future__ import annotations

import pytest

from imagelib.addresses import AddressError, SplitAddress, parse, split_credentials

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "address", "username", "password"),
    [
        (
            "username:password@registry.example.com/project/image:tag",
            "registry.example.com/project/image:tag",
            "username",
            "password",
        ),
        (
            "admin:password123@registry.company.com/project/image:latest",
            "registry.company.com/project/image:latest",
            "admin",
            "password123",
        ),
        ("u:p:q@r.io/x", "r.io/x", "u", "p:q"),
        ("u:p@ss@r.io/x", "r.io/x", "u", "p@ss"),
        ("u:@@r.io/x", "r.io/x", "u", "@"),
        ("u:a/b/c@r.io/x", "r.io/x", "u", "a/b/c"),
        ("u:p://q@r.io/x", "r.io/x", "u", "p://q"),
        ("robot$app:p@localhost:5000/x", "localhost:5000/x", "robot$app", "p"),
        ("me@corp.example:p@r.io/x:1", "r.io/x:1", "me@corp.example", "p"),
        ("u:p@[::1]:5000/x:1", "[::1]:5000/x:1", "u", "p"),
        ("u:密码@r.io/x", "r.io/x", "u", "密码"),
        ("u:p@docker.io/library/nginx", "docker.io/library/nginx", "u", "p"),
        # the "@" of a digest is not the one that ends the password
        (f"u:p@ss@r.io/x@{DIGEST}", f"r.io/x@{DIGEST}", "u", "p@ss"),
        (f"u:p@ss@r.io/x:1@{DIGEST}", f"r.io/x:1@{DIGEST}", "u", "p@ss"),
        (f"u:{DIGEST}@r.io/x", "r.io/x", "u", DIGEST),
        (f"u:p@{DIGEST}@r.io/x", "r.io/x", "u", f"p@{DIGEST}"),
        ("u:p@sha256:5000/x", "sha256:5000/x", "u", "p"),
        # percent escapes
        ("u:p%40ss@r.io/x", "r.io/x", "u", "p@ss"),
        ("u%40corp:p%3A%2F%25@r.io/x", "r.io/x", "u@corp", "p:/%"),
        ("u:%E5%AF%86@r.io/x", "r.io/x", "u", "密"),
        ("u:a%20b@r.io/x", "r.io/x", "u", "a b"),
        ("u:%2540@r.io/x", "r.io/x", "u", "%40"),
        ("u:100%@r.io/x", "r.io/x", "u", "100%"),
        ("u:%40%zz@r.io/x", "r.io/x", "u", "%40%zz"),
        ("u:%0A@r.io/x", "r.io/x", "u", "%0A"),  # a line break is no part of any password
        ("u:%FF@r.io/x", "r.io/x", "u", "%FF"),  # not UTF-8
        ("50%:p%40@r.io/x", "r.io/x", "50%", "p@"),  # each part by itself
        # nothing to take off
        ("nginx:1.27", "nginx:1.27", None, None),
        ("", "", None, None),
        (f"r.io/x:1@{DIGEST}", f"r.io/x:1@{DIGEST}", None, None),
        (f"name:tag@{DIGEST}", f"name:tag@{DIGEST}", None, None),
    ],
)
def test_takes_the_credentials_off(text, address, username, password):
    split = split_credentials(text)
    assert (split.address, split.username, split.password) == (address, username, password)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("https://u:canary@r.io/x", "scheme_present"),
        ("Docker://u:canary@r.io/x", "scheme_present"),
        ("u:canary@https://r.io/x", "scheme_present"),
        ("u:canary@nginx", "credentials_need_host"),
        ("u:canary@library/nginx:1", "credentials_need_host"),
        ("u:canary@r.io", "credentials_need_host"),
        ("u:canary@", "credentials_need_host"),
        ("u:canary@/x", "credentials_need_host"),
        ("nginx:canary@latest", "credentials_need_host"),
        ("nginx@canary", "digest_invalid"),
        ("@canary", "digest_invalid"),
        ("canary@r.io/x", "password_missing"),
        ("canary:@r.io/x", "password_missing"),
        (":canary@r.io/x", "username_missing"),
        ("@r.io/canary", "username_missing"),
        ("u:canary@sha256:5000", "digest_invalid"),
        ("u:canary@r.io/x@sha256:short", "digest_invalid"),
        (f"u:canary@r.io/x@blake3:{'0' * 64}", "digest_invalid"),
        ("u%3Av:canary@r.io/x", "username_colon"),
        ("u:canary canary@r.io/x", "whitespace"),
        ("u:canary@r.io/x\n", "whitespace"),
        (f"u:{'canary' * 100}@r.io/x", "too_long"),
    ],
)
def test_refuses_without_repeating(text, code):
    with pytest.raises(AddressError) as caught:
        split_credentials(text)
    error = caught.value
    assert error.code == code
    assert "canary" not in f"{error!r} {error} {error.args} {error.params}"
    assert error.__cause__ is error.__context__ is None


@pytest.mark.parametrize(
    "text",
    [
        "u:canary@r.io/x",
        "u:canary@nginx",
        "u:canary@r.io/X",
        "u:canary@r.io/x@sha256:1",
        "u:canary@sha256:5000",
        "u:canary@r.io:0/x",
        "canary:x:y/z",
        "u:canär@r.io/x",
    ],
)
def test_parse_refuses_what_may_hold_credentials_without_repeating(text):
    with pytest.raises(AddressError) as caught:
        parse(text)
    error = caught.value
    assert "can" not in f"{error.args} {error.params}"
    assert error.__cause__ is error.__context__ is None


def test_repr_shows_the_address_only():
    split = split_credentials("canary-user:canary-password@r.io/x:1")
    assert repr(split) == str(split) == "SplitAddress(address='r.io/x:1')"
    assert split == SplitAddress("r.io/x:1", "canary-user", "canary-password")
