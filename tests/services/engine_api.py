"""What an engine says when asked without the product: plain HTTP over its unix socket."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import urllib.parse
from pathlib import Path
from typing import Any


class EngineApi:
    """Raw client of one engine. `timeout` in seconds is for each wait on the socket."""

    def __init__(self, socket_path: Path, timeout: float = 60.0) -> None:
        self.socket_path, self.timeout = socket_path, timeout

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Status and whole body of one answer. Raises OSError when the engine is not there."""
        connection = _UnixConnection(self.socket_path, self.timeout)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def answers(self) -> bool:
        """Whether the engine is up."""
        try:
            return EngineApi(self.socket_path, timeout=2).request("GET", "/_ping")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def get(self, path: str) -> Any:
        """Parsed JSON of a GET. Raises AssertionError on another status than 200."""
        status, body = self.request("GET", path)
        assert status == 200, f"GET {path}: {status} {body.decode(errors='replace')}"
        return json.loads(body)

    def inspect(self, reference: str) -> dict[str, Any] | None:
        """The image as the engine describes it, or None."""
        status, body = self.request("GET", f"/images/{urllib.parse.quote(reference, safe='/:@')}/json")
        return json.loads(body) if status == 200 else None

    def references(self) -> list[str]:
        """Every tag that the engine has."""
        images = self.get("/images/json")
        return sorted(tag for image in images for tag in image["RepoTags"] or [] if tag != "<none>:<none>")

    def remove_image(self, reference: str) -> None:
        self.request("DELETE", f"/images/{urllib.parse.quote(reference, safe='/:@')}?force=1")

    def remove_containers(self) -> None:
        """All of them, with all volumes."""
        for container in self.get("/containers/json?all=1"):
            self.request("DELETE", f"/containers/{container['Id']}?force=1&v=1")
        for volume in self.get("/volumes")["Volumes"] or []:
            self.request("DELETE", f"/volumes/{volume['Name']}?force=1")

    def wipe(self) -> None:
        """Remove all containers, volumes and images, and what builds would find again."""
        self.remove_containers()
        for image in self.get("/images/json"):
            for name in image["RepoTags"] or [image["Id"]]:
                self.remove_image(image["Id"] if name == "<none>:<none>" else name)
        self.request("POST", "/build/prune?all=1")
        self.request("POST", "/images/prune?" + urllib.parse.urlencode({"filters": '{"dangling":["false"]}'}))

    def pull(self, reference: str, username: str | None = None, password: str | None = None) -> list[dict[str, Any]]:
        """All events of a pull. A refusal before the first event is one event with `error` and `status_code`."""
        headers = {}
        if username is not None:
            credentials = json.dumps({"username": username, "password": password})
            headers["X-Registry-Auth"] = base64.urlsafe_b64encode(credentials.encode()).decode()
        query = urllib.parse.urlencode({"fromImage": reference})
        status, body = self.request("POST", f"/images/create?{query}", headers=headers)
        if status != 200:
            return [{"error": json.loads(body)["message"], "status_code": status}]
        return [json.loads(line) for line in body.splitlines() if line.strip()]


def outcome(events: list[dict[str, Any]]) -> str:
    """How a pull ended: the error of its last event, or the status."""
    return str(events[-1].get("error") or events[-1]["status"])


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
