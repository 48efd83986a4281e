"""The grammar of engine addresses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.engine.addresses import EXAMPLES, EngineAddressError, ParsedAddress, parse_address


@pytest.mark.parametrize(
    ("text", "expected", "canonical"),
    [
        ("unix:///var/run/docker.sock", ParsedAddress("unix", path="/var/run/docker.sock"), None),
        ("unix:///a?b#c%20d", ParsedAddress("unix", path="/a?b#c%20d"), None),
        ("tcp://10.0.0.7:2376", ParsedAddress("tcp", host="10.0.0.7", port=2376), None),
        ("  TCP://GPU7.Example.COM:2375/ ", ParsedAddress("tcp", host="gpu7.example.com", port=2375), "tcp://gpu7.example.com:2375"),
        ("tcp://[::1]:2376", ParsedAddress("tcp", host="::1", port=2376), None),
        ("tcp://[2001:DB8:0::7]:1", ParsedAddress("tcp", host="2001:db8::7", port=1), "tcp://[2001:db8::7]:1"),
        ("tcp://gpu_7:65535", ParsedAddress("tcp", host="gpu_7", port=65535), None),
        ("ssh://10.0.0.7", ParsedAddress("ssh", host="10.0.0.7"), None),
        ("ssh://10.0.0.7:", ParsedAddress("ssh", host="10.0.0.7"), "ssh://10.0.0.7"),
        ("ssh://Root@gpu7:2222", ParsedAddress("ssh", host="gpu7", port=2222, username="Root"), None),
        ("ssh://a.b@corp@gpu7", ParsedAddress("ssh", host="gpu7", username="a.b@corp"), None),
        ("ssh://root@[fe80::1]:22/", ParsedAddress("ssh", host="fe80::1", port=22, username="root"), "ssh://root@[fe80::1]:22"),
    ],
)  # fmt: skip
def test_accepted(text: str, expected: ParsedAddress, canonical: str | None) -> None:
    assert parse_address(text) == expected
    assert parse_address(text).canonical == (canonical or text)


@pytest.mark.parametrize(
    ("text", "code", "example"),
    [
        ("", "address_empty", EXAMPLES["tcp"]),
        ("   ", "address_empty", EXAMPLES["tcp"]),
        ("tcp://" + "a" * 300 + ":1", "address_too_long", EXAMPLES["tcp"]),
        ("tcp://a b:1", "address_whitespace", EXAMPLES["tcp"]),
        ("tcp://a:1\x00", "address_whitespace", EXAMPLES["tcp"]),
        ("10.0.0.7:2376", "address_scheme_missing", "tcp://10.0.0.7:2376"),
        ("gpu7", "address_scheme_missing", EXAMPLES["tcp"]),
        ("/var/run/docker.sock", "address_scheme_missing", "unix:///var/run/docker.sock"),
        ("http://10.0.0.7:2375/", "address_http", "tcp://10.0.0.7:2375"),
        ("https://10.0.0.7", "address_http", EXAMPLES["tcp"]),
        ("npipe:////./pipe/docker_engine", "address_scheme_unknown", EXAMPLES["tcp"]),
        ("fd://", "address_scheme_unknown", EXAMPLES["tcp"]),
        ("unix://", "address_unix_path", EXAMPLES["unix"]),
        ("unix://var/run/docker.sock", "address_unix_path", EXAMPLES["unix"]),
        ("unix:///var/run/", "address_unix_path", EXAMPLES["unix"]),
        ("unix:///" + "é" * 54, "address_unix_path", EXAMPLES["unix"]),
        ("tcp://10.0.0.7", "address_port_missing", "tcp://10.0.0.7:2376"),
        ("tcp://10.0.0.7:", "address_port_missing", "tcp://10.0.0.7:2376"),
        ("tcp://[::1]", "address_port_missing", "tcp://[::1]:2376"),
        ("tcp://:2376", "address_host_missing", EXAMPLES["tcp"]),
        ("tcp://", "address_host_missing", EXAMPLES["tcp"]),
        ("tcp://a:0", "address_port_invalid", EXAMPLES["tcp"]),
        ("tcp://a:65536", "address_port_invalid", EXAMPLES["tcp"]),
        ("tcp://a:٣", "address_port_invalid", EXAMPLES["tcp"]),
        ("tcp://a:+1", "address_port_invalid", EXAMPLES["tcp"]),
        ("tcp://::1:2376", "address_host_invalid", EXAMPLES["tcp"]),
        ("tcp://[::1:2376", "address_host_invalid", EXAMPLES["tcp"]),
        ("tcp://[::1]2376", "address_host_invalid", EXAMPLES["tcp"]),
        ("tcp://[fe80::1%eth0]:1", "address_host_invalid", EXAMPLES["tcp"]),
        ("tcp://[10.0.0.7]:1", "address_host_invalid", EXAMPLES["tcp"]),
        ("tcp://10.0.0.256:1", "address_host_invalid", EXAMPLES["tcp"]),
        ("tcp://10.1:1", "address_host_invalid", EXAMPLES["tcp"]),
        ("tcp://-gpu:1", "address_host_invalid", EXAMPLES["tcp"]),
        ("tcp://gpu..7:1", "address_host_invalid", EXAMPLES["tcp"]),
        ("tcp://" + "a" * 64 + ":1", "address_host_invalid", EXAMPLES["tcp"]),
        ("tcp://gpü:1", "address_host_invalid", EXAMPLES["tcp"]),
        ("tcp://a:1/v1.41", "address_path_not_allowed", EXAMPLES["tcp"]),
        ("tcp://a:1?x", "address_path_not_allowed", EXAMPLES["tcp"]),
        ("tcp://root@a:1", "address_user_not_allowed", EXAMPLES["tcp"]),
        ("ssh://root:secret@a", "address_password_not_allowed", EXAMPLES["ssh"]),
        ("ssh://@a", "address_user_invalid", EXAMPLES["ssh"]),
        ("ssh://ro;ot@a", "address_user_invalid", EXAMPLES["ssh"]),
        ("ssh://-oProxyCommand=x@a", "address_user_invalid", EXAMPLES["ssh"]),
        ("ssh://a/path", "address_path_not_allowed", EXAMPLES["ssh"]),
    ],
)  # fmt: skip
def test_refused(text: str, code: str, example: str) -> None:
    with pytest.raises(EngineAddressError) as error:
        parse_address(text)
    assert error.value.code == code
    assert error.value.params["example"] == example
    assert "secret" not in str(error.value.params)


PIECES = st.sampled_from(
    ["unix", "tcp", "ssh", "http", "://", ":", "/", "@", "[", "]", "::1", "10.0.0.7", "gpu7", "GPU", "22", "é", "?"]
)


@given(st.lists(PIECES, max_size=10).map("".join) | st.text(max_size=40))
def test_whatever_is_typed_is_read_or_explained(text: str) -> None:
    """What is accepted has one normal spelling; the example that comes with a refusal is acceptable."""
    try:
        parsed = parse_address(text)
    except EngineAddressError as error:
        assert parse_address(error.params["example"]).canonical == error.params["example"]
    else:
        assert parse_address(parsed.canonical) == parsed
