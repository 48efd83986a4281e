"""`manage.py register_app_image` and its service: P56 to P58, and everything that ends without a registration."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone, translation

from appimages.models import AppImage, AppImageVersion
from nodes.models import ComputeNode, NodeStatus
from pulls.models import PullJob
from pulls.work import run_pull
from tests.api import make
from tests.support.fake_registry import FakeImage
from tests.support.fake_transfers import archive_of
from tests.support.one_pull import in_background

pytestmark = pytest.mark.django_db(transaction=True)
TEMPLATE = """
apiVersion: kuscia.secretflow/v1alpha1
kind: AppImage
metadata:
  name: '{{.SF_NAME}}'
spec:
  image:
    id: abc
    name: '{{.SF_IMAGE_NAME}}'
    sign: abc
    tag: '{{.SF_IMAGE_TAG}}'
  deployTemplates:
    - name: app
      replicas: 1
      spec:
        containers:
          - name: app
            workingDir: /root
"""
FIXED = TEMPLATE.replace("'{{.SF_NAME}}'", "fixed").replace("'{{.SF_IMAGE_NAME}}'", "old/app").replace(
    "'{{.SF_IMAGE_TAG}}'", "'1'"
)  # fmt: skip


@pytest.fixture(autouse=True)
def _english(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.DATA_DIR = tmp_path / "data"
    settings.DATA_DIR.mkdir()
    with translation.override("en"):
        yield


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "app_image.yaml"
    path.write_text(TEMPLATE)
    return str(path)


@pytest.fixture(autouse=True)
def worker(tools: Any) -> Iterator[None]:
    """Does what waits, as a server would."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.05):
            for pk in PullJob.claimable(now=timezone.now(), limit=10):
                run_pull(pk, tools=tools)

    thread = in_background(work)
    yield
    over.set()
    thread.join(60)


def run(*arguments: str) -> None:
    call_command("register_app_image", *arguments)


def refused(*arguments: str, code: int = 2) -> str:
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    assert caught.value.returncode == code
    assert not AppImage.objects.exists() and not AppImageVersion.objects.exists()
    return str(caught.value)


@pytest.mark.parametrize(
    ("image", "name", "tag"),
    [
        ("secretflow/app", "secretflow/app", "latest"),
        ("r.io:5000/a/app:v1", "r.io:5000/a/app", "v1"),
        ("localhost:5000/app:v1", "localhost:5000/app", "v1"),
        ("app:1.10", "app", "1.10"),
        (f"r.io/a/app@sha256:{'a' * 64}", "r.io/a/app@sha256", "a" * 64),
    ],
)
def test_p56_the_image_is_split_where_its_tag_begins(file: str, image: str, name: str, tag: str) -> None:
    make.node(name="n1")
    run("-c", "n1", "-i", image, "-f", file)
    row = AppImage.objects.get()
    assert (row.name, row.image_name, row.image_tag) == ("secretflow-image", name, tag)
    assert row.document["image"] == {"name": name, "tag": tag, "id": "abc", "sign": "abc"}


def test_p57_the_second_time_updates(file: str, capsys: Any) -> None:
    make.node(name="n1")
    run("-c", "n1", "-i", "secretflow/app:1", "-f", file, "-n", "my-img")
    run("-c", "n1", "-i", "secretflow/app:1", "-f", file, "-n", "my-img")
    run("-c", "n1", "-i", "secretflow/app:2", "-f", file, "-n", "my-img")
    row = AppImage.objects.get()
    assert (row.name, row.image_tag, row.version) == ("my-img", "2", 2)
    assert list(AppImageVersion.objects.values_list("how", flat=True)) == ["register", "register"]
    first, same, other = capsys.readouterr().out.splitlines()
    assert first.endswith("my-img is registered: secretflow/app:1")
    assert same.endswith("my-img is registered as it was, nothing changed: secretflow/app:1")
    assert other.endswith("my-img is registered anew: secretflow/app:2")


def test_p58_a_missing_template_file(tmp_path: Path) -> None:
    make.node(name="n1")
    assert "nosuch.yaml" in refused("-c", "n1", "-i", "secretflow/app", "-f", str(tmp_path / "nosuch.yaml"))
    assert "Is a directory" in refused("-c", "n1", "-i", "secretflow/app", "-f", str(tmp_path))


def test_the_image_that_is_given_replaces_the_one_in_the_file(tmp_path: Path) -> None:
    make.node(name="n1")
    path = tmp_path / "fixed.yaml"
    path.write_text(FIXED)
    run("-c", "n1", "-i", "new/app:2", "-f", str(path))
    assert AppImage.objects.get(name="fixed").document["image"] == {"name": "new/app", "tag": "2"}
    run("-c", "n1", "-i", "old/app:1", "-f", str(path))
    assert AppImage.objects.get(name="fixed").document["image"]["id"] == "abc"


