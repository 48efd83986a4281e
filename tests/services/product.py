"""The product itself as processes of its own: the server, and with Redis also workers and the schedule."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from tests.services import prepared
from tests.services.ports import LOOPBACK, free_port
from tests.services.process import Daemon, clean_environment, wait_until

ROOT = Path(__file__).resolve().parents[2]
ADMIN = "admin"


def python_process(arguments: list[str], env: Mapping[str, str], root: Path = ROOT) -> list[str]:
    """A command line that runs this project's Python with `env` and nothing of the developer's environment."""
    pairs = [f"{name}={value}" for name, value in env.items()]
    return ["/usr/bin/env", "-C", str(root), *pairs, sys.executable, *arguments]


def _hear_interrupts() -> None:
    """Shells start background jobs with SIGINT ignored, and children inherit that: the tests may be such a job."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Worker(Daemon):
    """A Celery worker of one queue, or the schedule (`beat`): separate processes, as with Redis in production."""

    start_timeout = 180.0

    def __init__(
        self, name: str, directory: Path, *, arguments: list[str], env: Mapping[str, str], ready: str, root: Path = ROOT
    ) -> None:
        super().__init__(name, directory)
        self._arguments, self._env, self._ready, self._root = arguments, dict(env), ready, root
        self._started_from = 0

    def start(self) -> None:
        if not self.running:
            self._started_from = self.log_file.size()
        super().start()

    def command(self) -> list[str]:
        return python_process(["-m", "celery", "-A", "imagelib.celery", *self._arguments], self._env, self._root)

    def is_ready(self) -> bool:
        return self._ready in self.log_file.text(self._started_from)


