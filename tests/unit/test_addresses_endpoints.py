"""Registry endpoints, and which one an image belongs to."""

from __future__ import annotations

import pytest

from imagelib.addresses import AddressError, EndpointAddress, best_endpoint, parse, parse_endpoint


@pytest.mark.parametrize(
    ("text", "host", "namespace", "scheme", "prefix"),
    [
        ("private.registry.com", "private.registry.com", "", None, "private.registry.com"),
        ("private.registry.com/test", "private.registry.com", "test", None, "private.registry.com/test"),
        ("Private.Registry.COM/test", "private.registry.com", "test", None, "private.registry.com/test"),
        ("https://p.com/secretflow", "p.com", "secretflow", "https", "p.com/secretflow"),
        ("HTTP://p.com:80", "p.com:80", "", "http", "p.com:80"),
        ("p.com/secretflow/", "p.com", "secretflow", None, "p.com/secretflow"),
        ("p.com/secretflow//", "p.com", "secretflow", None, "p.com/secretflow"),
        ("https://p.com/", "p.com", "", "https", "p.com"),
        ("harbor:5000/a/b/c", "harbor:5000", "a/b/c", None, "harbor:5000/a/b/c"),
        ("localhost", "localhost", "", None, "localhost"),
        ("[::1]", "[::1]", "", None, "[::1]"),
        ("[2001:DB8::7]:5000/ns", "[2001:db8::7]:5000", "ns", None, "[2001:db8::7]:5000/ns"),
        ("docker.io", "docker.io", "", None, "docker.io"),
        ("docker.io/team", "docker.io", "team", None, "docker.io/team"),
        ("index.docker.io", "docker.io", "", None, "docker.io"),
        ("https://index.docker.io/v1/", "docker.io", "", "https", "docker.io"),
        ("p.com/v1", "p.com", "v1", None, "p.com/v1"),
    ],
)
def test_reads_an_endpoint(text, host, namespace, scheme, prefix):
    endpoint = parse_endpoint(text)
    assert endpoint == EndpointAddress(host, namespace, scheme)
    assert endpoint.prefix == prefix
    assert parse_endpoint(prefix) == EndpointAddress(host, namespace)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "endpoint_host"),
        ("/", "endpoint_host"),
        ("https://", "endpoint_host"),
        ("harbor", "endpoint_host"),
        ("harbor/team", "endpoint_host"),
        ("/p.com", "endpoint_host"),
        ("ftp://p.com", "endpoint_scheme"),
        ("https://https://p.com", "endpoint_scheme"),
        ("user:canary@p.com/ns", "endpoint_credentials"),
        ("https://user:canary@p.com", "endpoint_credentials"),
        ("canary@p.com", "endpoint_credentials"),
        ("user:p@sha256:canary@p.com", "endpoint_credentials"),
        ("p.com/app:v1", "endpoint_is_image"),
        ("p.com/app@sha256:" + "0" * 64, "endpoint_is_image"),
        ("p.com/app:1/x", "endpoint_is_image"),
        ("p.com:v1", "port_invalid"),
        ("p.com:5000:v1", "ipv6_brackets"),
        ("p_1.com", "host_invalid"),
        ("p.com//ns", "path_empty_part"),
        ("p.com/Team", "repository_uppercase"),
        ("p.com/v2?x=1", "repository_invalid"),
        ("p.com/团队", "not_ascii"),
        ("p.com\n", "whitespace"),
        ("p.com/ ns", "whitespace"),
        ("p.com/" + "a" * 500, "too_long"),
    ],
)
def test_names_the_broken_rule(text, code):
    with pytest.raises(AddressError) as caught:
        parse_endpoint(text)
    assert caught.value.code == code
    assert "canary" not in f"{caught.value!r} {caught.value.params}"


@pytest.mark.parametrize(
    ("text", "endpoints", "best"),
    [
        ("reg.io/a/x", [], None),
        ("reg.io/a/x", ["other.io"], None),
        ("reg.io/a/x", ["reg.io"], 0),
        ("reg.io/a/x", ["reg.io", "reg.io/a"], 1),
        ("reg.io/a/x", ["reg.io/a", "reg.io"], 0),
        ("reg.io/a/b/x", ["reg.io/a", "reg.io/a/b", "reg.io"], 1),
        ("reg.io/ab/x", ["reg.io/a"], None),
        ("reg.io/ab/x", ["reg.io/a", "reg.io"], 1),
        ("reg.io/x", ["reg.io/a"], None),
        ("reg.io/a/x", ["reg.io/a/x"], 0),
        ("reg.io/a", ["reg.io/a/x"], None),
        ("reg.io/a/x", ["REG.io/a/"], 0),
        ("reg.io/a/x", ["https://reg.io/a"], 0),
        ("reg.io/a/x", ["reg.io/a", "reg.io/a"], 0),
        ("reg.io/a/x", ["reg.io:443/a"], None),
        ("reg.io:5000/a/x", ["reg.io/a", "reg.io:5000"], 1),
        ("sub.reg.io/a/x", ["reg.io"], None),
        ("[::1]:5000/x", ["[::1]", "[::1]:5000"], 1),
        ("nginx", ["docker.io"], 0),
        ("nginx", ["index.docker.io"], 0),
        ("nginx", ["https://index.docker.io/v1/"], 0),
        ("index.docker.io/team/x", ["reg.io", "docker.io", "docker.io/team"], 2),
        ("team/x", ["docker.io/library"], None),
        ("reg.io/a/x", ["not an endpoint", "", "reg.io"], 2),
    ],
)
def test_the_longest_prefix_by_whole_segments_wins(text, endpoints, best):
    assert best_endpoint(parse(text), endpoints) == best