def test_a_name_that_the_file_has_no_place_for_is_a_warning(tmp_path: Path, capsys: Any) -> None:
    make.node(name="n1")
    path = tmp_path / "fixed.yaml"
    path.write_text(FIXED)
    run("-c", "n1", "-i", "old/app:1", "-f", str(path))
    assert capsys.readouterr().err == ""
    run("-c", "n1", "-i", "old/app:1", "-f", str(path), "-n", "other")
    assert "name" in capsys.readouterr().err
    assert AppImage.objects.get().name == "fixed"


def test_what_is_wrong_is_said_and_nothing_stored(file: str, tmp_path: Path) -> None:
    make.node(name="n1")
    bad = tmp_path / "bad.yaml"
    bad.write_text(TEMPLATE + "\n\tbroken: [")
    assert "-i" in refused("-c", "n1", "-f", file)
    assert "node" in refused("-i", "secretflow/app", "-f", file)
    assert "nosuch" in refused("-c", "n1,nosuch", "-i", "secretflow/app", "-f", file)
    assert "template" in refused("-c", "n1", "-i", "secretflow/app")
    assert "line" in refused("-c", "n1", "-i", "secretflow/app", "-f", str(bad))
    assert refused("-c", "n1", "-i", "secretflow/APP", "-f", file)
    assert refused("-c", "n1", "-i", "secretflow/app", "-f", file, "-n", "Bad Name")
    assert "nosuch.tar" in refused("-c", "n1", "-i", "app", "-f", file, "--archive", str(tmp_path / "nosuch.tar"))
    assert not PullJob.objects.exists()


def test_p2p_registers_and_imports_on_each_named_node(file: str, engine: Any, capsys: Any) -> None:
    image = FakeImage.sized("127.0.0.1:1/team/new", "1", [5])
    engine.registry.add(image)
    for name in ("n1", "n2", "other"):
        make.node(name=name)
    run("-c", "n1", "-c", "n2", "-i", image.reference, "-f", file, "--import")
    assert sorted(PullJob.objects.values_list("node_name", "state", "source")) == [
        ("n1", "succeeded", "auto"), ("n2", "succeeded", "auto"),
    ]  # fmt: skip
    assert engine.find(image.reference) == image
    assert AppImage.objects.get().image_name == image.repository
    capsys.readouterr()
    run("-c", "n1", "-i", image.reference, "--import")
    assert f"{image.reference} was on n1 already" in capsys.readouterr().out


def test_central_imports_on_the_workers(file: str, engine: Any) -> None:
    image = FakeImage.sized("127.0.0.1:1/team/new", "1", [5])
    engine.registry.add(image)
    make.node(name="w1", is_listed=True, status=NodeStatus.CONNECTED)
    make.node(name="w2", is_listed=True)
    make.node(name="hidden", is_listed=False)
    ComputeNode.objects.update(is_listed=False)
    assert "No compute node is listed" in refused("-i", image.reference, "-f", file, "--import", "--mode", "central")
    ComputeNode.objects.exclude(name="hidden").update(is_listed=True)
    run("-i", image.reference, "-f", file, "--mode", "central")
    assert not PullJob.objects.exists()
    run("-i", image.reference, "-f", file, "--import", "--mode", "central")
    assert sorted(PullJob.objects.values_list("node_name", flat=True)) == ["w1", "w2"]
    assert AppImage.objects.count() == 1


def test_a_failed_import_registers_nothing(file: str, capsys: Any) -> None:
    make.node(name="n1")
    told = refused("-c", "n1", "-i", "127.0.0.1:1/team/nosuch:1", "-f", file, "--import", code=1)
    assert "nothing is registered" in told
    assert "[image_not_found]" in capsys.readouterr().out


def test_from_an_archive(file: str, engine: Any, tmp_path: Path) -> None:
    image = FakeImage.sized("docker.io/library/other", "1", [5000])
    archive = tmp_path / "image.tar"
    archive.write_bytes(archive_of(image, []))
    make.node(name="n1")
    run("-c", "n1", "-i", "127.0.0.1:1/team/new:1", "-f", file, "--archive", str(archive))
    assert engine.find("127.0.0.1:1/team/new:1").id == image.id
    assert AppImage.objects.get().image_tag == "1"
    archive.write_bytes(b"rubbish")
    make.node(name="n2")
    AppImage.objects.all().delete()
    refused("-c", "n2", "-i", "127.0.0.1:1/team/new:2", "-f", file, "--archive", str(archive), code=1)
    assert PullJob.objects.get(reference="127.0.0.1:1/team/new:2").error_code == "archive_invalid"
