"""Images out of one real engine and into another, on every kind of connection."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from nodes.engine import EngineEndpoint, EngineError, EngineRejected, connect
from tests.contract.test_real_pulls import endpoints

if TYPE_CHECKING:
    from tests.services.engine import RealEngine
    from tests.services.registries import Registries

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def reference(module_engine: RealEngine, registries: Registries) -> str:
    """On `module_engine`, from which the tests take it."""
    reference = registries.open.reference("team/mid:1")
    with connect(EngineEndpoint(module_engine.unix_url)) as source:
        repository, _, tag = reference.rpartition(":")
        with source.pull(repository, tag_or_digest=tag, auth=None) as stream:
            assert list(stream)
    return reference


@pytest.mark.parametrize("way", ["unix", "tcp", "tls"])
def test_an_image_goes_from_one_engine_to_another(
    module_engine: RealEngine, engine: RealEngine, reference: str, way: str
) -> None:
    engine.wipe()
    with (
        connect(endpoints(module_engine)[way]) as source,
        connect(endpoints(engine)[way]) as target,
        source.save_image(reference) as saved,
        target.load_image(saved.chunks()) as loading,
    ):
        events = [event for event in loading if event is not None]
        assert [event.loaded for event in events if event.loaded] == [reference]
        there, here = source.inspect_image(reference), target.inspect_image(reference)
    assert there is not None and here is not None
    assert (here.id, here.diff_ids, here.platform) == (there.id, there.diff_ids, "linux/amd64")
    assert any(event.status == "Loading layer" and event.current and event.total for event in events)


@pytest.mark.parametrize("way", ["unix", "tcp", "tls"])
def test_an_engine_that_refuses_in_the_middle_says_why(
    module_engine: RealEngine, reference: str, own_engine: Callable[..., RealEngine], way: str
) -> None:
    """It does not read to the end, so the connection breaks under the one who writes."""
    small = own_engine(disk_mb=15)
    with (
        connect(endpoints(module_engine)["unix"]) as source,
        connect(endpoints(small)[way]) as target,
        source.save_image(reference) as saved,
        target.load_image(saved.chunks()) as loading,
        pytest.raises(EngineRejected) as error,
    ):
        list(loading)
    assert "no space left on device" in error.value.evidence


def test_an_engine_that_gives_is_killed(module_engine: RealEngine, engine: RealEngine, reference: str) -> None:
    engine.wipe()
    module_engine.link.limit(500_000)
    try:
        with (
            connect(endpoints(module_engine)["tcp"]) as source,
            connect(endpoints(engine)["unix"]) as target,
            source.save_image(reference) as saved,
        ):
            chunks = saved.chunks()
            first = next(chunks)
            with target.load_image(itertools.chain([first], chunks)) as loading, pytest.raises(EngineError) as error:
                module_engine.kill9()
                list(loading)
            assert error.value.code == "engine_gone" and not isinstance(error.value, EngineRejected)
            assert target.inspect_image(reference) is None
    finally:
        module_engine.link.limit(None)
        module_engine.start()
