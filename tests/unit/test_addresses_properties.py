"""What must hold for every address, typed well or not."""

from __future__ import annotations

import re
from datetime import timedelta

from docker_image.digest import InvalidDigest
from docker_image.reference import InvalidReference, Reference
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from imagelib.addresses import (
    AddressError,
    best_endpoint,
    parse,
    parse_endpoint,
    resolve,
    split_credentials,
)

QUICKLY = timedelta(seconds=20)  # what grows exponentially with the text takes years

word = st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True)
part = st.from_regex(r"[a-z0-9]{1,6}((\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}", fullmatch=True)
path = st.lists(part, min_size=1, max_size=4).map("/".join)
hostless = st.one_of(part, st.builds("{}/{}".format, word, path))
tag = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)
digest = st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True)
port = st.integers(1, 65535).map(str)
ipv6 = st.ip_addresses(v=6).map(lambda ip: f"[{ip.exploded}]")
name = st.one_of(
    st.just("localhost"),
    st.just("docker.io"),
    st.just("index.docker.io"),
    st.lists(st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9-]{0,5}[A-Za-z0-9])?", fullmatch=True), min_size=2, max_size=4).map(
        ".".join
    ),
    ipv6,
)
host = st.one_of(name, st.builds("{}:{}".format, st.one_of(name, word), port))


@st.composite
def addresses(draw, *, always_host=False):
    text = f"{draw(host)}/{draw(path)}" if always_host or draw(st.booleans()) else draw(hostless)
    if draw(st.booleans()):
        text += f":{draw(tag)}"
    if draw(st.booleans()):
        text += f"@{draw(digest)}"
    return text


endpoints = st.builds(
    lambda scheme, host, namespace, end: scheme + host + ("/" + namespace if namespace else "") + end,
    st.sampled_from(["", "http://", "https://"]),
    host,
    st.one_of(st.just(""), path),
    st.sampled_from(["", "/", "//"]),
)
# Text built from what the grammar is made of finds more than random characters do.
shards = st.lists(
    st.one_of(
        st.sampled_from([*"/:@.-_[]%A\n \x00é：", "://", "sha256:", "localhost", "docker.io", "::1", "//"]),
        word,
        digest,
    ),
    max_size=12,
).map("".join)
garbage = st.one_of(st.text(max_size=700), shards, shards.map(lambda text: text * 40))


@given(addresses())
def test_the_canonical_form_is_a_fixed_point(text):
    reference = parse(text)
    again = parse(reference.canonical)
    assert again.canonical == reference.canonical
    assert (again.host, again.repository, again.digest) == (reference.host, reference.repository, reference.digest)
    assert parse(reference.familiar).canonical == reference.canonical
    assert len(reference.familiar) <= len(reference.canonical)


@given(addresses())
def test_agrees_with_dockers_grammar_on_good_addresses(text):
    assert_agrees_with_docker(text)


@given(st.one_of(shards, st.text("ab1.:/@-_[]", max_size=30)))
@example("a/b:c/d")
@example("r.io:05000/x")
def test_accepts_nothing_that_docker_refuses(text):
    try:
        parse(text)
    except AddressError:
        return
    assume(not text.endswith(":") and ":@" not in text)  # our only addition: an empty tag is none
    assert_agrees_with_docker(text)


@settings(deadline=QUICKLY, max_examples=300)
@given(garbage, garbage)
@example("[" * 500, "a-" * 250)
@example("@sha1:" * 83, "a." * 250)
@example("%40" * 160 + "@r.io/x", "::::")
def test_garbage_raises_nothing_but_address_errors(text, other):
    for function in (
        parse,
        parse_endpoint,
        split_credentials,
        lambda value: resolve(value, default_endpoint=other),
        lambda value: resolve("app:v1", default_endpoint=value),
        lambda value: best_endpoint(parse("r.io/a/x:1"), [value, other]),
    ):
        try:
            function(text)
        except AddressError as error:
            assert error.__context__ is None
            assert all(isinstance(value, int) for value in error.params.values())


@given(addresses(), endpoints)
def test_a_resolved_address_parses_and_stays(text, default):
    reference = resolve(text, default_endpoint=default).reference
    assert parse(reference.canonical).canonical == reference.canonical
    assert resolve(reference.canonical, default_endpoint=default).reference.canonical == reference.canonical


@given(addresses(), st.lists(endpoints, max_size=5))
def test_the_best_endpoint_covers_and_none_is_longer(text, candidates):
    reference = parse(text)
    best = best_endpoint(reference, candidates)
    parsed = [parse_endpoint(candidate) for candidate in candidates]
    covering = [one for one in parsed if f"{reference.name}/".startswith(f"{one.prefix}/")]
    assert (best is None) == (not covering)
    if best is not None:
        assert parsed[best] in covering
        assert len(parsed[best].prefix) == max(len(one.prefix) for one in covering)


@given(endpoints)
def test_an_endpoint_is_the_beginning_of_its_images(text):
    endpoint = parse_endpoint(text)
    assert parse_endpoint(endpoint.prefix).prefix == endpoint.prefix
    assert endpoint.covers(parse(f"{endpoint.prefix}/some/app:v1"))


printable = st.characters(exclude_categories=["C", "Z"])
username = st.text(printable, min_size=1, max_size=20).map(lambda text: "CANARY" + text.replace(":", ""))
password = st.text(printable, min_size=1, max_size=40).map(lambda text: text + "CANARY")


@given(username, password, addresses(always_host=True))
def test_credentials_come_off_exactly(user, secret, address):
    assume("%" not in user + secret)
    split = split_credentials(f"{user}:{secret}@{address}")
    assert (split.username, split.password, split.address) == (user, secret, address)
    assert "CANARY" not in repr(split)
    assert "CANARY" not in repr(parse(split.address))


@given(username, password, addresses(always_host=True))
def test_escaped_credentials_come_off_decoded(user, secret, address):
    escaped = "".join(f"%{byte:02X}" for byte in secret.encode())
    assume(len(escaped) < 250)
    split = split_credentials(f"u:{escaped}@{address}")
    assert (split.username, split.password) == ("u", secret)


@settings(max_examples=300)
@given(username, password, st.one_of(addresses(), shards, host))
@example("CANARY", "CANARY", "sha256:5000")
@example("CANARY", "CANARY", "r.io/x@md5:" + "0" * 32)
def test_credentials_never_show(user, secret, rest):
    # "name:tag@sha256:…" is an image; without a registry host nobody can have meant credentials
    assume(not re.fullmatch(r"sha256:[0-9a-f]{64}", rest))
    text = f"{user}:{secret}@{rest}"
    for function in (parse, parse_endpoint, split_credentials, lambda value: resolve(value, default_endpoint=None)):
        try:
            shown = repr(function(text))
        except AddressError as error:
            shown = f"{error!r} {error} {error.args} {error.params}"
        assert "CANARY" not in shown


def assert_agrees_with_docker(text):
    """The library reads the same host, path, tag and digest; it only keeps capitals in hosts."""
    reference = parse(text)
    try:
        theirs = Reference.parse_normalized_named(with_lower_host(text))
    except (InvalidReference, InvalidDigest):
        raise AssertionError(f"Docker refuses {text}") from None
    assert (theirs.domain(), theirs.path()) == (reference.host, reference.repository)
    assert (theirs["tag"], theirs["digest"]) == (reference.tag, reference.digest)


def with_lower_host(text):
    head, slash, rest = text.partition("/")
    return f"{head.lower()}/{rest}" if slash else text
