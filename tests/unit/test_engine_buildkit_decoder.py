"""What BuildKit tells of a build."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.engine import BuildEvent, BuildEventKind, EngineError
from nodes.engine.buildkit.decoder import MOST_STEPS, BuildKitDecoder
from nodes.engine.buildkit.status import parts
from nodes.engine.buildkit.wire import as_number, as_text, field, fields, varint
from tests.support.build_streams import engines, recorded, replayed

STEP, OUTPUT, CACHED, DONE, FAILED, PROGRESS, WARNING = (
    getattr(BuildEventKind, name) for name in ("STEP", "OUTPUT", "CACHED", "DONE", "FAILED", "PROGRESS", "WARNING")
)
every_engine = pytest.mark.parametrize("engine", engines())
IMAGE = {"id": "moby.image.id", "aux": {"ID": "sha256:1"}}


def at(seconds: float) -> bytes:
    return field(1, int(seconds)) + field(2, round(seconds % 1 * 1e9))


def vertex(name: str, *, started: float = 0, completed: float = 0, cached: bool = False, error: str = "") -> bytes:
    told = field(1, name) + field(3, name)
    told += field(4, 1) if cached else b""
    told += field(5, at(started)) if started else b""
    told += field(6, at(completed)) if completed else b""
    return field(1, told + (field(7, error) if error else b""))


def status(vertex: str, name: str, word: str = "", current: int = 0, total: int = 0) -> bytes:
    return field(2, field(1, name) + field(2, vertex) + field(3, word) + field(4, current) + field(5, total))


def log(vertex: str, data: bytes, stream: int = 1) -> bytes:
    return field(3, field(1, vertex) + field(3, stream) + field(4, data))


def trace(*told: bytes) -> dict[str, Any]:
    return {"id": "moby.buildkit.trace", "aux": base64.b64encode(b"".join(told)).decode()}


def lines(*messages: Any) -> bytes:
    return b"".join(json.dumps(message).encode() + b"\r\n" for message in messages)


def decode(*told: bytes) -> list[BuildEvent]:
    decoder = BuildKitDecoder()
    events = [event for part in told for event in decoder.feed(lines(trace(part)))]
    return [*events, *decoder.feed(lines(IMAGE)), *decoder.finish()]


def named(events: list[BuildEvent], words: str) -> int:
    return next(event.step for event in events if event.kind == STEP and words in event.text)


@every_engine
def test_a_build(engine: str) -> None:
    decoder = BuildKitDecoder()
    events, error = replayed(decoder, recorded(f"{engine}-buildkit-success"))
    assert not error and decoder.image_id.startswith("sha256:") and len(decoder.image_id) == 71
    begun = list(dict.fromkeys(event.step for event in events if event.kind == STEP))
    assert begun == list(range(1, len(begun) + 1))
    assert {event.step for event in events if event.kind == DONE} == set(begun)
    run = named(events, "RUN echo one; echo two >&2; printf 'three\\rfour\\n'")
    assert sorted(event.text for event in events if event.kind == OUTPUT and event.step == run) == [
        "four",
        "one",
        "two",
    ]
    assert ("three", PROGRESS) in [(event.text, event.kind) for event in events if event.step == run]
    assert "bold" in [event.text for event in events if event.kind == OUTPUT]
    base = named(events, "FROM 127.")
    told = {event.layer: event.total for event in events if event.step == base and event.layer and event.total}
    assert len(told) >= 4 and all(total > 500 for total in told.values() if total)
    spent = [event.seconds for event in events if event.kind == DONE]
    assert all(seconds is not None and 0 <= seconds < 60 for seconds in spent) and max(filter(None, spent)) > 0.05


@every_engine
def test_a_build_that_was_made_before(engine: str) -> None:
    events, error = replayed(BuildKitDecoder(), recorded(f"{engine}-buildkit-cached"))
    assert not error
    cached = {event.step for event in events if event.kind == CACHED}
    assert {named(events, "RUN echo one"), named(events, "COPY file"), named(events, "RUN printf")} <= cached
    assert OUTPUT not in {event.kind for event in events}


@every_engine
def test_a_step_that_fails(engine: str) -> None:
    events, error = replayed(BuildKitDecoder(), recorded(f"{engine}-buildkit-failed-step"))
    assert "echo before && exit 3" in error and error.endswith("exit code: 3")
    run = named(events, "RUN echo before")
    ended = [(event.kind, event.text) for event in events if event.step == run]
    assert [kind for kind, _ in ended] == [STEP, OUTPUT, FAILED]
    assert ended[1][1] == "before" and ended[2][1].endswith("exit code: 3")


@every_engine
def test_a_base_that_is_missing(engine: str) -> None:
    events, error = replayed(BuildKitDecoder(), recorded(f"{engine}-buildkit-no-base"))
    assert "127.0.0.1" in error and error.endswith("not found")
    assert events[-1].kind == FAILED and events[-1].text.endswith("not found")


def test_steps_are_numbered_as_they_begin_and_counted_as_they_are_known() -> None:
    events = decode(vertex("a") + vertex("b") + vertex("c"), vertex("c", started=1), vertex("a", started=2))
    assert [(event.text, event.step, event.steps) for event in events] == [("c", 1, 3), ("a", 2, 3)]


def test_times_are_the_engines() -> None:
    events = decode(vertex("a", started=100.25), vertex("a", started=100.25, completed=103.75))
    assert [(event.kind, event.seconds) for event in events] == [(STEP, None), (DONE, 3.5)]


def test_a_step_may_begin_again() -> None:
    events = decode(
        vertex("a", started=1), vertex("a", started=1, completed=2), vertex("a", started=1, completed=2),
        vertex("a", started=5, completed=5, cached=True), vertex("a", started=7), vertex("a", started=7, completed=9),
    )  # fmt: skip
    assert [(event.kind, event.step, event.seconds) for event in events] == [
        (STEP, 1, None), (DONE, 1, 1.0), (STEP, 1, None), (DONE, 1, 3.0),
    ]  # fmt: skip


def test_a_step_that_is_found_is_cached() -> None:
    events = decode(vertex("a", started=1, completed=1, cached=True))
    assert [event.kind for event in events] == [STEP, CACHED, DONE]


def test_output_of_two_streams_and_two_steps_is_kept_apart() -> None:
    events = decode(
        vertex("a", started=1) + vertex("b", started=1), log("a", b"on\xc3"), log("a", b"err\n", stream=2),
        log("b", b"other\n"), log("a", b"\xa9\nlast"), vertex("a", started=1, completed=2), log("b", b"end"),
    )  # fmt: skip
    said = [(event.kind, event.step, event.text) for event in events if event.kind in (OUTPUT, DONE)]
    assert said == [
        (OUTPUT, 1, "err"), (OUTPUT, 2, "other"), (OUTPUT, 1, "oné"), (OUTPUT, 1, "last"), (DONE, 1, ""),
        (OUTPUT, 2, "end"),
    ]  # fmt: skip


def test_layers_and_other_things_that_count() -> None:
    digest = "sha256:" + "0123456789ab" * 5 + "0123"
    events = decode(
        vertex("a", started=1),
        *[status("a", digest, "downloading", 5, 10)] * 2,
        status("a", f"extracting {digest}", "extract"),
        status("a", "exporting layers"),
    )
    moved = [event for event in events if event.kind == PROGRESS]
    assert [(event.layer, event.text, event.current, event.total) for event in moved] == [
        ("0123456789ab", "downloading", 5, 10),
        ("0123456789ab", "extract", None, None),
        ("", "exporting layers", None, None),
    ]


def test_warnings() -> None:
    told = (
        field(1, "a") + field(3, "JSONArgsRecommended") + field(4, "use JSON") + field(4, "really") + field(5, "http")
    )
    events = decode(vertex("a", started=1), field(4, told))
    assert [event.text for event in events if event.kind == WARNING] == ["JSONArgsRecommended use JSON really"]


def test_a_stream_that_ends_too_early() -> None:
    decoder = BuildKitDecoder()
    list(decoder.feed(lines(trace(vertex("a", started=1)), {"stream": "Successfully tagged x\n"})))
    with pytest.raises(EngineError, match="without saying how it went") as error:
        list(decoder.finish())
    assert error.value.code == "engine_gone"


def test_too_many_steps() -> None:
    with pytest.raises(EngineError, match="steps"):
        decode(*(vertex(str(number)) for number in range(MOST_STEPS + 1)))


@pytest.mark.parametrize("aux", ["no base64!", "AA", "/////w=="])
def test_what_is_no_trace(aux: str) -> None:
    with pytest.raises(EngineError) as error:
        list(BuildKitDecoder().feed(lines({"id": "moby.buildkit.trace", "aux": aux})))
    assert error.value.code == "engine_not_docker"


@pytest.mark.parametrize("message", [{"id": "moby.buildkit.trace"}, {"id": "moby.image.id", "aux": 7}, {"id": 7}])
def test_what_tells_nothing(message: dict[str, Any]) -> None:
    decoder = BuildKitDecoder()
    assert list(decoder.feed(lines(message))) == [] and decoder.image_id == ""


def test_numbers_and_their_ends() -> None:
    for number in (0, 1, 127, 128, 300, 1 << 32, (1 << 63) - 1):
        assert list(fields(field(3, number))) == [(3, number)]
    assert list(fields(field(2, "é") + field(1, b""))) == [(2, "é".encode()), (1, b"")]
    assert list(fields(varint(1 << 3 | 5) + b"abcd" + varint(2 << 3 | 1) + b"12345678")) == [
        (1, b"abcd"),
        (2, b"12345678"),
    ]
    assert as_number(-5 & (1 << 64) - 1) == 0 and as_number(b"5") == 0
    assert as_text(b"\xff") == "\ufffd" and as_text(5) == ""


@pytest.mark.parametrize("message", [b"\x0a", b"\x0a\x05abc", b"\xff" * 11, b"\x0b", b"\x08", b"\x0d12", b"\x02\x00"])
def test_what_is_no_message(message: bytes) -> None:
    with pytest.raises(EngineError, match="BuildKit"):
        list(fields(message))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_none(data: bytes) -> None:
    try:
        list(parts(data))
        list(fields(data))
    except EngineError as error:
        assert error.code == "engine_not_docker"


names = st.sampled_from(["a", "b", "\0\ud800x".encode("utf-8", "replace").decode()])
seconds = st.floats(0, 1e9)
told = st.one_of(
    st.builds(vertex, names, started=seconds, completed=seconds, cached=st.booleans(), error=st.text(max_size=3)),
    st.builds(log, names, st.binary(max_size=20), stream=st.integers(0, 300)),
    st.builds(
        status, names, st.text(max_size=5), st.text(max_size=5), st.integers(0, 1 << 63), st.integers(0, 1 << 63)
    ),
    st.binary(max_size=8),
)


@given(st.lists(told, max_size=12))
def test_whatever_comes_nothing_but_engine_errors_is_raised(messages: list[bytes]) -> None:
    decoder = BuildKitDecoder()
    open_steps: set[int] = set()
    try:
        for message in messages:
            for event in decoder.feed(lines(trace(message))):
                event.text.encode()
                assert "\0" not in event.text and (event.seconds is None or event.seconds >= 0)
                if event.kind == STEP:
                    assert event.step not in open_steps and event.step > 0
                    open_steps.add(event.step)
                elif event.kind in (DONE, FAILED):
                    open_steps.remove(event.step)
        list(decoder.finish())
    except EngineError:
        pass
