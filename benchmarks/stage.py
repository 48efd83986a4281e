"""The real services that a benchmark measures: engines, registries, PostgreSQL, Redis and the product itself."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack, closing
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from cryptography.fernet import Fernet

from tests.integration.pull_bed import PullBed
from tests.services import guardian
from tests.services.engine import RealEngine
from tests.services.engine_bed import EngineBed
from tests.services.fault_proxy import FaultProxy
from tests.services.ports import LOOPBACK
from tests.services.postgres import PostgresServer
from tests.services.product import Product
from tests.services.redis import RedisServer
from tests.services.registries import Registries
from tests.services.registry import Registry

# As in production; with DEBUG Django keeps every query in memory and the numbers would be others.
PRODUCTION = {
    "IMAGELIB_DEBUG": "off",
    "IMAGELIB_SECRET_KEY": "a-key-of-the-benchmarks-that-is-long-enough-to-sign-with",
    "IMAGELIB_FIELD_KEYS": Fernet.generate_key().decode(),
    "IMAGELIB_KUSCIA_TOKEN": "token-of-the-benchmarks",
    "IMAGELIB_ALLOWED_HOSTS": "127.0.0.1",
    "IMAGELIB_LOG_LEVEL": "WARNING",
}


class Stage:
    """Everything starts when first asked for, and ends with the `with` block."""

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        self.directory = Path(tempfile.mkdtemp(prefix="imagelib-benchmark-", dir="/var/tmp"))
        self.directory.chmod(0o711)  # PostgreSQL's user passes through
        guardian.watch_directory(self.directory)
        self._stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @cached_property
    def registries(self) -> Registries:
        return self._stack.enter_context(closing(Registries(self.directory)))

    @cached_property
    def _engines(self) -> EngineBed:
        return self._stack.enter_context(closing(EngineBed(self.directory, mirror=self.registries.open.url)))

    @cached_property
    def postgres(self) -> PostgresServer:
        return self._started(PostgresServer(self.directory))

    @cached_property
    def redis(self) -> RedisServer:
        return self._started(RedisServer(self.directory))

    def engine(self, **options: Any) -> RealEngine:
        return self._stack.enter_context(closing(self._engines.start_engine(**options)))

    def proxy(self, registry: Registry) -> FaultProxy:
        """In front of the registry, for limits on its speed."""
        return self._started(FaultProxy((LOOPBACK, registry.port)))

    def product(self, mode: str, **env: str) -> PullBed:
        """`embedded`: one process on SQLite. `separate`: web, two workers and schedule on PostgreSQL and Redis. `web`:
        the same without workers and schedule."""
        number = len(list(self.directory.glob("product*"))) + 1
        place, values = self.directory / f"product{number}", PRODUCTION | env
        if mode == "embedded":
            product = Product(place, values)
            self._stack.enter_context(closing(product))
            product.start()
            return PullBed(product)
        url = self.postgres.create_database(f"product{number}")
        product = Product(place, values, redis_url=self.redis.url_for(number), database_url=url)
        self._stack.enter_context(closing(product))
        product.start()
        if mode == "separate":
            product.start_worker("transfers", concurrency=32)
            product.start_worker("control", concurrency=16)
            product.start_beat()
        return PullBed(product)

    def second_web(self, bed: PullBed) -> PullBed:
        """Another web process on the same database and Redis."""
        product = Product(self.directory / "second", bed.product.env | {"IMAGELIB_PORT": ""}, name="web2")
        product.env |= bed.product.env | {"IMAGELIB_PORT": str(product.port)}
        product.env["IMAGELIB_DATA_DIR"] = str(product.directory / "data")
        self._stack.enter_context(closing(product))
        product.start()
        return PullBed(product)

    def _started(self, service: Any) -> Any:
        self._stack.enter_context(closing(service))
        service.start()
        return service
