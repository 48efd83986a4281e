"""Settings from the environment, read in a process of their own; and the README's table of them."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from tests.services.process import clean_environment

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "IMAGELIB_DEBUG": "off",
    "IMAGELIB_SECRET_KEY": "a-secret-key-of-the-tests-0123456789-abcdefghijklmnopqrstuvwxyz",
    "IMAGELIB_FIELD_KEYS": Fernet.generate_key().decode(),
}
READERS = {"text", "boolean", "integer", "decimal", "ports", "words", "choice", "secret", "directory"}


def manage(data_dir: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=clean_environment(**{"IMAGELIB_DATA_DIR": str(data_dir), **env}),
        capture_output=True,
        text=True,
        check=False,
    )


def read(data_dir: Path, *names: str, **env: str) -> list[Any]:
    """The values of some settings."""
    program = (
        "import json; from django.conf import settings as s; "
        f"print(json.dumps([getattr(s, n) for n in {names!r}], default=str))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=clean_environment(
            **{"IMAGELIB_DATA_DIR": str(data_dir), "DJANGO_SETTINGS_MODULE": "imagelib.settings", **env}
        ),
        capture_output=True,
        text=True,
        check=True,
    )
    values: list[Any] = json.loads(done.stdout)
    return values


def test_nothing_needs_to_be_set(tmp_path: Path) -> None:
    found = read(tmp_path / "new", "DEBUG", "EMBEDDED", "HOST", "PORT", "LANGUAGE_CODE", "SECRET_KEY", "FIELD_KEYS")
    assert found[:5] == [True, True, "127.0.0.1", 8000, "zh-hans"]
    again = read(tmp_path / "new", "SECRET_KEY", "FIELD_KEYS")
    assert again == found[5:], "generated secrets must stay the same"


def test_production_is_a_matter_of_the_environment(tmp_path: Path) -> None:
    env = {
        **PRODUCTION,
        "IMAGELIB_REDIS_URL": "redis://redis:6379/0",
        "IMAGELIB_DATABASE_URL": "postgresql://u:p@db:5432/n",
        "IMAGELIB_SECURE_COOKIES": "on",
        "IMAGELIB_BEHIND_PROXY": "yes",
        "IMAGELIB_ALLOWED_HOSTS": "a.example.com, b.example.com",
    }
    names = ("DEBUG", "EMBEDDED", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "ALLOWED_HOSTS", "CELERY_BROKER_URL")
    found = read(tmp_path, *names, "SECURE_PROXY_SSL_HEADER", "REST_FRAMEWORK", **env)
    assert found[:4] == [False, False, True, True]
    assert found[4:6] == [["a.example.com", "b.example.com"], "redis://redis:6379/0"]
    assert found[6] == ["HTTP_X_FORWARDED_PROTO", "https"]
    assert found[7]["NUM_PROXIES"] == 1
    assert not list(tmp_path.iterdir()), "production must generate nothing"
    assert read(tmp_path, "REST_FRAMEWORK")[0]["NUM_PROXIES"] == 0


@pytest.mark.parametrize("missing", ["IMAGELIB_SECRET_KEY", "IMAGELIB_FIELD_KEYS"])
def test_production_needs_its_secrets(tmp_path: Path, missing: str) -> None:
    done = manage(tmp_path, "check", **{**PRODUCTION, missing: ""})
    assert done.returncode == 2
    assert done.stderr.startswith(missing)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "maybe"),
        ("PORT", "eighty"),
        ("PORT", "0"),
        ("LANGUAGE", "fr"),
        ("LOG_FORMAT", "xml"),
        ("PROGRESS_EVERY", "0.1"),
        ("PULLS_PER_NODE", "0"),
        ("SECRET_KEY_FILE", "/nonexistent/key"),
    ],
)
def test_what_is_not_understood_stops_the_start(tmp_path: Path, name: str, value: str) -> None:
    done = manage(tmp_path, "check", **{f"IMAGELIB_{name}": value})
    assert done.returncode == 2
    assert done.stderr.startswith(f"IMAGELIB_{name}")
    assert "Traceback" not in done.stderr


def test_a_data_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = manage(tmp_path / "file" / "below", "check")
    assert done.returncode == 2
    assert "IMAGELIB_DATA_DIR" in done.stderr
    assert "Traceback" not in done.stderr


def test_keys_that_are_no_fernet_keys(tmp_path: Path) -> None:
    done = manage(tmp_path, "check", IMAGELIB_FIELD_KEYS=f"{Fernet.generate_key().decode()},short")
    assert done.returncode == 1
    assert "Key 2 of IMAGELIB_FIELD_KEYS" in done.stderr


@pytest.mark.parametrize("token", ["short", "fifteen-letters", "中" * 32, "with a blank in it"])
def test_a_kuscia_token_that_could_be_guessed_or_not_be_sent(tmp_path: Path, token: str) -> None:
    done = manage(tmp_path, "check", IMAGELIB_KUSCIA_TOKEN=token)
    assert done.returncode == 1 and "IMAGELIB_KUSCIA_TOKEN" in done.stderr
    assert token not in done.stderr + done.stdout


def test_the_kuscia_token_is_made_once_and_in_production_given_or_absent(tmp_path: Path) -> None:
    [made] = read(tmp_path, "KUSCIA_TOKEN")
    assert len(made) == 32 and (tmp_path / "secrets" / "kuscia_token").read_text() == f"{made}\n"
    assert read(tmp_path, "KUSCIA_TOKEN") == [made]
    assert read(tmp_path, "KUSCIA_TOKEN", **PRODUCTION) == [""]
    given = {"IMAGELIB_KUSCIA_TOKEN": "0123456789abcdef"}
    assert read(tmp_path, "KUSCIA_TOKEN", **PRODUCTION, **given) == ["0123456789abcdef"]


@pytest.mark.parametrize("what", ["missing", "empty", "a file"])
def test_a_front_end_that_is_not_there(tmp_path: Path, what: str) -> None:
    at = tmp_path / "dist"
    if what == "empty":
        at.mkdir()
    elif what == "a file":
        at.write_text("x")
    done = manage(tmp_path, "serve", "--port", "0", IMAGELIB_SPA_DIR=str(at))
    assert done.returncode == 1
    assert f"IMAGELIB_SPA_DIR='{at}' holds no readable index.html" in done.stderr and "docs/spa.md" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_front_end_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<!doctype html>")
    assert manage(tmp_path, "check", IMAGELIB_SPA_DIR=str(tmp_path)).returncode == 0


@pytest.mark.parametrize("host", ["<b>x</b>", "a b", "a/b", "x" * 256, "a'b", "user@host"])
def test_a_jumpbox_that_is_no_host(tmp_path: Path, host: str) -> None:
    done = manage(tmp_path, "check", IMAGELIB_JUMPBOX_HOST=host)
    assert done.returncode == 1 and "IMAGELIB_JUMPBOX_HOST" in done.stderr


def test_a_jumpbox(tmp_path: Path) -> None:
    for host in ("jump.example.com", "10.0.0.5", "fd00::5"):
        assert manage(tmp_path, "check", IMAGELIB_JUMPBOX_HOST=host, IMAGELIB_JUMPBOX_PORT="2026").returncode == 0
    done = manage(tmp_path, "check", IMAGELIB_JUMPBOX_PORT="65536")
    assert done.returncode == 1 and "IMAGELIB_JUMPBOX_PORT" in done.stderr


def test_the_deployment_check_has_nothing_to_say_behind_a_tls_proxy(tmp_path: Path) -> None:
    env = {
        **PRODUCTION,
        "IMAGELIB_REDIS_URL": "redis://127.0.0.1:1/0",
        "IMAGELIB_DATABASE_URL": "postgresql://u:p@127.0.0.1:1/n",
        "IMAGELIB_ALLOWED_HOSTS": "images.example.com",
        "IMAGELIB_SECURE_COOKIES": "on",
        "IMAGELIB_BEHIND_PROXY": "on",
    }
    done = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **env)
    assert done.returncode == 0, done.stderr


# --- README -----------------------------------------------------------------------------------------------------------


def variables_of_the_code() -> set[str]:
    found = set()
    for path in ("imagelib/settings.py", "imagelib/schedule.py", "imagelib/management/commands/ensure_admin.py"):
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            match node:
                case ast.Call(ast.Attribute(ast.Name("env"), reader), [ast.Constant(name), *_]) if reader in READERS:
                    found.add(f"IMAGELIB_{name}")
    assert len(found) > 20
    return found


@pytest.mark.parametrize("readme", ["README.md", "README.zh-hans.md"])
def test_the_readme_lists_exactly_the_variables_that_are_read(readme: str) -> None:
    rows = [line for line in (ROOT / readme).read_text().splitlines() if line.startswith("| `IMAGELIB_")]
    listed = [name for row in rows for name in re.findall(r"`(IMAGELIB_\w+)`", row.split("|")[1])]
    assert len(listed) == len(set(listed))
    assert set(listed) == variables_of_the_code()


def test_the_composition_sets_only_variables_that_are_read() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    used = set(re.findall(r"^ +(IMAGELIB_\w+):", text, re.MULTILINE)) | set(
        re.findall(r"(IMAGELIB_\w+)=", (ROOT / "Dockerfile").read_text())
    )
    assert len(used) > 10
    assert used <= variables_of_the_code()
