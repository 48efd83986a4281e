"""Makes the engines of a test session: they share certificates and a name server that knows no names."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from tests.services.dns import EmptyNameServer
from tests.services.engine import RealEngine
from tests.services.engine_setup import EngineCertificates, EngineOptions


class EngineBed:
    """`mirror`: URL of the registry that stands in for Docker Hub, unless an engine's options name another."""

    def __init__(self, directory: Path, *, mirror: str | None = None) -> None:
        self._directory, self._mirror = directory, mirror
        self._name_server = EmptyNameServer()
        self.shared: RealEngine | None = None  # the one that all files of a process use, once it runs

    @cached_property
    def certificates(self) -> EngineCertificates:
        return EngineCertificates.make()

    def start_engine(self, **options: Any) -> RealEngine:
        """A new engine, up and answering; see EngineOptions. The caller closes it."""
        settings = EngineOptions(**{"mirror": self._mirror, **options})
        engine = RealEngine(self._directory, self.certificates, self._name_server.address, settings)
        try:
            engine.start()
        except BaseException:
            engine.close()
            raise
        return engine

    def close(self) -> None:
        self._name_server.close()
