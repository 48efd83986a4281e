"""The single process's broker: messages wake their reader, and none is slept through."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from kombu import Connection, Exchange, Queue

from imagelib import memory_broker

EXCHANGE = Exchange("test-broker")


def connect() -> Connection:
    """Only an announcement wakes its readers within the time that a test waits."""
    options = {"polling_interval": 3600}
    return Connection("memory://localhost/", transport="imagelib.memory_broker:Transport", transport_options=options)


@pytest.fixture
def broker() -> Iterator[Connection]:
    with connect() as connection:
        yield connection


def _read(broker: Connection, queue: Queue, into: list[Any]) -> Any:
    consumer = broker.Consumer(queue, callbacks=[lambda body, message: (into.append(body), message.ack())])
    consumer.consume()
    return consumer


def test_a_message_wakes_its_reader(broker: Connection) -> None:
    queue, got = Queue("wakes", EXCHANGE, routing_key="wakes"), list[Any]()
    _read(broker, queue, got)
    reader = threading.Thread(target=broker.drain_events, kwargs={"timeout": 60})
    reader.start()
    time.sleep(0.1)  # by now it waits
    with connect() as sender:
        sender.Producer().publish({"id": 5}, exchange=EXCHANGE, routing_key="wakes", declare=[queue])
    reader.join(30)
    assert not reader.is_alive() and got == [{"id": 5}]


def test_hundreds_of_messages_from_several_senders_all_arrive(broker: Connection) -> None:
    queue, got = Queue("many", EXCHANGE, routing_key="many"), list[Any]()
    _read(broker, queue, got)

    def send(sender_number: int) -> None:
        with connect() as sender:
            producer = sender.Producer()
            for number in range(100):
                producer.publish([sender_number, number], exchange=EXCHANGE, routing_key="many", declare=[queue])

    senders = [threading.Thread(target=send, args=[number]) for number in range(4)]
    for sender in senders:
        sender.start()
    while len(got) < 400:
        broker.drain_events(timeout=60)
    for sender in senders:
        sender.join()
    assert sorted(got) == [[sender, number] for sender in range(4) for number in range(100)]


def test_a_reader_gives_up_after_its_time(broker: Connection) -> None:
    _read(broker, Queue("silent", EXCHANGE, routing_key="silent"), [])
    with pytest.raises(TimeoutError):
        broker.drain_events(timeout=0.05)


def test_the_single_process_uses_it() -> None:
    from imagelib.celery import app

    with app.connection_for_read() as connection:
        assert isinstance(connection.transport, memory_broker.Transport)
