"""The grammar of image addresses: what is read, how it is written back, which rule a wrong one breaks."""

from __future__ import annotations

import pickle
import time

import pytest

from imagelib.addresses import AddressError, ImageReference, parse

H = "0123456789abcdef" * 4
DIGEST = f"sha256:{H}"


@pytest.mark.parametrize(
    ("text", "host", "repository", "tag", "digest", "canonical"),
    [
        ("nginx", "docker.io", "library/nginx", None, None, "docker.io/library/nginx:latest"),
        ("nginx:", "docker.io", "library/nginx", None, None, "docker.io/library/nginx:latest"),
        ("nginx:latest", "docker.io", "library/nginx", "latest", None, "docker.io/library/nginx:latest"),
        ("python:3.9-slim", "docker.io", "library/python", "3.9-slim", None, "docker.io/library/python:3.9-slim"),
        ("bitnami/redis:7", "docker.io", "bitnami/redis", "7", None, "docker.io/bitnami/redis:7"),
        ("docker.io/nginx:1", "docker.io", "library/nginx", "1", None, "docker.io/library/nginx:1"),
        (
            "docker.io/library/nginx:latest",
            "docker.io",
            "library/nginx",
            "latest",
            None,
            "docker.io/library/nginx:latest",
        ),
        ("index.docker.io/nginx:1", "docker.io", "library/nginx", "1", None, "docker.io/library/nginx:1"),
        ("Index.Docker.IO/a/b:1", "docker.io", "a/b", "1", None, "docker.io/a/b:1"),
        (
            "registry.example.com/project/image:tag",
            "registry.example.com",
            "project/image",
            "tag",
            None,
            "registry.example.com/project/image:tag",
        ),
        ("harbor:5000/app", "harbor:5000", "app", None, None, "harbor:5000/app:latest"),
        ("R.Example.COM:5000/app:V1", "r.example.com:5000", "app", "V1", None, "r.example.com:5000/app:V1"),
        ("localhost/app:v1", "localhost", "app", "v1", None, "localhost/app:v1"),
        ("LOCALHOST/app:v1", "localhost", "app", "v1", None, "localhost/app:v1"),
        ("team/a.b/c:1", "docker.io", "team/a.b/c", "1", None, "docker.io/team/a.b/c:1"),
        ("LocalHost:5000/app:v1", "localhost:5000", "app", "v1", None, "localhost:5000/app:v1"),
        ("127.0.0.1:65535/a/b/c/d:v1", "127.0.0.1:65535", "a/b/c/d", "v1", None, "127.0.0.1:65535/a/b/c/d:v1"),
        ("[::1]:5000/x", "[::1]:5000", "x", None, None, "[::1]:5000/x:latest"),
        ("[2001:DB8::7]/team/x:1", "[2001:db8::7]", "team/x", "1", None, "[2001:db8::7]/team/x:1"),
        (f"nginx@{DIGEST}", "docker.io", "library/nginx", None, DIGEST, f"docker.io/library/nginx@{DIGEST}"),
        (f"r.io/x:1@{DIGEST}", "r.io", "x", "1", DIGEST, f"r.io/x:1@{DIGEST}"),
        (f"r.io/x:@{DIGEST}", "r.io", "x", None, DIGEST, f"r.io/x@{DIGEST}"),
        ("localhost:5000", "docker.io", "library/localhost", "5000", None, "docker.io/library/localhost:5000"),
        ("a.b__c--d/e:_", "a.b__c--d", "e", "_", None, None),
        ("r.io/a.b__c--d:" + "t" * 128, "r.io", "a.b__c--d", "t" * 128, None, "r.io/a.b__c--d:" + "t" * 128),
    ],
)
def test_reads_and_writes_back(text, host, repository, tag, digest, canonical):
    if canonical is None:  # underscores are for repositories, not for hosts
        with pytest.raises(AddressError, match="host_invalid"):
            parse(text)
        return
    reference = parse(text)
    assert reference == ImageReference(host, repository, tag, digest)
    assert reference.canonical == str(reference) == canonical
    assert parse(canonical).canonical == canonical


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        ("a" * 501, "too_long"),
        ("nginx\n", "whitespace"),
        (" nginx", "whitespace"),
        ("ngi nx", "whitespace"),
        ("nginx\x00", "whitespace"),
        ("nginx\u200b", "whitespace"),
        ("nginx\u3000", "whitespace"),
        ("nginx\ud800", "whitespace"),
        ("nginx：latest", "not_ascii"),
        ("nginx:١", "not_ascii"),
        ("http://r.io/app:v1", "scheme_present"),
        ("HTTPS://r.io/app:v1", "scheme_present"),
        ("docker://nginx", "scheme_present"),
        ("user:pw@r.io/app:v1", "credentials_present"),
        ("user@r.io/app:v1", "credentials_present"),
        ("user:pw@nginx", "credentials_present"),
        (f"user:p@ss@r.io/app@{DIGEST}", "credentials_present"),
        ("/app:v1", "path_empty_part"),
        ("app/", "path_empty_part"),
        ("/", "path_empty_part"),
        ("a//b:v1", "path_empty_part"),
        ("r.io/", "path_empty_part"),
        ("r.io//b", "path_empty_part"),
        (":v1", "path_empty_part"),
        (":", "path_empty_part"),
        (f"@{DIGEST}", "path_empty_part"),
        ("App:v1", "repository_uppercase"),
        ("UPPER/x", "repository_uppercase"),
        ("r.io/A/x", "repository_uppercase"),
        ("-app", "repository_invalid"),
        ("app-", "repository_invalid"),
        ("a___b", "repository_invalid"),
        ("a..b", "repository_invalid"),
        ("a/b+c", "repository_invalid"),
        ("r.io/" + "a" * 256, "repository_too_long"),
        ("a" * 248, "repository_too_long"),  # "library/" counts
        ("r.io/" + "a" * 255 + "x", "repository_too_long"),
        (f"{'r.' * 120}io/{'a' * 251}", "too_long"),  # 494 characters as typed, 501 with ":latest"
        (H, "image_id"),
        (DIGEST, "image_id"),
        ("app:-v1", "tag_invalid"),
        ("app:.v1", "tag_invalid"),
        ("app:v1:v2", "tag_invalid"),
        ("a/b:c/d", "tag_invalid"),
        ("app:v+1", "tag_invalid"),
        ("app:" + "t" * 129, "tag_invalid"),
        ("app@", "digest_invalid"),
        ("app@latest", "digest_invalid"),
        ("app@sha256", "digest_invalid"),
        ("app@sha256:", "digest_invalid"),
        ("app@sha256:abc", "digest_invalid"),
        (f"app@sha256:{H[:-1]}", "digest_invalid"),
        (f"app@sha256:{H}0", "digest_invalid"),
        (f"app@sha256:{H.upper()}", "digest_invalid"),
        (f"app@SHA256:{H}", "digest_invalid"),
        (f"app@sha512:{H}{H}", "digest_invalid"),
        (f"app@md5:{H[:32]}", "digest_invalid"),
        (f"app@{DIGEST}@{DIGEST}", "digest_invalid"),
        ("r_1.io/x", "host_invalid"),
        ("-r.io/x", "host_invalid"),
        ("r.io./x", "host_invalid"),
        ("../x", "host_invalid"),
        ("[]:5000/x", "host_invalid"),
        ("[::1/x", "host_invalid"),
        ("[::1]5000/x", "host_invalid"),
        ("[1::2::3]/x", "host_invalid"),
        ("[::12345]/x", "host_invalid"),
        ("[::ffff:127.0.0.1]/x", "host_invalid"),
        ("[fe80::1%eth0]/x", "host_invalid"),
        (":5000/x", "host_invalid"),
        ("::1/x", "ipv6_brackets"),
        ("::1:5000/x", "ipv6_brackets"),
        ("r.io:/x", "port_invalid"),
        ("r.io:0/x", "port_invalid"),
        ("r.io:05000/x", "port_invalid"),
        ("r.io:65536/x", "port_invalid"),
        ("r.io:" + "9" * 400 + "/x", "port_invalid"),
        ("r.io:http/x", "port_invalid"),
        ("[::1]:x/x", "port_invalid"),
    ],
)
def test_names_the_broken_rule(text, code):
    with pytest.raises(AddressError) as caught:
        parse(text)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "text",
    [
        f"{'r.' * 63}io/{'a' * 242}:{'t' * 128}",  # as typed
        f"{'r.' * 120}io/{'a' * 250}",  # with ":latest"
        "r.io/" + "a" * 255,
    ],
)
def test_limits_are_inclusive(text):
    canonical = parse(text).canonical
    assert len(canonical) == 500 or len(parse(text).repository) == 255
    assert parse(canonical).canonical == canonical


