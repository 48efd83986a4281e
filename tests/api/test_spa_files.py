"""`IMAGELIB_SPA_DIR`: the built front end at `/`, with `/api` and the admin beside it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

INDEX = '<!doctype html><div id="app"></div><script type="module" src="/assets/index.Br2GK3wz.js"></script>'
SCRIPT = "/assets/087AC4D233B64EB0index.Br2GK3wz.js"
FOREVER = "max-age=315360000, public, immutable"


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """What `vite build` leaves, and what does not belong there."""
    outside, built = tmp_path / "outside", tmp_path / "dist"
    for name, text in {
        outside / "secret.txt": "secret",
        outside / "folder/secret.txt": "secret",
        built / "index.html": INDEX,
        built / "favicon.ico": "icon",
        built / "logo.png": "png" * 50,
        built / ("." + SCRIPT): "console.log(1)" * 50,
        built / ("." + SCRIPT + ".gz"): "gzipped",
        built / "assets/style-Ab3_d-9x.css": "a{}",
        built / "assets/font.Cq8Zx1ab.woff2": "font",
        built / "assets/plain.js": "1",
        built / ".env": "SECRET=1",
        built / ".git/config": "secret",
        built / "admin/fake.html": "fake",
        built / "api/token": "fake",
        built / "imageRegistry/getImageRegistryList": "fake",
        built / "static/admin/fake.css": "fake",
        built / "healthz": "fake",
    }.items():
        name.parent.mkdir(parents=True, exist_ok=True)
        name.write_text(text)
    (built / "link.txt").symlink_to(outside / "secret.txt")
    (built / "assets/linked.Ab3cd9xZ.js").symlink_to(outside / "secret.txt")
    (built / "logo.png.gz").symlink_to(outside / "secret.txt")
    (built / "linked").symlink_to(outside / "folder")
    (built / "round").symlink_to(built)
    (built / "manifest.json").symlink_to(built / "logo.png")
    return built


@pytest.fixture
def spa(build: Path, settings: Any) -> Client:
    settings.SPA_DIR = str(build)
    return Client(raise_request_exception=False)


def content(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


@pytest.mark.parametrize("path", ["/", "/index.html", "/?a=1"])
def test_the_index_is_asked_for_each_time(spa: Client, path: str) -> None:
    answer = spa.get(path)
    assert answer.status_code == 200 and content(answer).decode() == INDEX
    assert answer["Content-Type"] == 'text/html; charset="utf-8"'
    assert answer["Cache-Control"] == "no-cache"
    assert answer["X-Frame-Options"] == "DENY" and answer["X-Content-Type-Options"] == "nosniff"
    again = spa.get(path, HTTP_IF_NONE_MATCH=answer["ETag"])
    assert again.status_code == 304 and content(again) == b"" and again["Cache-Control"] == "no-cache"


def test_a_new_build_of_the_same_size_and_time_has_another_index(spa: Client, build: Path) -> None:
    """Reproducible builds set all times to one, and names in it differ in the hash alone."""
    before, index = spa.get("/"), build / "index.html"
    times = index.stat().st_mtime
    index.write_text(INDEX.replace("Br2GK3wz", "Zr9GK3wa"))
    os.utime(index, (times, times))
    restarted = Client()
    answer = restarted.get("/", HTTP_IF_NONE_MATCH=before["ETag"])
    assert answer.status_code == 200 and b"Zr9GK3wa" in content(answer)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (SCRIPT, 'text/javascript; charset="utf-8"'),
        ("/assets/style-Ab3_d-9x.css", 'text/css; charset="utf-8"'),
        ("/assets/font.Cq8Zx1ab.woff2", "font/woff2"),
    ],
)
def test_what_is_named_by_its_content_is_kept(spa: Client, path: str, kind: str) -> None:
    answer = spa.get(path)
    assert (answer.status_code, answer["Content-Type"], answer["Cache-Control"]) == (200, kind, FOREVER)
    assert spa.get(path, HTTP_IF_NONE_MATCH=answer["ETag"]).status_code == 304


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/favicon.ico", "image/x-icon"), ("/logo.png", "image/png"), ("/assets/plain.js", "text/javascript")],
)
def test_the_other_files_are_asked_for_again_soon(spa: Client, path: str, kind: str) -> None:
    answer = spa.get(path)
    assert answer.status_code == 200 and answer["Content-Type"].startswith(kind)
    assert "immutable" not in answer["Cache-Control"]
    assert int(answer["Cache-Control"].partition("=")[2].partition(",")[0]) <= 60
    assert spa.get(path, HTTP_IF_NONE_MATCH=answer["ETag"]).status_code == 304
    assert spa.get(path, HTTP_IF_NONE_MATCH='"other"').status_code == 200


def test_the_head_of_a_file(spa: Client) -> None:
    for path, size in (("/", len(INDEX)), (SCRIPT, 700)):
        answer = spa.head(path)
        assert (answer.status_code, content(answer), answer["Content-Length"]) == (200, b"", str(size))


def test_a_file_is_not_written_to(spa: Client) -> None:
    for path in ("/", SCRIPT):
        assert spa.post(path).status_code == spa.delete(path).status_code == 405


def test_compressed_files_are_used(spa: Client) -> None:
    answer = spa.get(SCRIPT, HTTP_ACCEPT_ENCODING="gzip, br")
    assert (answer["Content-Encoding"], answer["Vary"], content(answer)) == ("gzip", "Accept-Encoding", b"gzipped")
    assert "Content-Encoding" not in spa.get(SCRIPT)


@pytest.mark.parametrize(
    "path",
    [
        "/../outside/secret.txt", "/assets/../../outside/secret.txt", "/%2e%2e/outside/secret.txt",
        "/..%2foutside%2fsecret.txt", "/assets/..%5c..%5coutside", "//etc/passwd", "/link.txt", "/linked/secret.txt",
        "/assets/linked.Ab3cd9xZ.js", "/.env", "/.git/config", "/round/index.html", "/index.html/", "/assets",
        "/assets/", "/assets/none.js", "/layout/imageRegistry", "/%00", "/index.html%00.js",
    ],
)  # fmt: skip
def test_nothing_else_is_there(spa: Client, path: str) -> None:
    answer = spa.get(path)
    assert answer.status_code == 404
    assert b"secret" not in content(answer).lower().replace(path.encode(), b"")


def test_a_compressed_link_leads_nowhere_either(spa: Client) -> None:
    answer = spa.get("/logo.png", HTTP_ACCEPT_ENCODING="gzip")
    assert content(answer) == b"png" * 50 and "Content-Encoding" not in answer


def test_links_within_the_directory_are_followed(spa: Client) -> None:
    assert content(spa.get("/manifest.json")) == b"png" * 50


def test_a_directory_that_is_a_link_itself(build: Path, settings: Any) -> None:
    """`current` → the present release."""
    current = build.parent / "current"
    current.symlink_to(build)
    settings.SPA_DIR = str(current)
    assert Client().get(SCRIPT).status_code == 200


@pytest.mark.django_db
def test_the_applications_own_pages_stay_where_they_are(spa: Client) -> None:
    for path in ("/admin/", "/admin/fake.html"):
        assert spa.get(path)["Location"].startswith("/admin/login/")
    assert spa.get("/api/token").status_code == 404  # an envelope of the API, and not the file
    assert spa.get("/imageRegistry/getImageRegistryList").status_code == 401
    assert spa.get("/healthz").json() == {"status": "ok"}
    assert spa.get("/static/admin/fake.css").status_code == 404
    assert spa.get("/static/admin/css/base.css").status_code == 200
    assert spa.post("/api/base/login").json()["code"] == 7


def test_static_files_have_no_headers_of_the_front_ends(spa: Client) -> None:
    answer = spa.get("/static/admin/css/base.css")
    assert "X-Frame-Options" not in answer and "no-cache" not in answer["Cache-Control"]


def test_off_it_is_the_way_to_the_admin(client: Client) -> None:
    answer = client.get("/")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")
    for path in ("/index.html", SCRIPT, "/favicon.ico"):
        assert client.get(path).status_code == 404
