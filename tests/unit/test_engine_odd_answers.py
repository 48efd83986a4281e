"""What says that it is an engine may answer anything: nothing of it crashes, nothing of it is too much to store."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from nodes.engine import ContainerSpec, Engine, EngineEndpoint, EngineError, EngineRejected, answers, connect
from nodes.engine.disk import parse_df
from nodes.engine.evidence import clean
from nodes.engine.shapes import demand_list
from tests.support.http_engines import QuietHandler, http_engines

ABOUT = {"ApiVersion": "1.41"}
VERSION = b'{"ApiVersion":"1.41","MinAPIVersion":5,"Arch":7,"Os":["linux"]}'
ODD = [None, True, 5, -1, 1.5, "many", "", [], [[]], [None], {}, {"a": {}}, 10**400, "\0\ud800", "x" * 100_000]
FIELDS = [
    "Name", "ServerVersion", "OSType", "Architecture", "NCPU", "MemTotal", "Driver", "DriverStatus", "DockerRootDir",
    "OperatingSystem", "Images", "ContainersRunning",
]  # fmt: skip
IMAGE_FIELDS = ["RepoTags", "RepoDigests", "Size", "Os", "Architecture", "RootFS", "Created"]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:20])
def test_odd_fields_count_as_left_out(odd: Any) -> None:
    info = answers.engine_info(dict.fromkeys(FIELDS, odd), ABOUT | {"Arch": odd, "Os": odd, "Version": odd})
    texts = (info.name, info.engine_version, info.storage_driver, info.platform, info.data_root)
    assert all(isinstance(text, str) and "\0" not in text and text.encode() is not None for text in texts)
    assert len(info.engine_version) <= 64 and len(info.storage_driver) <= 64 and len(info.platform) <= 64
    assert all(type(number) is int and 0 <= number <= 2**60 for number in (info.cpus, info.memory_bytes, info.images))
    assert round(info.memory_bytes / 1024**3) < 2**31 and info.cpus < 2**31  # columns of 32 bits
    image = {"Id": "sha256:1"} | dict.fromkeys(IMAGE_FIELDS, odd)
    for found in (answers.inspected(image), answers.listed(image)):
        assert json.dumps([found.repo_tags, found.diff_ids, found.created], ensure_ascii=False).encode()
        assert type(found.size) is int
    assert answers.inspected({"Id": "sha256:1", "RootFS": {"Layers": odd}}).diff_ids in ((), ("",))
    entries: Any = {"Descriptor": {"digest": odd, "mediaType": odd}, "Platforms": [{"os": odd}, odd]}
    assert len(answers.distribution(entries).platforms) == 2


@pytest.mark.parametrize("odd", [None, 5, "text", [], [1]])
def test_odd_answers_are_no_engines(odd: Any) -> None:
    readers: list[Callable[[Any], Any]] = [
        lambda answer: answers.engine_info(answer, ABOUT), answers.inspected, answers.listed, answers.distribution,
    ]  # fmt: skip
    for read in readers:
        with pytest.raises(EngineError) as error:
            read(odd)
        assert error.value.code == "engine_not_docker"


@pytest.mark.parametrize("odd", [None, 5, {}, [1], [{}, []]])
def test_odd_lists_are_no_engines(odd: Any) -> None:
    with pytest.raises(EngineError) as error:
        demand_list(odd)
    assert error.value.code == "engine_not_docker"


@pytest.mark.parametrize("odd", [None, 5, "", "a\0b", "\ud800", "x" * 2000])
def test_ids_are_never_altered(odd: Any) -> None:
    with pytest.raises(EngineError):
        answers.image_id({"Id": odd})


def test_evidence_can_be_stored() -> None:
    assert clean("half \ud83d of\0it") == "half ? of it"


@pytest.mark.parametrize("number", ["²", "٣", "9" * 5000])
def test_odd_numbers_of_df(number: str) -> None:
    assert parse_df(f"overlay {number} 1 {number} 0% /") is None


@pytest.fixture
def engine_of() -> Iterator[Callable[..., EngineEndpoint]]:
    """`engine_of(body, status=200)`: answers every request but the one for its version with `body`."""

    def start(body: bytes, status: int = 200) -> EngineEndpoint:
        class Handler(QuietHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                is_version = self.path == "/version"
                sent = VERSION if is_version else body
                self.send_response(200 if is_version else status)
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                with suppress(ConnectionError):  # who heard enough hangs up
                    self.wfile.write(sent)

            do_GET = do_POST = do_DELETE = answer

        return serve(Handler)

    with http_engines() as serve:
        yield start


SPEC = ContainerSpec("x", "y:1", environment={"A": "B"})
CALLS: list[Callable[[Engine], object]] = [
    lambda engine: engine.info(),
    lambda engine: engine.list_images(),
    lambda engine: engine.image_layers(),
    lambda engine: engine.inspect_image("x:1"),
    lambda engine: engine.distribution("x:1", auth=None),
    lambda engine: engine.disk_free(),
    lambda engine: engine.remove_image("x:1"),
    lambda engine: engine.tag("x:1", "y", "1"),
    lambda engine: engine.create_container(SPEC),
    lambda engine: engine.start_container("x"),
    lambda engine: engine.stop_container("x", grace=1),
    lambda engine: engine.restart_container("x", grace=1),
    lambda engine: engine.remove_container("x"),
    lambda engine: engine.inspect_container("x"),
    lambda engine: engine.list_containers(labels={"a": "b"}),
    lambda engine: engine.container_logs("x", tail=5),
    lambda engine: list(engine.follow_logs("x", tail=5)),
    lambda engine: engine.stats("x"),
    lambda engine: engine.run_once(SPEC, within=60),
    lambda engine: engine.exec_run("x", ("y",), within=60),
    lambda engine: engine.read_file("x", "/y", limit=5),
    lambda engine: engine.stat_file("x", "/y"),
    lambda engine: list(engine.events(labels={})),
    lambda engine: engine.create_volume("x", labels={}),
    lambda engine: engine.remove_volume("x"),
    lambda engine: engine.list_volumes(labels={}),
]
BODIES = [
    b"[]", b"{}", b"5", b"null", b'"x"', b'[{"Id":5}]', b'[{"Id":"a"}]', b'{"Id":"a"}', b'{"message":5}',
    b'{"DriverStatus":5,"NCPU":"many"}', b"[" * 100_000, b"9" * 10_000, b"\xff", b'{"Name":"\\ud800"}',
]  # fmt: skip


@pytest.mark.parametrize("status", [200, 404, 500])
@pytest.mark.parametrize("body", BODIES, ids=lambda body: body[:20].decode(errors="replace"))
def test_no_answer_crashes_a_call(engine_of: Callable[..., EngineEndpoint], body: bytes, status: int) -> None:
    with connect(engine_of(body, status), timeout=60) as engine:
        for call in CALLS:
            try:
                call(engine)
            except EngineRejected as error:
                assert error.status == status != 200
            except EngineError as error:
                assert error.code == "engine_not_docker", error


def test_an_endless_answer(engine_of: Callable[..., EngineEndpoint]) -> None:
    body = b"[" + b" " * (9 << 20) + b"]"
    with connect(engine_of(body), timeout=60) as engine, pytest.raises(EngineError) as error:
        engine.list_images()
    assert error.value.code == "engine_not_docker" and "longer than" in error.value.evidence
