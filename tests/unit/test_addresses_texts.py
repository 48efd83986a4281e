"""Every code has a sentence with its rule and an example that is right."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from django.utils.functional import Promise
from django.utils.translation import override

from imagelib.address_texts import address_error_text, warning_text
from imagelib.addresses import AddressCode, WarningCode, parse, parse_endpoint, resolve, split_credentials

EXAMPLE = re.compile(r"(?:https?://)?[\w.\[\]:%-]+(?:[:/@][\w.\[\]:@/-]+)+[\w\]]|registry\.example\.com")
ERROR_PARAMS = {"limit": 500}
WARNING_PARAMS = {
    "namespace_dropped": {"namespace": "test", "reference": "r.io/app:v1", "kept": "r.io/test/app"},
    "host_kept": {"host": "r.io", "endpoint": "p.io/ns"},
    "deep_path_kept": {"path": "a/b/c", "endpoint": "p.io/ns"},
    "tag_missing": {"reference": "r.io/app:latest"},
}


def examples(sentence):
    return EXAMPLE.findall(sentence)


@pytest.mark.parametrize("code", get_args(AddressCode))
def test_every_error_has_a_rule_and_an_example_that_works(code):
    with override("en"):
        sentence = str(address_error_text(code, ERROR_PARAMS))
    assert "{" not in sentence and sentence.endswith(".")
    found = examples(sentence)
    assert found, sentence
    for example in found:
        if code.startswith("endpoint_") or ("/" not in example and code in ("host_invalid", "ipv6_brackets")):
            parse_endpoint(example)
        else:
            parse(split_credentials(example).address)


@pytest.mark.parametrize("code", get_args(WarningCode))
def test_every_warning_names_what_it_is_about_and_what_to_write(code):
    with override("en"):
        sentence = str(warning_text(code, WARNING_PARAMS[code]))
    assert "{" not in sentence and "for example" in sentence
    assert all(value in sentence for value in WARNING_PARAMS[code].values())


def test_limits_appear_in_the_sentence():
    with override("en"):
        assert " 255 " in str(address_error_text("repository_too_long", {"limit": 255}))


@pytest.mark.parametrize(
    ("default", "text"),
    [("p.io/ns", "test/app"), ("p.io/ns", "r.io/app"), ("p.io/ns", "a/b/c"), (None, "app")],
)
def test_the_warnings_of_a_resolution_have_all_their_parameters(default, text):
    for warning in resolve(text, default_endpoint=default).warnings:
        assert "{" not in str(warning_text(warning.code, warning.params))


def test_sentences_are_translated_when_shown():
    assert isinstance(address_error_text("empty", {}), Promise)
    assert isinstance(warning_text("tag_missing", {"reference": "app"}), Promise)


def test_braces_in_what_was_typed_do_no_harm():
    assert "{limit}" in str(warning_text("tag_missing", {"reference": "{limit}"}))
