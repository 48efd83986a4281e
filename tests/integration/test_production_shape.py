"""The product as deployed: the files that the image has, DEBUG off, PostgreSQL, Redis, every part a process."""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.fernet import Fernet

from tests.services.postgres import PostgresServer
from tests.services.process import wait_until
from tests.services.product import ROOT, Product
from tests.services.redis import RedisServer
from tests.services.requirements import require

pytestmark = pytest.mark.real
HOST = "images.example.com"
ENVIRONMENT = {
    "IMAGELIB_DEBUG": "off",
    "IMAGELIB_SECRET_KEY": secrets.token_urlsafe(50),
    "IMAGELIB_FIELD_KEYS": Fernet.generate_key().decode(),
    "IMAGELIB_ALLOWED_HOSTS": HOST,
    "IMAGELIB_CSRF_ORIGINS": f"https://{HOST}",
    "IMAGELIB_SECURE_COOKIES": "on",
    "IMAGELIB_BEHIND_PROXY": "on",
    "IMAGELIB_LOG_FORMAT": "json",
}
DETAILS = re.compile(r"Traceback|DEBUG = True|imagelib/urls|\bDJANGO\b|psycopg|OperationalError|127\.0\.0\.1:\d+")


def copied_files() -> list[str]:
    """What the Dockerfile copies into the image."""
    return re.findall(r"^COPY (\S+) ", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with nothing but what the image has."""
    root = tmp_path_factory.mktemp("image")
    ignore = shutil.ignore_patterns("__pycache__")
    for name in copied_files():
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=ignore)
        else:
            shutil.copy(source, root / name)
    return root


@pytest.fixture(scope="module")
def redis(session_dir: Path) -> Iterator[RedisServer]:
    """Of its own, because it is stopped."""
    require("redis-server")
    with closing(RedisServer(session_dir, "redis-production")) as server:
        server.start()
        yield server


@pytest.fixture(scope="module")
def database(session_dir: Path) -> Iterator[PostgresServer]:
    """Of its own, because it is stopped."""
    require("postgres", "initdb")
    with closing(PostgresServer(session_dir, "postgres-production")) as server:
        server.start()
        yield server


@pytest.fixture(scope="module")
def product(session_dir: Path, image: Path, redis: RedisServer, database: PostgresServer) -> Iterator[Product]:
    product = Product(
        session_dir / "production", ENVIRONMENT, redis_url=redis.url, database_url=database.url, name="web", root=image
    )
    with closing(product):
        done = product.manage(*collecting(), IMAGELIB_SECRET_KEY="build", IMAGELIB_FIELD_KEYS="build")
        assert done.returncode == 0, done.stderr
        product.start()
        for queue in ("transfers", "control"):
            product.start_worker(queue, concurrency=4)
        product.start_beat()
        yield product


def collecting() -> list[str]:
    """The Dockerfile's own command line."""
    [command] = re.findall(r"manage\.py (collectstatic [^\\&\n]*)", (ROOT / "Dockerfile").read_text())
    return command.split()


def get(product: Product, path: str, host: str = HOST, **headers: str) -> requests.Response:
    """As the TLS proxy asks."""
    with requests.Session() as session:
        session.trust_env = False
        return session.get(
            product.url + path,
            headers={"Host": host, "X-Forwarded-Proto": "https", "Accept-Language": "en", **headers},
            timeout=30,
            allow_redirects=False,
        )


def status(product: Product, path: str) -> int:
    return get(product, path).status_code


def test_the_login_page_and_its_files(product: Product) -> None:
    page = get(product, "/admin/login/")
    assert page.status_code == 200
    cookie = page.headers["Set-Cookie"]
    assert "Secure" in cookie and "SameSite=Lax" in cookie
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
    assert len(files) > 5
    assert any("imagelib/imagelib." in name for name in files)
    for name in files:
        answer = get(product, name, **{"Accept-Encoding": "gzip"})
        assert answer.status_code == 200, name
        assert re.search(r"\.[0-9a-f]{12}\.\w+$", name), f"{name} has no hash"
        assert "immutable" in answer.headers["Cache-Control"] and "max-age=3" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/nowhere", "/admin/nowhere/", "/api/nowhere/", "/imageRegistry/nowhere"])
def test_what_does_not_exist_shows_no_inside(product: Product, path: str) -> None:
    answer = get(product, path)
    assert answer.status_code in (302, 401, 404) if "admin" in path else answer.status_code in (401, 404)
    assert not DETAILS.search(answer.text)


def test_another_host_name_is_refused_but_probes_are_answered(product: Product) -> None:
    assert get(product, "/admin/login/", host="10.0.0.7:8000").status_code == 400
    for path in ("/healthz", "/readyz"):
        assert get(product, path, host="10.0.0.7:8000").status_code == 200


def test_documentation_works_without_other_servers(product: Product) -> None:
    page = get(product, "/api/docs/")
    assert page.status_code == 200
    for name in re.findall(r'(?:href|src)="([^"]+)"', page.text):
        assert name.startswith("/static/"), name
        assert status(product, name) == 200


def test_doctor_and_deployment_check_are_content(product: Product) -> None:
    wait_until("the first round of the schedule", lambda: product.manage("doctor").returncode == 0, timeout=60, step=1)
    shown = product.manage("doctor").stdout
    for subject in ("database: PostgreSQL", "broker: Redis", "control: 1", "transfers: 1", "schedule: last round"):
        assert subject in shown
    done = product.manage("check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stderr


def test_doctor_misses_a_queue_without_workers(product: Product) -> None:
    [worker] = [worker for worker in product.workers if "transfers" in worker.name]
    worker.stop()
    done = product.manage("doctor")
    assert done.returncode == 2
    assert "celery -A imagelib worker -P threads -Q transfers" in done.stdout
    worker.start()


def test_without_redis_it_is_not_ready_and_recovers(product: Product, redis: RedisServer) -> None:
    redis.stop()
    assert status(product, "/healthz") == 200
    answer = get(product, "/readyz")
    assert (answer.status_code, answer.json()["checks"]) == (503, {"database": "ok", "broker": "unavailable"})
    assert get(product, "/admin/login/").status_code == 200
    redis.start()
    wait_until("readiness", lambda: status(product, "/readyz") == 200)


def test_without_postgresql_pages_fail_without_details_and_recover(product: Product, database: PostgresServer) -> None:
    database.stop()
    assert status(product, "/healthz") == 200
    answer = get(product, "/readyz")
    assert (answer.status_code, answer.json()["checks"]) == (503, {"database": "unavailable", "broker": "ok"})
    for path in ("/admin/", "/api/token/"):
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(
                product.url + path,
                json={"username": "admin", "password": "canary-1"},
                headers={"Host": HOST, "X-Forwarded-Proto": "https"},
                cookies={"sessionid": "x" * 32},
                timeout=30,
            )
        assert answer.status_code in (403, 500, 503), path
        assert not DETAILS.search(answer.text)
    for command in (["doctor"], ["pull", "x", "--all-nodes"], ["reap_jobs"], ["rotate_keys"]):
        done = product.manage(*command)
        assert done.returncode == 2, command
        assert "IMAGELIB_DATABASE_URL" in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
    crashes = [entry.get("exception", "") for entry in log_entries(product.log())]
    assert any("Traceback" in text for text in crashes), "the crash left no traceback in the log"
    assert "canary-1" not in product.log()
    database.start()
    wait_until("readiness", lambda: status(product, "/readyz") == 200)
    assert status(product, "/admin/login/") == 200


def test_every_line_of_the_log_is_json_and_names_its_request(product: Product) -> None:
    asked = get(product, "/api/nodes/")
    assert asked.status_code == 401
    ours = re.compile(r'^(?=.*"request_finished").*"GET /api/nodes/"', re.MULTILINE)
    wait_until("the line", lambda: ours.search(product.log()))
    entries = log_entries(product.log())
    requests_logged = [entry for entry in entries if entry["event"] == "request_finished"]
    assert requests_logged
    assert all(entry["request_id"] for entry in requests_logged)
    assert any(entry["request"] == "GET /api/nodes/" for entry in requests_logged)
    for worker in product.workers:
        # Celery's banner is none of the log; the composition silences it with --quiet.
        lines = [line for line in worker.log().splitlines() if line.startswith(("{", "Traceback"))]
        assert log_entries("\n".join(lines)) or "beat" in worker.name


def log_entries(text: str) -> list[dict[str, Any]]:
    entries = []
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            raise AssertionError(f"not JSON: {line!r}") from None
        assert {"event", "level", "timestamp", "logger"} <= entry.keys(), line
        entries.append(entry)
    return entries
