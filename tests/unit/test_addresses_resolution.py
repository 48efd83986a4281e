"""Which image a short name means under a default registry: the documented rows, then ours."""

from __future__ import annotations

import pytest

from imagelib.addresses import AddressError, parse, resolve

P = "private.registry.com"
S = f"{P}/secretflow"
H = "sha256:" + "0123456789abcdef" * 4


def codes(resolution):
    return [warning.code for warning in resolution.warnings]


# The table that Kuscia documents for its configuration, row by row.
DOCUMENTED = [
    (None, "secretflow/app:v1", "docker.io/secretflow/app:v1", []),
    (None, "private.registry.com/secretflow/app:v1", f"{S}/app:v1", []),
    ("private.registry.com", "secretflow/app:v1", f"{P}/app:v1", ["namespace_dropped"]),
    ("private.registry.com/secretflow", "app:v1", f"{S}/app:v1", []),
    ("private.registry.com/secretflow", "secretflow/app:v1", f"{S}/app:v1", []),
    ("private.registry.com/secretflow", "test/app:v1", f"{S}/app:v1", ["namespace_dropped"]),
    ("private.registry.com/secretflow", "private.registry.com/secretflow/app:v1", f"{S}/app:v1", []),
    (
        "private.registry.com/secretflow",
        "public.aliyun.com/secretflow/app:v1",
        "public.aliyun.com/secretflow/app:v1",
        ["host_kept"],
    ),
]

# What running Kuscia's code showed besides, with our decision where the code ignores a named host.
MEASURED = [
    (S, f"{P}/app:v1", f"{P}/app:v1", []),
    (S, "public.aliyun.com/app:v1", "public.aliyun.com/app:v1", ["host_kept"]),
    (S, "localhost:5000/app:v1", "localhost:5000/app:v1", ["host_kept"]),
    (S, "localhost/app:v1", "localhost/app:v1", ["host_kept"]),
    (S, "docker.io/app:v1", "docker.io/library/app:v1", ["host_kept"]),
    (S, "docker.io/library/app:v1", "docker.io/library/app:v1", ["host_kept"]),
    (S, "library/app:v1", f"{S}/app:v1", []),
    (S, "a/b/c:v1", "docker.io/a/b/c:v1", ["deep_path_kept"]),
    (f"{S}/", "app:v1", f"{S}/app:v1", []),
    (f"{S}//", "app:v1", f"{S}/app:v1", []),
    (f"{P}:5000/ns", "app:v1", f"{P}:5000/ns/app:v1", []),
    (f"{P}/a/b/c", "x/app:v1", f"{P}/a/b/c/app:v1", ["namespace_dropped"]),
    (S, "app", f"{S}/app:latest", ["tag_missing"]),
    (S, f"app@{H}", f"{S}/app@{H}", []),
    (S, f"ns/app@{H}", f"{S}/app@{H}", ["namespace_dropped"]),
    (S, "app:", f"{S}/app:latest", ["tag_missing"]),
    (f"https://{S}", "app:v1", f"{S}/app:v1", []),
    (None, "app:v1", "docker.io/library/app:v1", []),
]

OURS = [
    ("", "app:v1", "docker.io/library/app:v1", []),
    (None, "a/b/c:v1", "docker.io/a/b/c:v1", []),
    (None, "nginx", "docker.io/library/nginx:latest", ["tag_missing"]),
    (None, "nginx:latest", "docker.io/library/nginx:latest", []),
    ("docker.io", "bitnami/redis:7", "docker.io/bitnami/redis:7", []),
    ("https://index.docker.io/v1/", "nginx:1", "docker.io/library/nginx:1", []),
    ("docker.io", "r.io/x:1", "r.io/x:1", []),
    ("docker.io/team", "app:v1", "docker.io/team/app:v1", []),
    ("docker.io/team", "other/app:v1", "docker.io/team/app:v1", ["namespace_dropped"]),
    (f"{P}/a/b", "b/app:v1", f"{P}/a/b/app:v1", []),
    (f"{P}/a/b", "a/app:v1", f"{P}/a/b/app:v1", ["namespace_dropped"]),
    (P, "library/app:v1", f"{P}/app:v1", []),
    (S, f"app:v1@{H}", f"{S}/app:v1@{H}", []),
    (S, "test/app", f"{S}/app:latest", ["namespace_dropped", "tag_missing"]),
    (S, "R.io/app", "r.io/app:latest", ["host_kept", "tag_missing"]),
    ("[::1]:5000", "app:v1", "[::1]:5000/app:v1", []),
    (S, "localhost:5000", f"{S}/localhost:5000", []),  # no slash, so no host
]


@pytest.mark.parametrize(("default", "text", "expected", "warned"), DOCUMENTED + MEASURED + OURS)
def test_resolves(default, text, expected, warned):
    resolution = resolve(text, default_endpoint=default)
    assert resolution.reference.canonical == expected
    assert parse(expected).canonical == expected
    assert codes(resolution) == warned


@pytest.mark.parametrize("text", ["/app:v1", "app/", "/", "", "a//b:v1"])
@pytest.mark.parametrize("default", [None, P, S])
def test_rejects_misplaced_slashes(default, text):
    with pytest.raises(AddressError) as caught:
        resolve(text, default_endpoint=default)
    assert caught.value.code == ("path_empty_part" if text else "empty")


def test_a_broken_default_is_an_error():
    with pytest.raises(AddressError, match="endpoint_host"):
        resolve("app:v1", default_endpoint="harbor/team")


@pytest.mark.parametrize(
    ("default", "text", "code"),
    [
        (f"{P}/{'n' * 250}", "abcdef:v1", "repository_too_long"),
        (f"{'r.' * 120}io/{'n' * 200}", f"{'a' * 50}:{'v' * 128}", "too_long"),
    ],
)
def test_what_gets_too_long_under_the_default_is_an_error(default, text, code):
    with pytest.raises(AddressError, match=code):
        resolve(text, default_endpoint=default)


@pytest.mark.parametrize(
    ("default", "text", "params"),
    [
        (S, "test/app:v1", {"namespace": "test", "reference": f"{S}/app:v1", "kept": f"{P}/test/app"}),
        (S, "public.aliyun.com/x/app:v1", {"host": "public.aliyun.com", "endpoint": S}),
        (f"https://{S}/", "a/b/c:v1", {"path": "a/b/c", "endpoint": S}),
        (S, "app", {"reference": f"{S}/app:latest"}),
        (None, "app", {"reference": "docker.io/library/app:latest"}),
    ],
)
def test_a_warning_says_what_it_is_about(default, text, params):
    (warning,) = resolve(text, default_endpoint=default).warnings
    assert warning.params == params
