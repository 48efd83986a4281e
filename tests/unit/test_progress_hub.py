"""The hub: late viewers see the present, slow ones the newest, everybody only what is new to them."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterable
from typing import Any

import pytest
from django.db import OperationalError

from core.progress import Hub, encode


class Rows:
    """A table of versions; counts how often it is read."""

    def __init__(self, **versions: int) -> None:
        self.versions = {int(name[1:]): version for name, version in versions.items()}
        self.reads = self.pictures_made = 0
        self.failing = 0

    def read(self, ids: Iterable[int]) -> dict[int, int]:
        self.reads += 1
        if self.failing:
            self.failing -= 1
            raise OperationalError("the database is away")
        return {pk: self.versions[pk] for pk in ids if pk in self.versions}

    def picture(self, ids: Iterable[int], language: str, operator: bool) -> dict[int, dict[str, Any]]:
        self.pictures_made += 1
        return {pk: {"id": pk, "version": self.versions[pk], "language": language, "operator": operator} for pk in ids}


def hub_of(rows: Rows, *, look_every: float = 0.01) -> Hub:
    return Hub(versions=rows.read, pictures=rows.picture, look_every=look_every)


async def poller_ended(hub: Hub) -> None:
    """Nobody watches, so nobody polls."""
    assert hub._task is not None
    await asyncio.wait_for(hub._task, 60)


async def next_picture(stream: Any) -> dict[str, Any]:
    while True:
        chunk = (await asyncio.wait_for(anext(stream), 60)).decode()
        if "data: " in chunk:
            return json.loads(chunk.partition("data: ")[2])


def test_a_late_viewer_sees_the_present_state_at_once_and_then_each_change() -> None:
    async def scenario() -> None:
        rows = Rows(p1=7)
        stream = hub_of(rows).watch([1], language="en", seen={})
        assert (await next_picture(stream))["version"] == 7
        rows.versions[1] = 8
        assert (await next_picture(stream))["version"] == 8
        await stream.aclose()

    asyncio.run(scenario())


def test_word_of_a_change_makes_it_look_at_once() -> None:
    async def scenario() -> None:
        rows = Rows(p1=7)
        hub = hub_of(rows, look_every=3600)
        stream = hub.watch([1], language="en", seen={})
        assert (await next_picture(stream))["version"] == 7
        await asyncio.sleep(0.1)  # by now it waits for word
        rows.versions[1] = 8
        threading.Thread(target=hub.look).start()
        assert (await next_picture(stream))["version"] == 8
        await stream.aclose()

    asyncio.run(scenario())


def test_who_comes_later_does_not_wait_for_a_change() -> None:
    async def scenario() -> None:
        rows = Rows(p1=7)
        hub = hub_of(rows, look_every=3600)
        first = hub.watch([1], language="en", seen={})
        assert (await next_picture(first))["version"] == 7
        await asyncio.sleep(0.1)
        second = hub.watch([1], language="en", seen={})
        assert (await next_picture(second))["version"] == 7
        await first.aclose()
        await second.aclose()

    asyncio.run(scenario())


def test_the_listener_is_registered_once_for_the_life_of_the_process() -> None:
    async def scenario() -> None:
        rows, listeners = Rows(p1=7), []
        hub = Hub(versions=rows.read, pictures=rows.picture, listen=listeners.append, look_every=0.01)
        for _ in range(2):
            stream = hub.watch([1], language="en", seen={})
            await next_picture(stream)
            await stream.aclose()
            await poller_ended(hub)
        assert listeners == [hub.look]
        hub.look()  # nobody is there to look for

    asyncio.run(scenario())


def test_a_reconnect_gets_only_what_is_new_to_it() -> None:
    async def scenario() -> None:
        rows = Rows(p1=7)
        stream = hub_of(rows).watch([1], language="en", seen={1: 7})
        waiting = asyncio.ensure_future(next_picture(stream))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        rows.versions[1] = 9
        assert (await waiting)["version"] == 9
        await stream.aclose()

    asyncio.run(scenario())


def test_a_slow_reader_skips_to_the_newest_picture() -> None:
    async def scenario() -> None:
        rows = Rows(p1=1)
        stream = hub_of(rows).watch([1], language="en", seen={})
        assert (await next_picture(stream))["version"] == 1
        for version in range(2, 40):
            rows.versions[1] = version
            await asyncio.sleep(0.012)
        reads = rows.reads
        while rows.reads < reads + 2:  # the first of them that begins now has delivered the last version
            await asyncio.sleep(0.01)
        assert (await next_picture(stream))["version"] == 39
        await stream.aclose()

    asyncio.run(scenario())


def test_operators_get_pictures_of_their_own() -> None:
    async def scenario() -> None:
        hub = hub_of(Rows(p1=1))
        streams = [hub.watch([1], language="en", operator=truth, seen={}) for truth in (True, False)]
        pictures = await asyncio.gather(*(next_picture(stream) for stream in streams))
        assert [picture["operator"] for picture in pictures] == [True, False]
        await asyncio.gather(*(stream.aclose() for stream in streams))

    asyncio.run(scenario())


def test_many_viewers_cost_one_poller_and_one_picture_per_language() -> None:
    async def scenario() -> None:
        rows = Rows(p1=1)
        hub = hub_of(rows)
        streams = [hub.watch([1], language="en" if n % 2 else "zh-hans", seen={}) for n in range(50)]
        pictures = await asyncio.gather(*(next_picture(stream) for stream in streams))
        assert {picture["language"] for picture in pictures} == {"en", "zh-hans"}
        assert hub.watching == 50
        assert rows.pictures_made <= 6
        await asyncio.gather(*(stream.aclose() for stream in streams))
        assert hub.watching == 0
        await poller_ended(hub)

    asyncio.run(scenario())


def test_viewers_see_only_their_own_rows() -> None:
    async def scenario() -> None:
        rows = Rows(p1=1, p2=1)
        hub = hub_of(rows)
        one, two = hub.watch([1], language="en", seen={}), hub.watch([2], language="en", seen={})
        assert (await next_picture(one))["id"] == 1
        assert (await next_picture(two))["id"] == 2
        await one.aclose()
        await two.aclose()

    asyncio.run(scenario())


def test_a_database_that_is_away_for_a_while_ends_no_stream() -> None:
    async def scenario() -> None:
        rows = Rows(p1=3)
        rows.failing = 3
        stream = hub_of(rows).watch([1], language="en", seen={})
        assert (await next_picture(stream))["version"] == 3
        await stream.aclose()

    asyncio.run(scenario())


def test_a_viewer_who_comes_while_the_poller_puts_its_things_away_is_served() -> None:
    async def scenario() -> None:
        hub, gate = hub_of(Rows(p1=7)), threading.Event()
        first = hub.watch([1], language="en", seen={})
        await next_picture(first)
        hub._reader.submit(gate.wait, 5)  # closing the connections takes a while
        await first.aclose()
        await asyncio.sleep(0.1)  # the poller has seen that nobody watches
        second = hub.watch([1], language="en", seen={})
        arriving = asyncio.ensure_future(next_picture(second))
        await asyncio.sleep(0.05)
        gate.set()
        assert (await arriving)["version"] == 7
        await second.aclose()

    asyncio.run(scenario())


def test_closing_ends_every_stream() -> None:
    async def scenario() -> None:
        hub = hub_of(Rows(p1=1))
        stream = hub.watch([1], language="en", seen={})
        await next_picture(stream)
        hub.close()
        with pytest.raises(StopAsyncIteration):
            while True:
                await asyncio.wait_for(anext(stream), 60)

    asyncio.run(scenario())


def test_an_event_carries_the_version_as_its_id() -> None:
    assert (
        encode({"version": 5, "name": "镜像"}).decode()
        == 'id: 5\nevent: snapshot\ndata: {"version": 5, "name": "镜像"}\n\n'
    )
