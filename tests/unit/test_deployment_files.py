"""Dockerfile, docker-compose.yml and Makefile, as far as they can be checked without running them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.services.process import clean_environment

ROOT = Path(__file__).resolve().parents[2]
APPS = ("core", "imagelib", "nodes", "pulls", "appimages", "instances", "builds")


@pytest.fixture(scope="module")
def composition() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return document


def test_every_part_of_the_product_is_there_and_configured_alike(composition: dict[str, Any]) -> None:
    services = composition["services"]
    ours = {name: service for name, service in services.items() if service["image"] == "imagelib"}
    assert set(ours) == {"migrate", "web", "transfers", "control", "beat"}
    common = ours["web"]["environment"]
    assert common["IMAGELIB_DEBUG"] == "off"
    assert all(service["environment"].items() >= common.items() for service in ours.values())
    queues = {match for service in ours.values() for match in re.findall(r"--queues (\w+)", service["command"])}
    assert queues == {"transfers", "control"}


@pytest.mark.parametrize("queue", ["transfers", "control"])
def test_workers_have_as_many_threads_everywhere(composition: dict[str, Any], queue: str) -> None:
    name = f"WORKER_{queue.upper()}"
    default = re.search(rf'^{name} = env\.integer\("{name}", (\d+)', (ROOT / "imagelib/settings.py").read_text(), re.M)
    assert default is not None
    threads = int(default[1])
    assert f"--queues {queue} --concurrency {threads} " in composition["services"][queue]["command"]
    for readme in ("README.md", "README.zh-hans.md"):
        assert re.search(rf"-Q {queue} -c {threads} +#", (ROOT / readme).read_text()), readme


def test_everything_that_is_named_exists(composition: dict[str, Any]) -> None:
    services = composition["services"]
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)
        volumes = {volume.partition(":")[0] for volume in service.get("volumes", [])}
        assert volumes <= set(composition["volumes"])
    for needed, how in services["web"]["depends_on"].items():
        assert ("healthcheck" in services[needed]) is (how["condition"] == "service_healthy")


def test_nothing_starts_on_a_database_without_its_tables(composition: dict[str, Any]) -> None:
    services = composition["services"]
    for name in ("web", "transfers", "control", "beat"):
        assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}, name
    assert "migrate" not in services["migrate"]["depends_on"]


def test_secrets_have_no_default(composition: dict[str, Any]) -> None:
    environment = composition["services"]["web"]["environment"]
    for name in ("IMAGELIB_SECRET_KEY", "IMAGELIB_FIELD_KEYS"):
        assert environment[name].startswith(f"${{{name}:?")
    assert ":?" in composition["services"]["postgres"]["environment"]["POSTGRES_PASSWORD"]


def test_the_image_gets_what_the_product_needs_and_nothing_else() -> None:
    copied = set(re.findall(r"^COPY (\S+) ", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    assert copied == {"manage.py", "requirements.lock", *APPS, "templates", "static", "locale"}
    assert all((ROOT / name).exists() for name in copied)


# --- Makefile ---------------------------------------------------------------------------------------------------------


def make(directory: Path, python: str) -> subprocess.CompletedProcess[str]:
    """`make up` in a copy that has no virtual environment, with a Python of the test."""
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    shutil.copy(ROOT / "Makefile", directory)
    (directory / "requirements.lock").touch()
    fake = directory / "python3"
    fake.write_text(f"#!/bin/sh\n{python}\n")
    fake.chmod(0o755)
    return subprocess.run(
        ["make", "up", f"PYTHON={fake}"],
        cwd=directory,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_old_python_is_refused(tmp_path: Path) -> None:
    done = make(tmp_path, "exit 1")
    assert done.returncode == 2
    assert "Python 3.11 or newer is needed." in done.stdout + done.stderr
    assert not (tmp_path / ".venv").exists()


def test_a_python_without_venv_names_the_package(tmp_path: Path) -> None:
    done = make(tmp_path, 'case "$*" in *venv*) exit 1;; *) exit 0;; esac')
    assert done.returncode == 2
    assert "python3-venv" in done.stdout + done.stderr
