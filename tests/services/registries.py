"""The four registries of a test session; each starts when it is first asked for."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TypeVar

from tests.services.images import ImageStore
from tests.services.registry import BasicRegistry, Registry, TlsRegistry, TokenRegistry

AnyRegistry = TypeVar("AnyRegistry", bound=Registry)


class Registries:
    """`images` is the store that all four are filled from."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._started: list[Registry] = []
        self.images = ImageStore(directory / "blobs")

    @cached_property
    def open(self) -> Registry:
        """Anonymous."""
        return self._start(Registry("open", self._directory, self.images))

    @cached_property
    def basic(self) -> BasicRegistry:
        """User name and password."""
        return self._start(BasicRegistry("basic", self._directory, self.images))

    @cached_property
    def token(self) -> TokenRegistry:
        """Bearer tokens."""
        return self._start(TokenRegistry("token", self._directory, self.images))

    @cached_property
    def tls(self) -> TlsRegistry:
        """HTTPS with an authority of its own."""
        return self._start(TlsRegistry("tls", self._directory, self.images))

    def close(self) -> None:
        for registry in self._started:
            registry.close()

    def _start(self, registry: AnyRegistry) -> AnyRegistry:
        self._started.append(registry)
        registry.start()
        return registry
