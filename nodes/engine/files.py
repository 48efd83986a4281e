"""Files inside a container, to look at and to put there. It need not run, nor ever have been started: its mounts are
there anyhow."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

import docker.errors
import requests

from .archive import MOST_HOPS, PathStat, first_file, follow, packed, path_stat
from .client import EngineClient
from .container_types import FileStat
from .transport import CHUNK

_NO_WAY = ("too many links", "too many levels of symbolic links", "not a directory")
T = TypeVar("T")


def read_container_file(client: EngineClient, container: str, path: str, *, limit: int) -> bytes | None:
    """Links are followed by where the engine says that they lead: within the container, not on the node."""

    def content(_path: str, stat: PathStat, response: requests.Response) -> bytes | None:
        return first_file(response.iter_content(CHUNK), limit=limit) if stat.is_file else None

    return _at_the_end(client, "GET", container, path, content)


def stat_container_file(client: EngineClient, container: str, path: str) -> FileStat | None:
    """Without the content, which for a directory is everything in it."""

    def described(path: str, stat: PathStat, _response: requests.Response) -> FileStat:
        return FileStat(path, stat.is_file, stat.is_directory, stat.mode & 0o777, stat.size, stat.modified)

    return _at_the_end(client, "HEAD", container, path, described)


def put_container_files(
    client: EngineClient, container: str, files: Mapping[str, bytes], *, directories: Collection[str]
) -> None:
    url = client._url("/containers/{0}/archive", container)
    query = {"path": "/", "noOverwriteDirNonDir": "1"}
    client._raise_for_status(client._put(url, params=query, data=packed(files, directories)))


def _at_the_end(
    client: EngineClient, method: str, container: str, path: str, use: Callable[[str, PathStat, requests.Response], T]
) -> T | None:
    """What `use` makes of the path that no link leads on from; None when there is no such path."""
    url = client._url("/containers/{0}/archive", container)
    for _hop in range(MOST_HOPS):
        try:
            with client.reading(method, url, query={"path": path}) as response:
                stat = path_stat(response.headers.get("X-Docker-Container-Path-Stat"))
                if not stat.is_link:
                    return use(path, stat, response)
                path = follow(path, stat.link_target)
        except docker.errors.APIError as error:
            if method == "HEAD":  # a refusal without words: ask for them
                method = "GET"
            elif _means_no_file(error):
                return None
            else:
                raise
    return None


def _means_no_file(error: docker.errors.APIError) -> bool:
    """Links in a circle and paths through a file are no 404 for every engine."""
    words = str(error.explanation).lower()
    if error.status_code == 404:
        return "no such container" not in words
    return any(reason in words for reason in _NO_WAY)
