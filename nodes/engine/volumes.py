"""The part of `DockerEngine` that is about volumes."""

from __future__ import annotations

from collections.abc import Mapping

import docker.errors

from .client import EngineClient
from .container_answers import volume_names
from .names import is_name, label_filters
from .translate import translated


class VolumeCalls:
    """All methods: see `Engine`."""

    _client: EngineClient

    def create_volume(self, name: str, *, labels: Mapping[str, str]) -> None:
        with translated():
            self._client.create_volume(name, driver="local", labels=dict(labels))

    def remove_volume(self, name: str) -> bool:
        if not is_name(name):
            return False
        with translated():
            try:
                self._client.remove_volume(name)
            except docker.errors.NotFound:
                return False
            return True

    def list_volumes(self, *, labels: Mapping[str, str]) -> list[str]:
        with translated():
            return volume_names(self._client.volumes(filters={"label": label_filters(labels)}))
