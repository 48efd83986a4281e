"""Products for the tests of pulls: one for each module, with the module's `PRODUCT_ENV`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.integration.pull_bed import PullBed
from tests.services.engine_bed import EngineBed
from tests.services.images import ImageSpec
from tests.services.postgres import PostgresServer
from tests.services.product import Product
from tests.services.redis import RedisServer
from tests.services.registries import Registries

_numbers = count(1)
_FAST = {"IMAGELIB_LOG_LEVEL": "INFO"}
# What takes longest begins first, so that no process of the tests waits long for another at the end.
_LONGEST = (
    "builds", "pull_processes", "pull_failures", "transfers", "pull_success", "commands", "pull_restarts",
    "instance_processes", "pull_concurrency", "production_shape", "nodes", "pull_cancel", "instance_events",
    "instances", "preflight",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {f"test_{name}": rank for rank, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.stem, len(ranks)))


@pytest.fixture(scope="module", autouse=True)
def _nothing_inherited(engine_bed: EngineBed) -> None:
    """A file finds no containers on the shared engine, whichever files used it before in this process."""
    if engine_bed.shared is not None:
        engine_bed.shared.remove_containers()


def _environment(request: pytest.FixtureRequest) -> dict[str, str]:
    return {**_FAST, **getattr(request.module, "PRODUCT_ENV", {})}


def embedded_bed(directory: Path, env: dict[str, str]) -> PullBed:
    """One process with everything in it, on SQLite."""
    product = Product(directory / f"embedded{next(_numbers)}", env, name="embedded")
    product.start()
    return PullBed(product)


def separate_bed(
    directory: Path, env: dict[str, str], redis: RedisServer, postgres: PostgresServer, *, transfers: int = 1
) -> PullBed:
    """Web, schedule and workers as processes of their own, on PostgreSQL and Redis."""
    number = next(_numbers)
    database = postgres.create_database(f"product{number}")
    product = Product(
        directory / f"separate{number}", env, redis_url=redis.url_for(number), database_url=database, name="web"
    )
    try:
        product.start()
        for _worker in range(transfers):
            product.start_worker("transfers", concurrency=16)
        product.start_worker("control", concurrency=4)
        product.start_beat()
    except BaseException:
        product.close()
        raise
    return PullBed(product)


@pytest.fixture(scope="module")
def embedded(request: pytest.FixtureRequest, session_dir: Path) -> Iterator[PullBed]:
    """The product without Redis."""
    with closing(embedded_bed(session_dir, _environment(request))) as bed:
        yield bed


@pytest.fixture(scope="module")
def separate(
    request: pytest.FixtureRequest, session_dir: Path, redis_server: RedisServer, postgres: PostgresServer
) -> Iterator[PullBed]:
    """The product with Redis and PostgreSQL."""
    with closing(separate_bed(session_dir, _environment(request), redis_server, postgres)) as bed:
        yield bed


@pytest.fixture(scope="module", params=["embedded", "separate"])
def bed(request: pytest.FixtureRequest) -> Any:
    """The same test in both ways to run the product."""
    return request.getfixturevalue(request.param)


OWN_PRELOAD = "/opt/own.so"


@pytest.fixture(scope="session")
def glibc_image(registries: Registries) -> str:
    """Reference of an image in which programs of this machine run, and which preloads a library of its own."""
    environment = ("PATH=/usr/bin:/bin", f"LD_PRELOAD={OWN_PRELOAD}")
    registries.open.push_image(ImageSpec("team/cuda", "1", busybox=False, glibc=True, environment=environment))
    return registries.open.reference("team/cuda:1")


@pytest.fixture
def own_embedded(request: pytest.FixtureRequest, session_dir: Path) -> Iterator[Callable[..., PullBed]]:
    """`own_embedded(**env)`: a product for one test alone."""
    with ExitStack() as stack:
        yield lambda **env: stack.enter_context(closing(embedded_bed(session_dir, {**_environment(request), **env})))


@pytest.fixture
def own_separate(
    request: pytest.FixtureRequest, session_dir: Path, redis_server: RedisServer, postgres: PostgresServer
) -> Iterator[Callable[..., PullBed]]:
    """`own_separate(transfers=2, **env)`: the same with Redis and PostgreSQL."""
    with ExitStack() as stack:

        def start(*, transfers: int = 1, **env: str) -> PullBed:
            values = {**_environment(request), **env}
            made = separate_bed(session_dir, values, redis_server, postgres, transfers=transfers)
            return stack.enter_context(closing(made))

        yield start