@pytest.mark.parametrize(
    ("text", "params"),
    [
        ("a" * 501, {"limit": 500}),
        ("r.io/" + "a" * 256, {"limit": 255}),
        ("app:" + "t" * 129, {"limit": 128}),
        ("r.io:0/x", {"limit": 65535}),
        ("App", {}),
    ],
)
def test_an_error_carries_limits_only(text, params):
    with pytest.raises(AddressError) as caught:
        parse(text)
    assert caught.value.params == params
    assert caught.value.args == (caught.value.code,)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_an_error_survives_pickling():
    with pytest.raises(AddressError) as caught:
        parse("r.io:0/x")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (copy.code, copy.params) == ("port_invalid", {"limit": 65535})


@pytest.mark.parametrize(
    ("text", "familiar"),
    [
        ("docker.io/library/nginx", "nginx:latest"),
        ("nginx:1.27", "nginx:1.27"),
        (f"nginx:1.27@{DIGEST}", f"nginx:1.27@{DIGEST}"),
        (f"nginx@{DIGEST}", f"nginx@{DIGEST}"),
        ("bitnami/redis:7", "bitnami/redis:7"),
        ("library/a/b:1", "library/a/b:1"),
        ("docker.io/a/b/c:1", "a/b/c:1"),
        ("docker.io/a.b/c:1", "docker.io/a.b/c:1"),  # "a.b/c" alone would name the host a.b
        ("docker.io/localhost/c:1", "docker.io/localhost/c:1"),
        ("docker.io/library/localhost:1", "localhost:1"),
        ("r.io/library/nginx:1", "r.io/library/nginx:1"),
    ],
)
def test_the_familiar_form_is_short_and_means_the_same(text, familiar):
    assert parse(text).familiar == familiar
    assert parse(familiar).canonical == parse(text).canonical


