"""Bodies as Kuscia reads them: protobuf's JSON, then Go's. Every row of the specification's table is here."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appimages.kuscia.decoding import Unreadable, decode
from appimages.kuscia.fields import NULL
from appimages.kuscia.messages import BATCH_QUERY, CREATE, LIST


def read(body: str | bytes) -> dict[str, Any]:
    return decode(CREATE, body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass"))


def in_container(text: str) -> dict[str, Any]:
    """The only container of a body that has this text in it."""
    found = read(f'{{"deploy_templates": [{{"containers": [{{{text}}}]}}]}}')
    container: dict[str, Any] = found["deploy_templates"][0]["containers"][0]
    return container


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("", "EOF"),
        (" \n\t ", "EOF"),
        ("abc", "invalid character 'a' looking for beginning of value"),
        ("{", "unexpected EOF"),
        ('{"name": "a"', "unexpected EOF"),
        ('{"name": "a', "unexpected EOF"),
        ('{"name": tru', "unexpected EOF"),
        ('{"name": -', "unexpected EOF"),
        ('{"name"', "unexpected EOF"),
        ('{"name": "a\\', "unexpected EOF"),
        ("[", "unexpected EOF"),
        ("{]", "invalid character ']' looking for beginning of object key string"),
        ('{"a" 1}', "invalid character '1' after object key"),
        ('{"a": 1 "b"}', "invalid character '\"' after value"),
        ("{\"a\": '1'}", "invalid character '\\'' looking for beginning of value"),
        ('{"a": "\n"}', "invalid character '\\n' in string literal"),
        ('{"a": NaN}', "invalid character 'N' looking for beginning of value"),
        ('{"a": -Infinity}', "invalid character 'I' looking for beginning of value"),
        ("[]", "json: cannot unmarshal array into Go value of type kusciaapi.CreateAppImageRequest"),
        ('"x"', "json: cannot unmarshal string into Go value of type kusciaapi.CreateAppImageRequest"),
        ("5", "json: cannot unmarshal number into Go value of type kusciaapi.CreateAppImageRequest"),
        ("true", "json: cannot unmarshal bool into Go value of type kusciaapi.CreateAppImageRequest"),
        (b'\xef\xbb\xbf{"name": "a"}', "invalid character 'ï' looking for beginning of value"),
        ("[" * 100_000, "exceeded max depth"),
        ('{"a":' * 100_000, "exceeded max depth"),
    ],
)
def test_what_is_no_message(body: str | bytes, text: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read(body)
    assert str(caught.value) == text


@pytest.mark.parametrize("body", ["{}", "null", " null ", "{} trailing", "{}{}", "null x"])
def test_what_is_an_empty_message(body: str) -> None:
    assert read(body) == {}


def test_the_first_object_counts() -> None:
    assert read('{"name": "a"} {"name": "b"}') == read('{"name": "a"} garbage') == {"name": "a"}


def test_the_last_of_repeated_keys_wins() -> None:
    assert read('{"name": "a", "name": "b"}') == {"name": "b"}
    assert read('{"name": "a", "name": null}') == {"name": "a"}
    assert read('{"image": {"name": "n"}, "image": {"tag": "t"}}') == {"image": {"name": "n", "tag": "t"}}
    assert read('{"image": {"name": "n"}, "image": null}') == {}
    twice = '{"config_templates": {"a": "1", "b": "2"}, "config_templates": {"b": "3", "b": "4"}}'
    assert read(twice) == {"config_templates": {"a": "1", "b": "4"}}


@pytest.mark.parametrize(
    ("body", "unknown"),
    [
        ('{"config_templates": {}, "configTemplates": {}}', "configTemplates"),
        ('{"name": "a", "name": "b", "bogus": 1}', "bogus"),
        ('{"configTemplates": {"k": null}}', "configTemplates"),
        ('{"config_templates": {"k": null}, "bogus": 1}', "bogus"),
        ('{"configTemplates": {"k": "1", "k": "2"}}', "configTemplates"),
        ('{"deployTemplates": [null]}', "deployTemplates"),
        ('{"deployTemplates": []} trailing', "deployTemplates"),
        ('{"deployTemplates": [], "name": "\\ud800"}', "deployTemplates"),
    ],
)
def test_the_second_reader_knows_no_camel_case_and_no_unknown_names(body: str, unknown: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read(body)
    assert str(caught.value) == f'json: unknown field "{unknown}"'


def test_unknown_names_are_passed_over_and_camel_case_is_read() -> None:
    body = '{"bogus": [{"a": 1e5}], "deployTemplates": [{"restartPolicy": "Never", "Name": "x"}], "Name": "a"}'
    assert read(body) == {"deploy_templates": [{"restart_policy": "Never"}]}
    assert read('{"Name": "a"} trailing') == {"name": "a"}  # Go's own reader knows no case


def test_null_is_as_if_it_were_absent() -> None:
    assert read('{"name": null, "image": null, "config_templates": null, "deploy_templates": null}') == {}
    assert read('{"image": {"name": "n", "tag": null}}') == {"image": {"name": "n"}}
    assert in_container('"command": null, "liveness_probe": null, "ports": null') == {}


def test_null_as_a_value_in_a_map_is_an_empty_text() -> None:
    assert read('{"config_templates": {"k": null}}') == {"config_templates": {"k": ""}}


def test_null_in_a_list() -> None:
    assert read('{"deploy_templates": [null]}') == {"deploy_templates": [NULL]}
    assert in_container('"ports": [{"name": "p"}, null]') == {"ports": [{"name": "p"}, NULL]}
    assert in_container('"command": ["a", null]') == {"command": ["a", ""]}
    assert decode(BATCH_QUERY, b'{"names": ["a", null]}') == {"names": ["a", ""]}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3), ('"3"', 3), ("3.0", 3), ("1e1", 10), ('"1e1"', 10), ("-0", 0), ("0e999999999", 0), ("-3", -3),
        ("2147483647", 2**31 - 1), ("-2147483648", -(2**31)), ("2.147483647e9", 2**31 - 1),
    ],
)  # fmt: skip
def test_whole_numbers_in_any_spelling(text: str, value: int) -> None:
    assert read(f'{{"deploy_templates": [{{"replicas": {text}}}]}}') == {"deploy_templates": [{"replicas": value}]}


@pytest.mark.parametrize(
    "text",
    [
        "3.5", "2147483648", "-2147483649", "true", "[]", "{}", '""', '" 3"', '"3 "', '"abc"', '"0x3"', '"\u0663"',
        "1e10", "1e999999999", "1e-1", "1e99999999999999999999", '"Infinity"', "9" * 5000, '"+3"', '"03"', '"NaN"',
    ],
)  # fmt: skip
def test_what_is_no_whole_number(text: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read(f'{{"deploy_templates": [{{"replicas": {text}}}]}}')
    at = "Go struct field CreateAppImageRequest.deploy_templates.replicas of type int32"
    assert str(caught.value).startswith("json: cannot unmarshal ") and str(caught.value).endswith(at)


def test_the_second_reader_takes_plain_numbers_only() -> None:
    assert read('{"deploy_templates": [{"replicas": 3}]} x') == {"deploy_templates": [{"replicas": 3}]}
    for text in ('"3"', "3.0", "1e1"):
        with pytest.raises(Unreadable):
            read(f'{{"deploy_templates": [{{"replicas": {text}}}]}} x')


def test_long_numbers() -> None:
    assert decode(LIST, b'{"page_size": "9223372036854775807"}') == {"page_size": 2**63 - 1}
    with pytest.raises(Unreadable):
        decode(LIST, b'{"page_size": 9223372036854775808}')


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('{"image": {"tag": 1.10}}', "number into Go struct field CreateAppImageRequest.image.tag of type string"),
        ('{"name": 5}', "number into Go struct field CreateAppImageRequest.name of type string"),
        ('{"name": false}', "bool into Go struct field CreateAppImageRequest.name of type string"),
        ('{"name": {}}', "object into Go struct field CreateAppImageRequest.name of type string"),
        ('{"image": []}', "array into Go struct field CreateAppImageRequest.image of type kusciaapi.AppImageInfo"),
        ('{"config_templates": []}', "array into Go struct field CreateAppImageRequest.config_templates"),
        ('{"config_templates": {"k": 1}}', "number into Go struct field CreateAppImageRequest.config_templates"),
        ('{"deploy_templates": {}}', "object into Go struct field CreateAppImageRequest.deploy_templates"),
        ('{"deploy_templates": ["x"]}', "string into Go struct field CreateAppImageRequest.deploy_templates"),
    ],
)
def test_values_of_the_wrong_kind(body: str, text: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read(body)
    assert str(caught.value).startswith(f"json: cannot unmarshal {text}")


@pytest.mark.parametrize(
    "text",
    [
        '"command": "sh"',
        '"command": [1]',
        '"command": {}',
        '"liveness_probe": {"http_get": {"port": 8080}}',
        '"liveness_probe": {"tcp_socket": {"port": 8080}}',
        '"resources": {"limits": {"cpu": 1}}',
    ],
)
def test_texts_are_no_numbers(text: str) -> None:
    with pytest.raises(Unreadable):
        in_container(text)


def test_the_port_of_grpc_is_a_number() -> None:
    for port in ("8080", '"8080"'):
        assert in_container(f'"liveness_probe": {{"grpc": {{"port": {port}}}}}') == {
            "liveness_probe": {"grpc": {"port": 8080}}
        }


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (r'{"name": "a\u0000b"}', "a\0b"),
        (r'{"name": "\ud83d\udc0b"}', "\U0001f40b"),
        (r'{"name": "\ud800"}', "\ufffd"),
        (r'{"name": "\uDC00x\ud83dy"}', "\ufffdx\ufffdy"),
        (r'{"name": "\\ud800"}', r"\ud800"),
        (b'{"name": "\xff\xfe"}', "\ufffd\ufffd"),
        (b'{"name": "\xe4\xb8"}', "\ufffd\ufffd"),
        (b'{"name": "\xed\xa0\x80"}', "\ufffd\ufffd\ufffd"),
        ('{"name": "\u4e2d\u2028<>&"}', "\u4e2d\u2028<>&"),
    ],
)
def test_characters(body: str | bytes, name: str) -> None:
    assert read(body) == {"name": name}


def test_half_a_pair_in_a_key_too() -> None:
    assert read(r'{"config_templates": {"\ud800": "\ud800", "1": "x"}}') == {
        "config_templates": {"\ufffd": "\ufffd", "1": "x"}
    }


@pytest.mark.parametrize("depth", [10, 300, 600, 900, 990, 5000])
def test_depth_never_crashes(depth: int) -> None:
    body = '{"name": "a", "bogus": ' + "[" * depth + r'"\ud800"' + "]" * depth + "}"
    with pytest.raises(Unreadable) as caught:
        read(body)
    assert str(caught.value) in ('json: unknown field "bogus"', "exceeded max depth")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(sorted(CREATE.by_json_name)), inner),
    max_leaves=12,
)


@given(st.binary(max_size=60) | _JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_a_message_or_unreadable(body: bytes) -> None:
    try:
        found = decode(CREATE, body)
    except Unreadable as error:
        assert str(error)
    else:
        assert found.keys() <= CREATE.by_name.keys()
        json.dumps(found, default=lambda null: None, ensure_ascii=False).encode()
