"""Free space, asked of a real engine with a disk of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from nodes.engine import Engine, EngineEndpoint, connect

if TYPE_CHECKING:
    from tests.services.engine import RealEngine
    from tests.services.registries import Registries

pytestmark = pytest.mark.real
MB = 1_000_000


@pytest.fixture(scope="module")
def small_disk(engine_bed: object) -> Iterator[RealEngine]:
    from contextlib import closing

    from tests.services.engine_bed import EngineBed

    assert isinstance(engine_bed, EngineBed)
    with closing(engine_bed.start_engine(disk_mb=200)) as engine:
        yield engine


def pull(connection: Engine, reference: str) -> None:
    repository, _, tag = reference.rpartition(":")
    with connection.pull(repository, tag_or_digest=tag, auth=None) as stream:
        list(stream)


@pytest.mark.parametrize("way", ["unix", "tcp"])
def test_free_space_of_the_engines_own_disk(small_disk: RealEngine, registries: Registries, way: str) -> None:
    """The unix way must not measure our file system: the engine has mounted its disk where we do not see it."""
    address = small_disk.unix_url if way == "unix" else small_disk.tcp_url
    small_disk.wipe()
    with connect(EngineEndpoint(address)) as connection:
        assert connection.disk_free() is None  # no image yet: nobody can say
        pull(connection, registries.open.reference("team/armplain:1"))
        pull(connection, registries.open.reference("team/tiny:1"))
        space = connection.disk_free()
        assert space is not None
        assert 150 * MB < space.total < 250 * MB
        assert 100 * MB < space.free <= space.total
        small_disk.fill_disk(leave_mb=20)
        try:
            less = connection.disk_free()
        finally:
            small_disk.free_disk()
    assert less is not None and less.free < 21 * MB
    assert small_disk.get("/containers/json?all=1") == []


def test_an_engine_on_this_machine_is_asked_without_a_container(
    own_engine: Callable[..., RealEngine],
) -> None:
    engine = own_engine()
    with connect(EngineEndpoint(engine.unix_url)) as connection:
        space = connection.disk_free()
        over_tcp = None
        with connect(EngineEndpoint(engine.tcp_url)) as other:
            over_tcp = other.disk_free()
    assert space is not None and 0 < space.free <= space.total
    assert over_tcp is None  # no image to ask with
