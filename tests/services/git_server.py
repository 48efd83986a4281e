"""A git server over HTTP: git's own backend behind a small web server, and what can go wrong with one."""

from __future__ import annotations

import base64
import http.server
import os
import ssl
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from tests.services.certs import Pair
from tests.services.ports import LOOPBACK, free_port
from tests.services.process import clean_environment
from tests.services.requirements import program


def git(*arguments: str, at: Path, stdin: bytes = b"", **environment: str) -> str:
    """Run git with nothing of the developer's configuration. Returns what it printed."""
    told = {
        "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.com",
        "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.com",
    }  # fmt: skip
    done = subprocess.run(
        [program("git"), *arguments],
        cwd=at,
        env=clean_environment(**{**told, **environment}),
        input=stdin,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


class Repository:
    """A bare repository of the server with a clone to work in."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.bare = folder / "bare" / f"{name}.git"
        self.work = folder / "work" / name
        self.bare.mkdir(parents=True)
        git("init", "--bare", "--initial-branch=main", ".", at=self.bare)
        git("config", "http.receivepack", "true", at=self.bare)
        self.work.mkdir(parents=True)
        git("init", "--initial-branch=main", ".", at=self.work)

    def write(self, files: Mapping[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, files: Mapping[str, str | bytes] | None = None, *, branch: str = "main") -> str:
        """Put the files into a commit of the branch on the server; returns its id."""
        self.write(files or {})
        git("checkout", "-q", "-B", branch, at=self.work)
        git("add", "--all", at=self.work)
        git("commit", "-q", "--allow-empty", "-m", "files", at=self.work)
        git("push", "-q", "--force", str(self.bare), branch, at=self.work)
        return git("rev-parse", "HEAD", at=self.work)


class GitServer:
    """Web server in a thread. `users`: who may read and write; nobody: everybody. `pair`: for HTTPS."""

    def __init__(self, folder: Path, *, users: Mapping[str, str] | None = None, pair: Pair | None = None) -> None:
        self.folder, self.users, self.port, self._pair = folder, dict(users or {}), free_port(), pair
        self.requests: list[tuple[str, str]] = []  # (method and path, the Authorization header)
        self.stalled = threading.Event()  # set: answers stop in the middle until the server is closed
        self.redirect_to = ""  # base URL that every request is sent to instead
        self.moved: dict[str, str] = {}  # old path of a repository → where its requests are sent
        self.spoil: Callable[[bytes], bytes] = lambda content: content  # changes packs
        self.instead: tuple[int, str, bytes] | None = None  # status, type and body of every answer
        self._ended = threading.Event()
        handler = type("Handler", (_Handler,), {"git": self})
        self._server = http.server.ThreadingHTTPServer((LOOPBACK, self.port), handler)
        self._server.daemon_threads = True
        if pair:
            self._server.socket = _tls_context(folder, pair).wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http{'s' if self._pair else ''}://{LOOPBACK}:{self.port}"

    def url_of(self, repository: Repository) -> str:
        return f"{self.url}/{repository.name}.git"

    def repository(self, name: str = "team/images") -> Repository:
        return Repository(self.folder, name)

    def wait_for_the_end(self) -> None:
        self._ended.wait(600)

    def close(self) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    git: GitServer

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        """Silent: `requests` is the log."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.git.requests.append((f"{self.command} {self.path}", self.headers.get("Authorization", "")))
        moved = next((old for old in self.git.moved if self.path.startswith(old)), "")
        if self.git.redirect_to or moved:
            path = self.path.replace(moved, self.git.moved.get(moved, ""), 1)
            self._send(302, {"Location": self.git.redirect_to + path}, b"")
        elif self.git.instead:
            status, kind, content = self.git.instead
            self._send(status, {"Content-Type": kind}, content)
        elif self.git.users and not self._is_known():
            self._send(401, {"WWW-Authenticate": 'Basic realm="git"'}, b"")
        else:
            self._serve(body)

    def _is_known(self) -> bool:
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        username, _, password = base64.b64decode(value).decode().partition(":") if scheme == "Basic" else ("", "", "")
        return bool(username) and self.git.users.get(username) == password

    def _serve(self, body: bytes) -> None:
        """Run the backend as CGI wants it."""
        parts = urlsplit(self.path)
        done = subprocess.run(
            [program("git"), "http-backend"],
            env=clean_environment(
                GIT_PROJECT_ROOT=str(self.git.folder / "bare"), GIT_HTTP_EXPORT_ALL="1", PATH_INFO=parts.path,
                QUERY_STRING=parts.query, REQUEST_METHOD=self.command, REMOTE_USER="tester",
                CONTENT_TYPE=self.headers.get("Content-Type", ""), CONTENT_LENGTH=str(len(body)),
                GIT_PROTOCOL=self.headers.get("Git-Protocol", ""),
                HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding", ""),
                GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_NOSYSTEM="1", REMOTE_ADDR=LOOPBACK,
            ),
            input=body, capture_output=True, check=False,
        )  # fmt: skip
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        status = int(headers.pop("Status", "200").split()[0])
        self._send(status, headers, self.git.spoil(content) if b"PACK" in content else content)

    def _send(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.git.stalled.is_set():
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            self.git.wait_for_the_end()
            return
        self.wfile.write(content)


def _tls_context(folder: Path, pair: Pair) -> ssl.SSLContext:
    path = folder / "pair.pem"
    path.write_text(pair.cert + pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
