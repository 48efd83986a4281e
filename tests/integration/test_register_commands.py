"""`manage.py register_app_image` as a process beside the server, with two real engines: the commands of Kuscia's guide,
with our names."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nodes.engine import EngineEndpoint, connect
from tests.integration.pull_bed import PullBed
from tests.services.engine import RealEngine
from tests.services.registries import Registries
from tests.unit.test_register_app_image import TEMPLATE

pytestmark = pytest.mark.real
NODES = ("alice", "bob")


@pytest.fixture(autouse=True)
def _fresh(embedded: PullBed, engine: RealEngine, module_engine: RealEngine) -> Iterator[None]:
    """Two nodes without images, and no AppImages."""
    known = [row["name"] for row in embedded.product.api("GET", "/api/nodes/").json()["results"]]
    for name, one in zip(NODES, (engine, module_engine), strict=True):
        one.wipe()
        if name not in known:
            values = {"name": name, "docker_address": one.unix_url, "is_listed": True}
            assert embedded.product.api("POST", "/api/nodes/", json=values).status_code == 201
    yield
    for name in app_images(embedded):
        assert embedded.product.api("DELETE", f"/api/appimages/{name}/").status_code == 204


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "appimage.yaml"
    path.write_text(TEMPLATE)
    return str(path)


def app_images(bed: PullBed) -> dict[str, str]:
    """Name → image."""
    found = bed.product.api("GET", "/api/appimages/?page_size=100").json()["results"]
    return {row["name"]: f"{row['image']}:{row['tag']}" for row in found}


def run(bed: PullBed, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = bed.product.manage("register_app_image", *arguments)
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done


def succeeds(bed: PullBed, *arguments: str) -> list[str]:
    done = run(bed, *arguments)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout.splitlines()


def test_point_to_point(
    embedded: PullBed, engine: RealEngine, module_engine: RealEngine, registries: Registries, file: str
) -> None:
    """Each node is named with everything: the first command of the guide, once for each of them."""
    image = registries.open.reference("team/tiny:1")
    said = succeeds(embedded, "-c", "alice", "-i", image, "-f", file, "--import")
    assert said[-1] == f"AppImage secretflow-image is registered: {image}"
    assert image in engine.references() and image not in module_engine.references()
    assert app_images(embedded) == {"secretflow-image": image}

    said = succeeds(embedded, "-c", "bob", "-i", image, "-f", file, "--import")
    assert said[-1] == f"AppImage secretflow-image is registered as it was, nothing changed: {image}"
    assert image in module_engine.references()

    registries.open.clear_log()
    said = succeeds(embedded, "-c", "alice,bob", "-i", image, "-f", file, "--import")
    assert {f"{image} was on {name} already." for name in NODES} < set(said)
    assert registries.open.request_count("/blobs/") == 0, "nothing moves"
    [version] = embedded.product.api("GET", "/api/appimages/secretflow-image/versions/").json()["results"]
    assert version["number"] == 1, "nothing has changed"


def test_centralised(
    embedded: PullBed, engine: RealEngine, module_engine: RealEngine, registries: Registries, file: str
) -> None:
    """Registered once, then imported by each worker: the second and the third command. Then both in one."""
    image = registries.open.reference("team/tiny:1")
    assert succeeds(embedded, "-i", image, "-f", file, "-n", "mine", "--mode", "central") == [
        f"AppImage mine is registered: {image}"
    ]
    assert image not in engine.references() + module_engine.references()
    said = succeeds(embedded, "-c", "alice", "-i", image, "--import")
    assert "AppImage" not in "".join(said), "nothing was to be registered"
    assert image in engine.references() and image not in module_engine.references()

    said = succeeds(embedded, "-i", image, "-f", file, "-n", "mine", "--mode", "central", "--import")
    assert f"{image} was on alice already." in said and f"{image} was on bob already." not in said
    assert image in module_engine.references() and app_images(embedded) == {"mine": image}


def test_from_an_archive_and_on_from_node_to_node(
    embedded: PullBed,
    engine: RealEngine,
    module_engine: RealEngine,
    registries: Registries,
    file: str,
    tmp_path: Path,
) -> None:
    """No registry has this name: the archive is the only source, then the node that has the image."""
    image, there = "127.0.0.1:1/team/own:1.10", registries.open.reference("team/tiny:1")
    archive = tmp_path / "image.tar"
    repository, _, tag = there.rpartition(":")
    with connect(EngineEndpoint(module_engine.unix_url)) as connection:
        with connection.pull(repository, tag_or_digest=tag, auth=None) as stream:
            assert list(stream)
        with connection.save_image(there) as saved:
            archive.write_bytes(b"".join(saved.chunks()))
    said = succeeds(embedded, "-c", "alice", "-i", image, "-f", file, "--archive", str(archive))
    assert said[-1] == f"AppImage secretflow-image is registered: {image}"
    assert image in engine.references() and app_images(embedded) == {"secretflow-image": image}
    succeeds(embedded, "-c", "bob", "-i", image, "--import")
    assert image in module_engine.references()
    said = succeeds(embedded, "-c", "bob", "-i", image, "--archive", str(archive))
    assert f"{image} was on bob already." in said


def fails(bed: PullBed, *arguments: str, code: int = 2) -> str:
    """What it said; it has stored nothing and brought nothing."""
    pulls = bed.rows("SELECT count(*) FROM pulls_pulljob")
    done = run(bed, *arguments)
    assert done.returncode == code, done
    assert app_images(bed) == {}
    assert code != 2 or bed.rows("SELECT count(*) FROM pulls_pulljob") == pulls, "nothing was even begun"
    return done.stdout + done.stderr


def test_what_is_wrong_is_said_and_nothing_stored(embedded: PullBed, file: str, tmp_path: Path) -> None:
    image = "127.0.0.1:1/team/app:1"
    missing, damaged = str(tmp_path / "nosuch.yaml"), tmp_path / "damaged.yaml"
    damaged.write_text(TEMPLATE + "\n\tbroken: [")
    with_import: tuple[Any, ...] = ("-c", "alice", "-f", file, "--import")
    assert "nobody" in fails(embedded, "-c", "alice,nobody", "-i", image, "-f", file, "--import")
    assert f"{missing} cannot be read: No such file" in fails(embedded, "-c", "alice", "-i", image, "-f", missing)
    assert "line" in fails(embedded, "-c", "alice", "-i", image, "-f", str(damaged), "--import")
    assert "nosuch.tar" in fails(embedded, *with_import, "-i", image, "--archive", str(tmp_path / "nosuch.tar"))
    assert "lower case" in fails(embedded, *with_import, "-i", "127.0.0.1:1/team/APP:1")


def test_an_image_that_does_not_arrive_everywhere_is_not_registered(
    embedded: PullBed, engine: RealEngine, registries: Registries, file: str, tmp_path: Path
) -> None:
    image = registries.open.reference("team/missing:1")
    said = fails(embedded, "-c", "alice", "-i", image, "-f", file, "--import", code=1)
    assert "not_found]" in said and "nothing is registered" in said
    rubbish = tmp_path / "image.tar"
    rubbish.write_bytes(b"rubbish")
    said = fails(embedded, "-c", "alice", "-i", image, "-f", file, "--archive", str(rubbish), code=1)
    assert "[archive_invalid]" in said and "nothing is registered" in said
    assert image not in engine.references()