def test_name_leaves_the_version_out():
    assert parse(f"nginx:1@{DIGEST}").name == "docker.io/library/nginx"
    assert parse("[::1]:5000/a/b").name == "[::1]:5000/a/b"


@pytest.mark.parametrize(("text", "remote"), [("nginx", "latest"), ("nginx:1", "1"), (f"nginx:1@{DIGEST}", DIGEST)])
def test_remote_prefers_the_digest(text, remote):
    assert parse(text).remote == remote


def test_with_digest_pins_and_keeps_the_tag():
    pinned = parse("nginx:1.27").with_digest(DIGEST)
    assert pinned.canonical == f"docker.io/library/nginx:1.27@{DIGEST}"
    assert parse("nginx").with_digest(DIGEST).canonical == f"docker.io/library/nginx@{DIGEST}"


@pytest.mark.parametrize("digest", ["", "sha256:", f"sha256:{H}\n", H, f"sha512:{H}{H}"])
def test_with_digest_takes_sha256_only(digest):
    with pytest.raises(AddressError, match="digest_invalid"):
        parse("nginx").with_digest(digest)


@pytest.mark.parametrize("piece", ["a", "a/", "a.", "-", ":", "@", "@sha256:", "[", "a-", "__", "é"])
def test_long_text_is_refused_at_once(piece):
    start = time.perf_counter()
    for text in (piece * (1_000_000 // len(piece)), (piece * 500)[:500]):
        with pytest.raises(AddressError):
            parse(text)
    assert time.perf_counter() - start < 20, "what grows with the square of a megabyte takes hours"