class Product(Daemon):
    """`manage.py serve` with a data directory and port of its own. Without `redis_url` it is the whole product.

    `start()` migrates and creates the administrator first. `env` names are given in full (`IMAGELIB_STALL_AFTER`).
    """

    start_timeout = 180.0

    def __init__(
        self,
        data_dir: Path,
        env: Mapping[str, str] | None = None,
        *,
        redis_url: str | None = None,
        database_url: str | None = None,
        name: str = "product",
        root: Path = ROOT,
    ) -> None:
        super().__init__(name, Path(data_dir))
        self.root = root  # where the code is
        self.port = free_port()
        self.admin_password = "admin-s3cret-of-the-tests"
        self.env: dict[str, str] = {
            "IMAGELIB_DATA_DIR": str(self.directory / "data"),
            "IMAGELIB_PORT": str(self.port),
            "IMAGELIB_ADMIN_USER": ADMIN,
            "IMAGELIB_ADMIN_PASSWORD": self.admin_password,
            "IMAGELIB_LANGUAGE": "en",
            "PYTHONUNBUFFERED": "1",
        }
        for name_of, value in (("IMAGELIB_REDIS_URL", redis_url), ("IMAGELIB_DATABASE_URL", database_url)):
            if value:
                self.env[name_of] = value
        self.env |= env or {}
        self.workers: list[Worker] = []
        self._tokens: dict[str, str] = {}
        self._prepared = False

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def database(self) -> Path | str:
        """The file of SQLite, or the URL."""
        return self.env.get("IMAGELIB_DATABASE_URL") or Path(self.env["IMAGELIB_DATA_DIR"]) / "imagelib.sqlite3"

    def command(self) -> list[str]:
        return python_process(["manage.py", "serve"], self.env, self.root)

    def is_ready(self) -> bool:
        try:
            with self._session() as session:
                return session.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def prepare(self) -> None:
        """Tables and administrator, once; where the code is another than the tests' own, always by the commands."""
        if self._prepared:
            return
        new = self.root == ROOT and prepared.is_new(self.database)
        if not (new and prepared.copy_to(self.database)):
            for command in ("migrate", "ensure_admin"):
                done = self.manage(command, "--verbosity", "0")
                assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
            if new:
                prepared.keep(self.database)
        self._prepared = True

    def start(self) -> None:
        """Start the server and wait until `/readyz` answers 200."""
        self.prepare()
        super().start()

    def close(self) -> None:
        for worker in self.workers:
            worker.close()
        super().close()

    # --- commands, workers -------------------------------------------------------------------------------------------

    def manage(self, *arguments: str, timeout: float = 300.0, **env: str) -> subprocess.CompletedProcess[str]:
        """`manage.py …` with the product's settings; output as text."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=self.root,
            env=clean_environment() | self.env | env,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def popen(self, *arguments: str, **options: Any) -> subprocess.Popen[Any]:
        """The same, running: for commands that a test watches or interrupts."""
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=self.root,
            env=clean_environment() | self.env,
            preexec_fn=_hear_interrupts,
            **options,
        )

    def start_worker(self, queue: str, *, concurrency: int = 8) -> Worker:
        """A worker process of `transfers` or `control`; only with Redis."""
        number = len(self.workers) + 1
        options = ["-Q", queue, "-c", str(concurrency), "-P", "threads", "-n", f"{queue}{number}@test", "-l", "INFO"]
        quick = ["--without-gossip", "--without-mingle"]
        return self._start_worker(f"worker-{queue}-{number}", ["worker", *options, *quick], ready=" ready.")

    def start_beat(self) -> Worker:
        """The schedule's process; only with Redis."""
        return self._start_worker("beat", ["beat", "-l", "INFO", "--pidfile="], ready="is starting.")

    def _start_worker(self, name: str, arguments: list[str], *, ready: str) -> Worker:
        assert "IMAGELIB_REDIS_URL" in self.env, "without Redis the server runs the jobs itself"
        self.prepare()
        worker = Worker(name, self.directory / name, arguments=arguments, env=self.env, ready=ready, root=self.root)
        self.workers.append(worker)
        worker.start()
        return worker

    # --- people ------------------------------------------------------------------------------------------------------

    def create_user(self, name: str, password: str = "user-s3cret-of-the-tests", *, staff: bool = False) -> str:
        """A user who can log in. Returns the password."""
        text = (
            "from django.contrib.auth import get_user_model as m\n"
            f"m().objects.create_user({name!r}, password={password!r}, is_staff={staff!r})"
        )
        done = self.manage("shell", "--no-imports", "-c", text)
        assert done.returncode == 0, done.stderr
        return password

    def api(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        user: str | None = ADMIN,
        password: str | None = None,
        timeout: float = 30.0,
        **options: Any,
    ) -> requests.Response:
        """One request of the API; `user=None` is anonymous, anybody else logs in once."""
        headers = dict(options.pop("headers", {}))
        if user is not None:
            headers["Authorization"] = f"Bearer {self.token(user, password)}"
        with self._session() as session:
            return session.request(method, self.url + path, json=json, headers=headers, timeout=timeout, **options)

    def token(self, user: str = ADMIN, password: str | None = None) -> str:
        """The user's access token."""
        if user not in self._tokens:
            secret = password or (self.admin_password if user == ADMIN else "user-s3cret-of-the-tests")
            with self._session() as session:
                answer = session.post(f"{self.url}/api/token/", json={"username": user, "password": secret}, timeout=30)
            answer.raise_for_status()
            self._tokens[user] = answer.json()["access"]
        return self._tokens[user]

    def wait_for_pull(self, pk: int, *states: str, timeout: float = 60.0) -> dict[str, Any]:
        """The snapshot, once the pull is in one of `states` (none given: in a final one)."""
        wanted = states or ("succeeded", "failed", "cancelled")
        seen: dict[str, Any] = {}

        def reached() -> bool:
            seen.update(self.api("GET", f"/api/pulls/{pk}/").json())
            return seen.get("state") in wanted

        wait_until(f"pull {pk} to be {' or '.join(wanted)}", reached, timeout=timeout, step=0.1)
        return seen

    @staticmethod
    def _session() -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        return session
