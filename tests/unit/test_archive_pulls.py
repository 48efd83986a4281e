"""Images from archives, against the fake engine: how it goes, and every way that it fails."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from appimages.models import AppImage
from appimages.presence import effective_images
from core.jobs import JobState
from pulls.models import PullJob
from pulls.services import request_pulls
from pulls.work import run_pull
from tests.api import make
from tests.support.fake_engine import FakeEngine
from tests.support.fake_pulls import Fail
from tests.support.fake_registry import FakeImage
from tests.support.fake_transfers import Take, archive_of, tar_of
from tests.support.one_pull import IMAGE, REFERENCE, codes
from tests.unit.test_archives import oci_archive

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bring(people: Any, tools: Any, tmp_path: Path) -> Any:
    """Writes the archive, asks for it and does it."""
    node = make.node(name="n1")

    def bring(archive: bytes | None) -> PullJob:
        path = tmp_path / "image.tar"
        if archive is not None:
            path.write_bytes(archive)
        [(_node, job)] = request_pulls(
            user=people, nodes=[node.pk], reference=REFERENCE, source="archive", archive=str(path)
        )
        run_pull(job.pk, tools=tools)
        job.refresh_from_db()
        return job

    return bring


@pytest.mark.parametrize("names", [[REFERENCE], ["other:2"], []])
def test_the_image_is_there_under_the_name_that_was_asked_for(bring: Any, engine: FakeEngine, names: list[str]) -> None:
    archive = archive_of(IMAGE, names)
    job = bring(archive)
    assert (job.state, job.error_code) == ("succeeded", "")
    found = engine.find(REFERENCE)
    assert found is not None and found.id == IMAGE.id
    told = [code for code in codes(job) if code != "downloaded"]
    assert told == ["requested", "claimed", "archive_planned", "succeeded"]
    assert job.progress["bytes_total"] == job.progress["bytes_downloaded"] == len(archive)
    assert (job.registry_slot, job.source_slot, job.node_slot) == (None, None, None)


def test_an_image_of_an_archive_has_no_digest_that_differs_from_others(bring: Any, people: User) -> None:
    """Nodes that pulled it know its digest, which is not its id."""
    make.app_image("a", image={"name": "127.0.0.1:1/team/app", "tag": "1"})
    make.pull(by=people, on=make.node(), state=JobState.SUCCEEDED, reference=REFERENCE, digest=IMAGE.digest)
    job = bring(archive_of(IMAGE, [REFERENCE]))
    assert job.digest == "" and job.events.get(code="succeeded").values == {"digest": IMAGE.id}
    found = effective_images(AppImage.objects.all(), user=people)["a"]
    assert len(found.places) == 2 and not found.differs


def test_what_is_there_already_is_not_loaded(bring: Any, engine: FakeEngine) -> None:
    engine.add_image(IMAGE)
    job = bring(archive_of(IMAGE, [REFERENCE]))
    assert job.state == "succeeded" and "already_here" in codes(job)
    assert engine.transfers.loads == []


def test_another_image_of_that_name_is_replaced(bring: Any, engine: FakeEngine) -> None:
    engine.add_image(FakeImage.sized("127.0.0.1:1/team/app", "1", [7]))
    assert bring(archive_of(IMAGE, [REFERENCE])).state == "succeeded"
    found = engine.find(REFERENCE)
    assert found is not None and found.id == IMAGE.id


def two_images(*names: str) -> bytes:
    config = json.dumps({"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": ["sha256:1"]}}).encode()
    other = config.replace(b"sha256:1", b"sha256:2")
    entries = [{"Config": f"{n}.json", "RepoTags": [name], "Layers": []} for n, name in enumerate(names, 1)]
    return tar_of({"1.json": config, "2.json": other, "manifest.json": json.dumps(entries).encode()})


@pytest.mark.parametrize(
    ("archive", "code"),
    [
        (None, "archive_missing"),
        (b"rubbish", "archive_invalid"),
        (archive_of(IMAGE, [REFERENCE])[:-12000], "archive_invalid"),
        (archive_of(replace(IMAGE, platform="linux/arm64"), [REFERENCE]), "platform_mismatch"),
        (two_images("app:1", "app:2"), "archive_ambiguous"),
        (two_images(REFERENCE, "app:2"), "archive_others"),
    ],
)
def test_what_cannot_be_used_never_reaches_the_engine(
    bring: Any, engine: FakeEngine, archive: bytes | None, code: str
) -> None:
    job = bring(archive)
    assert (job.state, job.error_code, job.attempt) == ("failed", code, 1)
    assert engine.transfers.loads == [] and engine.find(REFERENCE) is None


def spoiled_tails() -> Iterator[tuple[str, bytes]]:
    """Archives that are whole as far as anybody looks who looks for images, and compressed in a way that is not."""
    squeeze = zlib.compressobj(wbits=31)
    whole = squeeze.compress(oci_archive(IMAGE) + bytes(200_000)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    yield "cut", whole
    yield "no more of the kind", whole + b"\xff" * 100
    yield "wrong checksum", whole + squeeze.flush()[:-8] + bytes(8)


@pytest.mark.parametrize(("_what", "archive"), list(spoiled_tails()))
def test_what_is_broken_behind_its_end_is_no_archive_either(
    bring: Any, engine: FakeEngine, _what: str, archive: bytes
) -> None:
    job = bring(archive)
    assert len(engine.transfers.loads) == 1, "it was begun"
    assert (job.state, job.error_code, job.attempt) == ("failed", "archive_invalid", 1)
    assert engine.find(REFERENCE) is None


def test_an_engine_that_does_not_take_it(bring: Any, engine: FakeEngine) -> None:
    engine.transfers.load_scripts.append((Take(), Fail("invalid diffID for layer 0: expected a, got b")))
    job = bring(archive_of(IMAGE, [REFERENCE]))
    assert (job.state, job.error_code) == ("queued", "archive_damaged")


def test_a_row_that_lost_its_source(people: Any, tools: Any) -> None:
    """It is protected as long as it is needed; should it be gone all the same, the row says so."""
    giver, taker = make.node(name="giver"), make.node(name="taker")
    [(_node, job)] = request_pulls(
        user=people, nodes=[taker.pk], reference=REFERENCE, source="node", source_node=giver.pk
    )
    PullJob.objects.update(source_node=None)
    run_pull(job.pk, tools=tools)
    job.refresh_from_db()
    assert (job.state, job.error_code) == ("failed", "source_gone")
