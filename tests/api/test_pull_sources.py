"""Where a pull gets its image from: what the API takes and refuses, and uploaded archives."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import UnreadablePostError
from django.test import Client
from rest_framework.test import APIClient

from core.errors import Conflict, DomainError, InvalidInput
from pulls.models import PullJob
from pulls.spool import keep, path_of
from pulls.uploads import forget_archives
from tests.api import make
from tests.support.fake_registry import FakeImage
from tests.support.fake_transfers import archive_of, tar_of

pytestmark = pytest.mark.django_db
IMAGE = FakeImage.sized("docker.io/library/app", "1", [5000])
ARCHIVE = archive_of(IMAGE, ["app:1"])


@pytest.fixture(autouse=True)
def spool(tmp_path: Path, settings: Any) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path / "archives"


def upload(client: APIClient, data: bytes, **headers: Any) -> Any:
    return client.generic("POST", "/api/pulls/archives/", data, content_type="application/x-tar", **headers)


def files(spool: Path) -> list[str]:
    return sorted(os.listdir(spool)) if spool.exists() else []


def test_an_upload_says_what_is_in_it_and_a_pull_loads_it(as_operator: APIClient, spool: Path) -> None:
    answer = upload(as_operator, ARCHIVE)
    assert answer.status_code == 201, answer.content
    found = answer.json()
    assert found["images"] == [{"names": ["app:1"], "platform": "linux/amd64"}]
    path = Path(path_of(found["archive"]))
    assert path.parent == spool and path.read_bytes() == ARCHIVE and path.stat().st_mode & 0o777 == 0o600
    node = make.node()
    asked = {"reference": "app:1", "nodes": [node.pk], "source": "archive", "archive": found["archive"]}
    answer = as_operator.post("/api/pulls/", asked, format="json")
    assert answer.status_code == 202, answer.content
    [result] = answer.json()["results"]
    assert result["pull"]["source"] == "archive" and str(spool) not in answer.content.decode()
    assert PullJob.objects.get().archive == str(path)


@pytest.mark.parametrize("data", [b"", b"rubbish" * 1000, tar_of({"readme": b"no image"}), ARCHIVE[:5000]])
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_what_is_no_archive_is_refused_and_not_kept(
    as_operator: APIClient, spool: Path, data: bytes, language: str
) -> None:
    answer = upload(as_operator, data, HTTP_ACCEPT_LANGUAGE=language)
    make.problem(answer, 400, "invalid")
    assert [item["field"] for item in answer.json()["errors"]] == ["archive"]
    assert files(spool) == []


def test_too_large_archives_are_refused_announced_or_not(as_operator: APIClient, spool: Path, settings: Any) -> None:
    settings.ARCHIVE_MAX_BYTES = 10_000
    make.problem(upload(as_operator, ARCHIVE), 400, "invalid")
    assert files(spool) == []


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"source": "nowhere"}, "source"),
        ({"source": "node"}, "source_node"),
        ({"source_node": 1}, "source_node"),
        ({"source": "auto", "source_node": 1}, "source_node"),
        ({"source": "node", "source_node": "x"}, "source_node"),
        ({"source": "archive"}, "archive"),
        ({"source": "archive", "archive": "../../etc/passwd"}, "archive"),
        ({"source": "archive", "archive": "/etc/passwd"}, "archive"),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_bad_sources_name_the_field(as_operator: APIClient, more: dict[str, Any], field: str, language: str) -> None:
    asked = {"reference": "app:1", "nodes": [make.node().pk], **more}
    answer = as_operator.post("/api/pulls/", asked, format="json", HTTP_ACCEPT_LANGUAGE=language)
    assert field in {item["field"] for item in make.problem(answer, 400)["errors"]}
    assert not PullJob.objects.exists()


def test_an_archive_that_is_not_there(as_operator: APIClient) -> None:
    asked = {"reference": "app:1", "nodes": [make.node().pk], "source": "archive", "archive": "0" * 32}
    make.problem(as_operator.post("/api/pulls/", asked, format="json"), 404)
    assert not PullJob.objects.exists()


def test_archives_are_for_operators(as_operator: APIClient, as_user: APIClient) -> None:
    make.image(address="app:1", is_listed=True)
    archive = upload(as_operator, ARCHIVE).json()["archive"]
    make.problem(upload(as_user, ARCHIVE), 403)
    asked = {"reference": "app:1", "nodes": [make.node().pk], "source": "archive", "archive": archive}
    make.problem(as_user.post("/api/pulls/", asked, format="json"), 403)
    assert not PullJob.objects.exists()


def test_archives_are_forgotten_after_a_day_unless_a_pull_waits(as_operator: APIClient, spool: Path) -> None:
    old, waited_for, young = (upload(as_operator, ARCHIVE).json()["archive"] for _ in range(3))
    asked = {"reference": "app:1", "nodes": [make.node().pk], "source": "archive", "archive": waited_for}
    assert as_operator.post("/api/pulls/", asked, format="json").status_code == 202
    for archive in (old, waited_for):
        os.utime(path_of(archive), times=(time.time() - 90_000,) * 2)
    assert forget_archives() == 1
    assert files(spool) == sorted(f"{archive}.tar" for archive in (waited_for, young))


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (OSError(errno.ENOSPC, "no space"), Conflict, "archive_not_stored"),
        (UnreadablePostError("the sender hung up"), InvalidInput, "invalid"),
    ],
)
def test_a_disk_that_is_full_and_a_sender_who_hangs_up(
    spool: Path, error: OSError, kind: type[DomainError], code: str
) -> None:
    def read(size: int) -> bytes:
        raise error

    with pytest.raises(kind) as caught:
        keep(read, announced=5, look=str)
    assert caught.value.code == code
    assert files(spool) == []


def test_only_a_few_upload_at_a_time(spool: Path) -> None:
    def within(depth: int) -> Callable[[int], bytes]:
        """What reads is itself an upload, and so on."""

        def read(_size: int) -> bytes:
            keep(within(depth + 1), announced=None, look=str)
            raise AssertionError("there was room for one more")

        return read

    with pytest.raises(Conflict) as caught:
        keep(within(1), announced=None, look=str)
    assert caught.value.code == "busy" and files(spool) == []
    assert keep(one_byte(), announced=None, look=str), "the places are free again"


def one_byte() -> Callable[[int], bytes]:
    chunks = iter([b"x"])
    return lambda _size: next(chunks, b"")


def test_who_looks_into_an_upload_still_has_its_place(spool: Path) -> None:
    def look(_path: str) -> Any:
        return keep(one_byte(), announced=None, look=look)

    with pytest.raises(Conflict) as caught:
        look("")
    assert caught.value.code == "busy" and files(spool) == [], "nor is any file left"
    [_archive, path] = keep(one_byte(), announced=None, look=str)
    assert Path(path).read_bytes() == b"x"


def test_a_login_of_the_admin_uploads_with_its_token(operator: User, spool: Path) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    client.get("/admin/")
    headers = {"HTTP_X_CSRFTOKEN": client.cookies["csrftoken"].value}
    sent = {"data": ARCHIVE, "content_type": "application/x-tar"}
    assert client.post("/api/pulls/archives/", **sent).status_code == 403
    answer = client.post("/api/pulls/archives/", **sent, **headers)
    assert answer.status_code == 201, answer.content
    assert files(spool) == [f"{answer.json()['archive']}.tar"]
