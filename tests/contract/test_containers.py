"""What every `Engine` does with containers: the same bodies for a real engine and for the fake."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from typing import Any

import pytest

from nodes.engine import (
    BindMount,
    ContainerInfo,
    ContainerSpec,
    DeviceRequest,
    Engine,
    EngineError,
    EngineRejected,
    LogStream,
    PublishedPort,
    VolumeMount,
)
from tests.contract.worlds import World
from tests.support.fake_programs import ERR, OUT, Program

WAITING = ("sleep", "60")
POLITE = ("sh", "-c", "trap 'exit 7' TERM; echo ready; while true; do sleep 0.05; done")
TALK = ("sh", "-c", "echo out; sleep 0.2; echo err >&2; sleep 0.2; echo ünd; exit 3")
SILENT = ("true",)
MISSING = ("no-such-program",)
MARKS = ("cat", "/libs/link.so")
PROGRAMS = {
    WAITING: Program(runs=True),
    POLITE: Program(((OUT, "ready\n"),), runs=True, when_stopped=7),
    TALK: Program(((OUT, "out\n"), (ERR, "err\n"), (OUT, "ünd\n")), exit_code=3),
    SILENT: Program(),
    MISSING: Program(exists=False, exit_code=127),
    MARKS: Program.saying("library"),
    ("env",): lambda spec: Program.saying("".join(f"{name}={value}\n" for name, value in spec.environment.items())),
}
LABELS = {"test.owner": "contract"}


@pytest.fixture
def spec(world: World) -> Iterator[ContainerSpec]:
    """A container that runs and does nothing. Its image is on the engine; all its like are gone afterwards."""
    world.knows(PROGRAMS, {"echo $((40+2))": "42"})
    target = world.open("team/tiny:1")
    with world.connect() as engine:
        with engine.pull(target.repository, tag_or_digest=target.tag, auth=None) as stream:
            list(stream)
        yield ContainerSpec("contract-test", target.reference, WAITING, labels=LABELS, network_mode="none")
        for container in engine.list_containers(labels={}):
            engine.remove_container(container.id, force=True)
        for volume in engine.list_volumes(labels={}):
            engine.remove_volume(volume)


def inspect(engine: Engine, container: str) -> ContainerInfo:
    info = engine.inspect_container(container)
    assert info is not None
    return info


def until_ended(engine: Engine, container: str) -> ContainerInfo:
    for _ in range(200):
        info = inspect(engine, container)
        if info.state == "exited":
            return info
        time.sleep(0.05)
    raise AssertionError(f"{container} did not end")


def started(engine: Engine, spec: ContainerSpec) -> str:
    container = engine.create_container(spec)
    engine.start_container(container)
    return container


def test_a_life(world: World, spec: ContainerSpec) -> None:
    with world.connect() as engine:
        container = engine.create_container(spec)
        created = inspect(engine, container)
        assert (created.id, created.name, created.image, created.state) == (container, spec.name, spec.image, "created")
        assert created.labels.items() >= LABELS.items()
        image = engine.inspect_image(spec.image)
        assert image is not None and created.image_id == image.id
        assert created.created and not created.started_at and not created.finished_at
        engine.start_container(container)
        engine.start_container(container)  # again: nothing happens
        running = inspect(engine, spec.name)
        assert (running.id, running.state, running.exit_code) == (container, "running", 0)
        assert running.started_at and not running.finished_at
        engine.stop_container(container, grace=0)
        engine.stop_container(container, grace=0)
        ended = inspect(engine, container)
        assert (ended.state, ended.exit_code, ended.oom_killed, ended.error) == ("exited", 137, False, "")
        assert ended.finished_at
        engine.restart_container(container, grace=0)
        assert inspect(engine, container).state == "running"
        with pytest.raises(EngineRejected) as refused:
            engine.remove_container(container)
        assert refused.value.status == 409 and "running container" in refused.value.evidence
        assert engine.remove_container(container, force=True) is True
        assert engine.remove_container(container) is False
        assert engine.inspect_container(container) is None


def test_a_program_may_end_by_itself_when_asked(world: World, spec: ContainerSpec) -> None:
    with world.connect() as engine:
        container = started(engine, replace(spec, command=POLITE))
        while not engine.container_logs(container, tail=10):
            time.sleep(0.05)
        engine.stop_container(container, grace=60)
        assert inspect(engine, container).exit_code == 7, "nobody killed it"


def test_a_list_by_labels(world: World, spec: ContainerSpec) -> None:
    with world.connect() as engine:
        one = started(engine, replace(spec, name="one", labels={"a": "1", "b": "2"}))
        two = engine.create_container(replace(spec, name="two", labels={"a": "1", "b": "3"}))
        ended = started(engine, replace(spec, name="three", command=TALK, labels={"c": ""}))
        until_ended(engine, ended)
        found = {info.name: info for info in engine.list_containers(labels={"a": "1"})}
        assert {name: info.state for name, info in found.items()} == {"one": "running", "two": "created"}
        assert found["one"].labels.items() >= {"a": "1", "b": "2"}.items()
        assert [info.id for info in engine.list_containers(labels={"a": "1", "b": "3"})] == [two]
        assert {info.id for info in engine.list_containers(labels={"b": ""})} == {one, two}
        [last] = engine.list_containers(labels={"c": ""})
        assert (last.state, last.exit_code, last.image) == ("exited", 3, spec.image)
        assert last.created[:10] == inspect(engine, ended).created[:10]
        assert engine.list_containers(labels={"nobody": "1"}) == []


def test_refused_creations_leave_nothing_behind(world: World, spec: ContainerSpec) -> None:
    with world.connect() as engine:
        refusals = {
            "No such image": replace(spec, image="nowhere.test/no/image:1"),
            "bind source path does not exist: /nope/hami": replace(spec, mounts=(BindMount("/nope/hami", "/libs"),)),
        }
        for words, wrong in refusals.items():
            with pytest.raises(EngineRejected) as refused:
                engine.create_container(wrong)
            assert words in refused.value.evidence
            assert refused.value.status == (404 if "image" in words else 400)
        assert engine.list_containers(labels={}) == []
        engine.create_container(spec)
        with pytest.raises(EngineRejected) as conflict:
            engine.create_container(spec)
        assert conflict.value.status == 409 and f'"/{spec.name}" is already in use' in conflict.value.evidence
        assert len(engine.list_containers(labels={})) == 1


DEVICES = DeviceRequest("nvidia", device_ids=("GPU-1",), capabilities=(("gpu", "compute", "utility"),))


@pytest.mark.parametrize(
    ("change", "status", "words", "exit_code"),
    [
        ({"device_requests": (DEVICES,)}, 500, 'could not select device driver "nvidia" with capabilities:', 128),
        ({"network_mode": "nosuchnet"}, 404, "network nosuchnet not found", 128),
        ({"command": MISSING}, 400, "executable file not found in $PATH", 127),
    ],
)
def test_a_refused_start_leaves_the_container(
    world: World, spec: ContainerSpec, change: dict[str, Any], status: int, words: str, exit_code: int
) -> None:
    with world.connect() as engine:
        container = engine.create_container(replace(spec, **change))
        with pytest.raises(EngineRejected) as refused:
            engine.start_container(container)
        assert (refused.value.status, words in refused.value.evidence) == (status, True), refused.value
        info = inspect(engine, container)
        assert (info.state, info.exit_code) == ("created", exit_code)
        assert words in info.error
        assert engine.remove_container(container) is True


def test_calls_for_containers_that_are_not_there(world: World) -> None:
    with world.connect() as engine:
        for name in ("nobody", "", "../images/json", "a b"):
            assert engine.inspect_container(name) is None
            assert engine.remove_container(name) is False
            assert engine.stats(name) is None
            for call in (
                lambda name=name: engine.start_container(name),
                lambda name=name: engine.stop_container(name, grace=0),
                lambda name=name: engine.restart_container(name, grace=0),
                lambda name=name: engine.container_logs(name, tail=1),
                lambda name=name: engine.follow_logs(name, tail=1),
                lambda name=name: engine.exec_run(name, ("env",), within=5),
                lambda name=name: engine.read_file(name, "/etc/os-release", limit=10),
                lambda name=name: engine.stat_file(name, "/etc/os-release"),
                lambda name=name: engine.put_files(name, {"/srv/late": b"late"}),
                lambda name=name: engine.open_terminal(name, shell=("sh",), columns=80, rows=24),
            ):
                with pytest.raises(EngineRejected) as refused:
                    call()
                assert refused.value.status == 404 and "No such container" in refused.value.evidence


def test_published_ports(world: World, spec: ContainerSpec) -> None:
    with world.connect() as engine:
        ports = (PublishedPort(8080, host_ip="127.0.0.1"), PublishedPort(53, "udp", "127.0.0.1"))
        container = started(engine, replace(spec, network_mode=world.network(), ports=ports))
        info = inspect(engine, container)
        found = {(port.container_port, port.protocol, port.host_ip) for port in info.ports}
        assert found == {(8080, "tcp", "127.0.0.1"), (53, "udp", "127.0.0.1")}
        assert all(port.host_port > 1024 for port in info.ports)
        [listed] = engine.list_containers(labels=LABELS)
        assert set(listed.ports) == set(info.ports)
        taken = next(port for port in info.ports if port.protocol == "tcp")
        other = replace(spec, name="other", network_mode=world.network(), ports=(replace(taken, container_port=80),))
        late = engine.create_container(other)
        with pytest.raises(EngineRejected) as refused:
            engine.start_container(late)
        assert refused.value.status == 500 and "port is already allocated" in refused.value.evidence
        engine.stop_container(container, grace=0)
        assert inspect(engine, container).ports == ()


def spoken(stream: LogStream) -> list[tuple[str, str]]:
    """Who said what, until the end."""
    pieces = [piece for piece in stream if piece]
    groups = groupby(pieces, key=lambda piece: piece.stream)
    return [(name, "".join(piece.text for piece in group)) for name, group in groups]


def test_logs_in_order(world: World, spec: ContainerSpec) -> None:
    with world.connect() as engine:
        container = started(engine, replace(spec, command=TALK))
        assert until_ended(engine, container).exit_code == 3
        assert engine.container_logs(container, tail=100) == "out\nerr\nünd\n"
        assert engine.container_logs(container, tail=2) == "err\nünd\n"
        assert engine.container_logs(container, tail=100, limit_bytes=7) == "ünd\n"
        with engine.follow_logs(container, tail=100) as stream:
            assert spoken(stream) == [("stdout", "out\n"), ("stderr", "err\n"), ("stdout", "ünd\n")]


def test_following_logs_until_closed(world: World, spec: ContainerSpec) -> None:
    with world.connect() as engine:
        container = started(engine, replace(spec, command=POLITE))
        with engine.follow_logs(container, tail=0) as empty, engine.follow_logs(container, tail=10) as stream:
            text = ""
            while text != "ready\n":
                piece = next(stream)
                text += piece.text if piece else ""
            assert next(stream) is None
            stream.close()
            assert list(stream) == []
            engine.stop_container(container, grace=5)
            assert spoken(empty) in ([], [("stdout", "ready\n")])


def test_following_ends_with_the_container(world: World, spec: ContainerSpec) -> None:
    with world.connect() as engine:
        container = started(engine, spec)
        with engine.follow_logs(container, tail=10) as stream:
            assert next(stream) is None
            engine.stop_container(container, grace=0)
            assert spoken(stream) == []


def test_statistics(world: World, spec: ContainerSpec) -> None:
    with world.connect() as engine:
        limited = replace(spec, cpu_cores=0.5, memory_bytes=64 << 20)
        container = engine.create_container(limited)
        assert engine.stats(container) is None
        engine.start_container(container)
        stats = engine.stats(container)
        assert stats is not None
        assert (stats.cpu_limit_cores, stats.memory_limit_bytes) == (0.5, 64 << 20)
        assert 0 <= stats.cpu_percent < 200
        assert 0 < stats.memory_bytes < 64 << 20 or stats.memory_bytes == 100_000_000
        assert stats.pids >= 1


def test_run_once(world: World, spec: ContainerSpec) -> None:
    with world.connect() as engine:
        finished = engine.run_once(replace(spec, command=TALK), within=30)
        assert (finished.exit_code, finished.stdout, finished.stderr) == (3, "out\nünd\n", "err\n")
        silent = engine.run_once(replace(spec, command=SILENT), within=30)
        assert (silent.exit_code, silent.stdout, silent.stderr) == (0, "", "")
        with pytest.raises(EngineRejected, match="executable file not found"):
            engine.run_once(replace(spec, command=MISSING), within=30)
        with pytest.raises(EngineError) as late:
            engine.run_once(spec, within=1.5)
        assert late.value.code == "engine_timeout"
        assert engine.list_containers(labels={}) == []


def test_the_environment_and_the_entry_point(world: World, spec: ContainerSpec) -> None:
    with world.connect() as engine:
        environment = {"LD_LIMIT": "8g", "TEXT": "a=b c"}
        finished = engine.run_once(replace(spec, command=("env",), environment=environment, entrypoint=()), within=30)
    assert {"LD_LIMIT=8g", "TEXT=a=b c"} <= set(finished.stdout.splitlines())


def test_exec(world: World, spec: ContainerSpec) -> None:
    with world.connect() as engine:
        container = engine.create_container(spec)
        with pytest.raises(EngineRejected) as refused:
            engine.exec_run(container, TALK, within=10)
        assert refused.value.status == 409 and "is not running" in refused.value.evidence
        engine.start_container(container)
        finished = engine.exec_run(container, TALK, within=30)
        assert (finished.exit_code, finished.stdout, finished.stderr) == (3, "out\nünd\n", "err\n")
        missing = engine.exec_run(container, ("nothing-like-that",), within=30)
        assert missing.exit_code in (126, 127)
        assert "executable file not found" in missing.stdout + missing.stderr
        with pytest.raises(EngineError) as late:
            engine.exec_run(container, WAITING, within=1)
        assert late.value.code == "engine_timeout"


def test_reading_files(world: World, spec: ContainerSpec) -> None:
    files = {"data.so": b"library", "link.so": "data.so", "far.so": "/libs/link.so", "lost.so": "nothing", "me": "me"}
    mount = BindMount(world.directory(files), "/libs")
    with world.connect() as engine:
        container = engine.create_container(replace(spec, mounts=(mount,)))
        for path in ("/libs/data.so", "/libs/link.so", "/libs/far.so"):
            assert engine.read_file(container, path, limit=100) == b"library", path
        assert engine.read_file(container, "/libs/data.so", limit=3) == b"lib"
        assert engine.read_file(container, "/etc/os-release", limit=1000) == b'NAME="Test image"\nID=test\n'
        for path in ("/libs", "/libs/lost.so", "/libs/me", "/libs/data.so/x", "/nowhere/at/all", "/etc/nothing"):
            assert engine.read_file(container, path, limit=100) is None, path
        assert inspect(engine, container).state == "created"
        finished = engine.run_once(replace(spec, name="other", command=MARKS, mounts=(mount,)), within=30)
        assert finished.stdout == "library"


def test_putting_files(world: World, spec: ContainerSpec) -> None:
    """Before the container has ever run."""
    text = "设置: {a: 1}\n".encode()
    with world.connect() as engine:
        container = engine.create_container(spec)
        files = {"/srv/new/deep/app.conf": text, "/etc/os-release": b"other", "/srv/empty": b""}
        engine.put_files(container, files, directories=("/srv/storage",))
        for path, content in files.items():
            assert engine.read_file(container, path, limit=100) == content, path
        found = engine.stat_file(container, "/srv/new/deep/app.conf")
        assert found is not None and found.is_file and (found.permissions, found.size) == (0o644, len(text))
        made = engine.stat_file(container, "/srv/storage")
        assert made is not None and made.is_directory
        with pytest.raises(EngineRejected, match="cannot overwrite directory"):
            engine.put_files(container, {"/etc": b"no"})
        assert engine.read_file(container, "/etc/os-release", limit=100) == b"other"
        engine.start_container(container)
        engine.put_files(container, {"/srv/late": b"late"})
        assert engine.read_file(container, "/srv/late", limit=100) == b"late"


def test_describing_files(world: World, spec: ContainerSpec) -> None:
    directory = world.directory({"data.so": b"library", "link.so": "data.so", "lost.so": "nothing", "me": "me"})
    with world.connect() as engine:
        container = engine.create_container(replace(spec, mounts=(BindMount(directory, "/libs"),)))
        world.permit(directory, 0o711)
        world.permit(f"{directory}/data.so", 0o640)
        file = engine.stat_file(container, "/libs/link.so")
        assert file == engine.stat_file(container, "/libs/data.so")
        assert (file.path, file.is_file, file.is_directory) == ("/libs/data.so", True, False)
        assert (file.permissions, file.size, bool(file.modified)) == (0o640, 7, True)
        folder = engine.stat_file(container, "/libs")
        assert (folder.is_file, folder.is_directory, folder.permissions) == (False, True, 0o711)
        assert engine.stat_file(container, "/etc").is_directory
        for path in ("/libs/lost.so", "/libs/me", "/libs/data.so/x", "/nowhere/at/all", "/etc/nothing"):
            assert engine.stat_file(container, path) is None, path
        world.permit(f"{directory}/data.so", 0o644)
        assert engine.stat_file(container, "/libs/data.so").permissions == 0o644
        assert inspect(engine, container).state == "created"


def test_volumes(world: World, spec: ContainerSpec) -> None:
    with world.connect() as engine:
        engine.create_volume("data-1", labels={"test.owner": "contract"})
        engine.create_volume("data-1", labels={"test.owner": "somebody else"})
        engine.create_volume("data-2", labels={})
        assert engine.list_volumes(labels=LABELS) == ["data-1"]
        assert engine.list_volumes(labels={"test.owner": ""}) == ["data-1"]
        assert engine.list_volumes(labels={}) == ["data-1", "data-2"]
        container = engine.create_container(replace(spec, volumes=(VolumeMount("data-1", "/data"),)))
        with pytest.raises(EngineRejected) as refused:
            engine.remove_volume("data-1")
        assert refused.value.status == 409 and "volume is in use" in refused.value.evidence
        engine.remove_container(container, force=True, volumes=True)
        assert engine.list_volumes(labels=LABELS) == ["data-1"]  # one with a name stays
        assert engine.remove_volume("data-1") is True
        assert engine.remove_volume("data-1") is False
        assert engine.remove_volume("../images/x") is False


def test_an_image_says_how_it_runs(world: World, spec: ContainerSpec) -> None:
    with world.connect() as engine:
        image = engine.inspect_image(spec.image)
    assert image is not None
    assert dict(image.environment) == {"PATH": "/usr/bin:/bin"}
    assert (image.command, image.entrypoint, image.exposed_ports, image.user) == (("sh",), (), (), "")
