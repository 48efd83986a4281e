"""Reading one file inside a container. It need not run, nor ever have been started: its mounts are there anyhow."""

from __future__ import annotations

import docker.errors

from .archive import MOST_HOPS, first_file, follow, path_stat
from .client import EngineClient
from .transport import CHUNK

_NO_WAY = ("too many links", "too many levels of symbolic links", "not a directory")


def read_container_file(client: EngineClient, container: str, path: str, *, limit: int) -> bytes | None:
    """Links are followed by where the engine says that they lead: within the container, not on the node."""
    for _hop in range(MOST_HOPS):
        try:
            found = _read(client, container, path, limit)
        except docker.errors.APIError as error:
            if not _means_no_file(error):
                raise
            return None
        if not isinstance(found, str):
            return found
        path = found
    return None


def _means_no_file(error: docker.errors.APIError) -> bool:
    """Links in a circle and paths through a file are no 404 for every engine."""
    words = str(error.explanation).lower()
    if error.status_code == 404:
        return "no such container" not in words
    return any(reason in words for reason in _NO_WAY)


def _read(client: EngineClient, container: str, path: str, limit: int) -> bytes | str | None:
    """The file's bytes, the path that it is a link to, or None."""
    url = client._url("/containers/{0}/archive", container)
    with client.reading("GET", url, query={"path": path}) as response:
        stat = path_stat(response.headers.get("X-Docker-Container-Path-Stat"))
        if stat.is_link:
            return follow(path, stat.link_target)
        if not stat.is_file:
            return None
        return first_file(response.iter_content(CHUNK), limit=limit)
