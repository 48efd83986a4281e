"""Images that leave a fake engine as archives and come into one, by scripts of steps or as engines usually do."""

from __future__ import annotations

import io
import json
import tarfile
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from nodes.engine import EngineRejected
from tests.support.fake_pulls import Arrive, Break, Fail, Hold, Refuse, Say
from tests.support.fake_registry import FakeImage, FakeLayer

CHUNK = 1 << 12


@dataclass(frozen=True)
class Pack:
    """Of a save: the archive up to this share of it."""

    share: float = 1.0


@dataclass(frozen=True)
class Take:
    """Of a load: read so many chunks of the archive, all of them by default."""

    chunks: int | None = None


Step = Pack | Take | Say | Hold | Refuse | Fail | Break | Arrive


@dataclass
class FakeTransfer:
    """What a fake engine remembers of one save or load."""

    stopped: threading.Event = field(default_factory=threading.Event)  # closed by the consumer, or at its end
    moved: int = 0  # bytes


@dataclass
class FakeTransfers:
    """Of one engine. Scripts are for the next save or load each; unscripted ones go well."""

    save_scripts: deque[tuple[Step, ...]] = field(default_factory=deque)
    load_scripts: deque[tuple[Step, ...]] = field(default_factory=deque)
    saves: list[FakeTransfer] = field(default_factory=list)
    loads: list[FakeTransfer] = field(default_factory=list)


class SavingSource:
    """A `PullSource` that packs an image."""

    def __init__(self, engine: Any, reference: str) -> None:
        self._engine, self._reference = engine, reference
        self._transfer = FakeTransfer()
        engine.transfers.saves.append(self._transfer)

    def read(self) -> Iterator[bytes]:
        self._engine.check()
        image = self._engine.find(self._reference)
        if image is None:
            raise EngineRejected(404, f"No such image: {self._reference}")
        scripts = self._engine.transfers.save_scripts
        data, at = archive_of(image, [self._reference]), 0
        for step in scripts.popleft() if scripts else (Pack(),):
            match step:
                case Pack():
                    end = int(len(data) * step.share)
                    for start in range(at, end, CHUNK):
                        if self._transfer.stopped.is_set():
                            return
                        self._transfer.moved += len(data[start : min(start + CHUNK, end)])
                        yield data[start : min(start + CHUNK, end)]
                    at = end
                case _:
                    _play(step, self._transfer)
        self._transfer.stopped.set()

    def abort(self) -> None:
        self._transfer.stopped.set()


class LoadingSource:
    """A `PullSource` that takes an archive in, as graph-driver engines do: first all of it, then its layers."""

    def __init__(self, engine: Any, archive: Iterable[bytes]) -> None:
        self._engine, self._archive = engine, iter(archive)
        self._transfer = FakeTransfer()
        self._received = bytearray()
        engine.transfers.loads.append(self._transfer)

    def read(self) -> Iterator[bytes]:
        self._engine.check()
        scripts = self._engine.transfers.load_scripts
        if not scripts:
            self._take(None)
            if not self._transfer.stopped.is_set():
                yield from self._unpack()
            return
        for step in scripts.popleft():
            match step:
                case Take():
                    self._take(step.chunks)
                case Say():
                    yield _line(step.message)
                case Fail():
                    yield _line({"errorDetail": {"message": step.text}, "error": step.text})
                case Arrive():
                    self._engine.add_image(step.image)
                case _:
                    _play(step, self._transfer)

    def abort(self) -> None:
        self._transfer.stopped.set()

    def _take(self, count: int | None) -> None:
        while count is None or count > 0:
            chunk = next(self._archive, None)
            if chunk is None or self._transfer.stopped.is_set():
                return
            self._received += chunk
            self._transfer.moved += len(chunk)
            count = None if count is None else count - 1

    def _unpack(self) -> Iterator[bytes]:
        try:
            found = read_archive(bytes(self._received))
        except (tarfile.TarError, ValueError, KeyError, OSError) as error:
            words = f"Error processing tar file(exit status 1): {error}"
            yield _line({"errorDetail": {"message": words}, "error": words})
            return
        for image, names in found:
            for layer in image.layers:
                detail = {"current": layer.size, "total": layer.size}
                yield _line({"status": "Loading layer", "progressDetail": detail, "id": layer.diff_id[7:19]})
            for name in names:
                self._engine.name_image(name, image)
                yield _line({"stream": f"Loaded image: {name}\n"})
            if not names:
                self._engine.name_image(image.id, image)
                yield _line({"stream": f"Loaded image ID: {image.id}\n"})


def _play(step: Step, transfer: FakeTransfer) -> None:
    match step:
        case Hold():
            while not step.until.wait(0.01) and not transfer.stopped.is_set():
                pass
        case Refuse():
            raise EngineRejected(step.status, step.text)
        case Break():
            raise step.error
        case _:
            raise AssertionError(f"no step of this: {step}")


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\r\n"


def archive_of(image: FakeImage, names: list[str]) -> bytes:
    """The archive of `docker save`, with little in its layers."""
    system, _, architecture = image.platform.partition("/")
    config = {
        "architecture": architecture,
        "os": system,
        "config": {
            "Env": [f"{name}={value}" for name, value in image.environment.items()],
            "Cmd": list(image.command),
            "Entrypoint": list(image.entrypoint),
            "User": image.user,
        },
        "rootfs": {"type": "layers", "diff_ids": list(image.diff_ids)},
        "fake": {
            "repository": image.repository,
            "tag": image.tag,
            "platform": image.platform,
            "layers": [[layer.name, layer.size] for layer in image.layers],
        },
    }
    hexadecimal = image.id.removeprefix("sha256:")
    paths = [f"{layer.diff_id[7:19]}/layer.tar" for layer in image.layers]
    files = {path: b"filler\n" * min(layer.size, 4000) for path, layer in zip(paths, image.layers, strict=True)}
    files[f"{hexadecimal}.json"] = json.dumps(config).encode()
    listed = [{"Config": f"{hexadecimal}.json", "RepoTags": names or None, "Layers": paths}]
    return tar_of({**files, "manifest.json": json.dumps(listed).encode()})


def tar_of(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def read_archive(data: bytes) -> list[tuple[FakeImage, list[str]]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = []
        for entry in json.load(_file(archive, "manifest.json")):
            config = json.load(_file(archive, entry["Config"]))
            about, runs = config["fake"], config["config"]
            layers = tuple(FakeLayer(name, size) for name, size in about["layers"])
            image = FakeImage(
                about["repository"],
                about["tag"],
                layers,
                platform=about["platform"],
                environment=dict(entry.split("=", 1) for entry in runs["Env"]),
                command=tuple(runs["Cmd"]),
                entrypoint=tuple(runs["Entrypoint"]),
                user=runs["User"],
            )
            found.append((image, entry["RepoTags"] or []))
        return found


def _file(archive: tarfile.TarFile, name: str) -> Any:
    file = archive.extractfile(name)
    assert file is not None
    return file
