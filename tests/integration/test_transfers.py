"""Images that come from another node, or from an archive: with two real engines."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from nodes.engine import EngineEndpoint, connect
from tests.integration.pull_bed import PullBed, Snapshot, settle
from tests.services.engine import RealEngine
from tests.services.fault_proxy import FaultProxy
from tests.services.process import wait_until
from tests.services.registries import Registries
from tests.support.fake_transfers import tar_of

pytestmark = pytest.mark.real
PRODUCT_ENV = {"IMAGELIB_JOB_STALE_AFTER": "15"}


def ask(bed: PullBed, reference: str, node: int, **how: Any) -> int:
    asked = {"reference": reference, "nodes": [node], **how}
    answer = bed.product.api("POST", "/api/pulls/", json=asked)
    assert answer.status_code == 202, answer.text
    [result] = answer.json()["results"]
    return int(result["pull"]["id"])


def pull_directly(engine: RealEngine, reference: str) -> None:
    """Without the product, which would refuse some of it."""
    repository, _, tag = reference.rpartition(":")
    with (
        connect(EngineEndpoint(engine.unix_url)) as connection,
        connection.pull(repository, tag_or_digest=tag, auth=None) as stream,
    ):
        assert list(stream)


def saved(engine: RealEngine, reference: str) -> bytes:
    with connect(EngineEndpoint(engine.unix_url)) as connection, connection.save_image(reference) as archive:
        return b"".join(archive.chunks())


def upload(bed: PullBed, archive: bytes) -> requests.Response:
    headers = {"Content-Type": "application/x-tar"}
    return bed.product.api("POST", "/api/pulls/archives/", data=archive, headers=headers, timeout=120)


def half_done(engine: RealEngine, kind: str) -> list[str]:
    """What the engine keeps of an archive that it packs ("export") or takes in ("import")."""
    directory = engine.namespace.path(engine.files.data) / "tmp"
    return [path.name for path in directory.glob(f"docker-{kind}-*")]


def one_image(engine: RealEngine, reference: str) -> dict[str, Any]:
    image = engine.inspect(reference)
    assert image is not None, engine.references()
    return dict(image)


@pytest.fixture(autouse=True)
def _fresh(module_engine: RealEngine, engine: RealEngine) -> Iterator[None]:
    module_engine.start()
    module_engine.link.clear()
    engine.wipe()
    yield
    module_engine.start()
    module_engine.link.clear()


@pytest.fixture
def mid(module_engine: RealEngine, registries: Registries) -> str:
    """21 MB, on the node that gives."""
    reference = registries.open.reference("team/mid:1")
    pull_directly(module_engine, reference)
    return reference


@pytest.fixture
def big(module_engine: RealEngine, registries: Registries) -> str:
    """200 MB, on the node that gives."""
    reference = registries.open.reference("team/big:1")
    pull_directly(module_engine, reference)
    return reference


def test_two_hundred_megabytes_go_from_node_to_node(
    embedded: PullBed, module_engine: RealEngine, engine: RealEngine, big: str, registries: Registries
) -> None:
    giver, taker = embedded.node(module_engine.tcp_url), embedded.node(engine.unix_url)
    module_engine.link.limit(100_000_000)  # so that somebody can watch
    registries.open.clear_log()
    pk = ask(embedded, big, taker, source="node", source_node=giver)
    watch = embedded.watch(pk)
    done = watch.until(timeout=300)
    assert done["state"] == "succeeded", done
    assert one_image(engine, big)["Id"] == one_image(module_engine, big)["Id"]
    assert one_image(engine, big)["RootFS"] == one_image(module_engine, big)["RootFS"]
    assert registries.open.request_count(".") == 0
    _assert_truthful(watch.snapshots, one_image(module_engine, big)["Size"])
    told = [code for code in embedded.history(pk) if code != "downloaded"]
    assert told == ["requested", "claimed", "transfer_planned", "succeeded"]

    again = embedded.wait(ask(embedded, big, taker, source="node", source_node=giver))
    assert (again["state"], again["bytes_total"], again["bytes_total_exact"]) == ("succeeded", 0, True)
    assert "already_here" in embedded.history(again["id"])


def _assert_truthful(snapshots: list[Snapshot], size: int) -> None:
    """The total is the least until all has moved, nothing goes back, and 100 % means that it is there."""
    measured = [item for item in snapshots if item["state"] == "running" and item["phase"] != "resolving"]
    assert any(item["phase"] == "downloading" for item in measured), measured
    for item in measured:
        assert item["bytes_total"] >= size
        assert item["bytes_total_exact"] == (item["phase"] in ("extracting", "verifying", "done")), item
        assert item["percent"] < 100
    for name in ("percent", "bytes_downloaded", "bytes_extracted", "version"):
        values = [item[name] for item in measured]
        assert values == sorted(values), (name, values)
    assert snapshots[-1]["bytes_downloaded"] == snapshots[-1]["bytes_total"] >= size


def test_a_worker_is_killed_half_way_and_another_one_finishes(
    separate: PullBed, module_engine: RealEngine, engine: RealEngine, big: str
) -> None:
    giver, taker = separate.node(module_engine.tcp_url), separate.node(engine.unix_url)
    [victim] = [worker for worker in separate.product.workers if "transfers" in worker.name and worker.running]
    module_engine.link.limit(8_000_000)
    pk = ask(separate, big, taker, source="node", source_node=giver)
    watch = separate.watch(pk)
    separate.wait_for_bytes(pk, 30_000_000, timeout=300)
    separate.product.start_worker("transfers", concurrency=4)
    victim.kill9()
    wait_until("the second attempt", lambda: watch.last["attempt"] == 2, timeout=180)
    module_engine.link.limit(None)
    done = watch.until(timeout=300)
    assert (done["state"], done["attempt"]) == ("succeeded", 2), done
    assert one_image(engine, big)["Id"] == one_image(module_engine, big)["Id"]
    history = separate.history(pk)
    assert history.count("claimed") == 2 and "worker_lost" in history
    wait_until("nothing to be left", lambda: not half_done(engine, "import"), timeout=60)
    settle(separate)


def test_cancelling_stops_both_engines(
    embedded: PullBed, module_engine: RealEngine, engine: RealEngine, mid: str
) -> None:
    giver, taker = embedded.node(module_engine.tcp_url), embedded.node(engine.unix_url)
    module_engine.link.limit(500_000)
    pk = ask(embedded, mid, taker, source="node", source_node=giver)
    embedded.wait_for_bytes(pk, 1_000_000)
    assert half_done(module_engine, "export") and half_done(engine, "import")
    embedded.cancel(pk)
    done = embedded.wait(pk)
    assert (done["state"], done["error"]) == ("cancelled", None)
    wait_until("the giver to stop", lambda: not half_done(module_engine, "export"), timeout=60)
    wait_until("the taker to stop", lambda: not half_done(engine, "import"), timeout=60)
    assert engine.references() == []


def test_the_source_node_vanishes_and_comes_back(
    embedded: PullBed, module_engine: RealEngine, engine: RealEngine, mid: str
) -> None:
    giver, taker = embedded.node(module_engine.tcp_url), embedded.node(engine.unix_url)
    module_engine.link.limit(500_000)
    pk = ask(embedded, mid, taker, source="node", source_node=giver)
    watch = embedded.watch(pk)
    embedded.wait_for_bytes(pk, 1_000_000)
    module_engine.kill9()
    wait_until("the end of the attempt", lambda: any(item["error"] for item in watch.snapshots), timeout=60)
    broken = next(item for item in watch.snapshots if item["error"])
    assert (broken["state"], broken["error"]["code"], broken["error"]["transient"]) == ("queued", "source_lost", True)
    assert engine.references() == []
    module_engine.start()
    module_engine.link.limit(None)
    done = watch.until(timeout=120)
    assert (done["state"], done["error"]) == ("succeeded", None), done


def test_auto_takes_it_from_a_node_when_the_registry_is_away(
    embedded: PullBed, module_engine: RealEngine, engine: RealEngine, registries: Registries,
    fault_proxy: Callable[..., FaultProxy],
) -> None:  # fmt: skip
    proxy = fault_proxy(registries.open)
    giver, taker = embedded.node(module_engine.tcp_url), embedded.node(engine.unix_url)
    reference = proxy.reference("team/tiny:1")
    assert embedded.wait(ask(embedded, reference, giver, source="auto"))["state"] == "succeeded"
    assert embedded.product.api("POST", f"/api/nodes/{giver}/test/").json()["status"] == "connected"
    proxy.stop()
    done = embedded.wait(ask(embedded, reference, taker, source="auto"))
    assert done["state"] == "succeeded", done
    assert done["source_node"]["id"] == giver and "routed" in embedded.history(done["id"])
    assert done["digest"] == registries.open.image("team/tiny:1").digest
    again = embedded.wait(ask(embedded, reference, taker, source="auto"))
    assert embedded.history(again["id"])[-2:] == ["already_here", "succeeded"]


def test_another_platform_is_refused_before_a_byte_is_loaded(
    embedded: PullBed, module_engine: RealEngine, engine: RealEngine, registries: Registries
) -> None:
    reference = registries.open.reference("team/armplain:1")
    pull_directly(module_engine, reference)
    giver, taker = embedded.node(module_engine.tcp_url), embedded.node(engine.unix_url)
    loads = engine.log().count("/images/load")
    done = embedded.wait(ask(embedded, reference, taker, source="node", source_node=giver))
    assert (done["state"], done["error"]["code"], done["attempt"]) == ("failed", "platform_mismatch", 1)
    found = upload(embedded, saved(module_engine, reference)).json()
    assert found["images"][0]["platform"].startswith("linux/arm")
    done = embedded.wait(ask(embedded, reference, taker, source="archive", archive=found["archive"]))
    assert (done["state"], done["error"]["code"]) == ("failed", "platform_mismatch")
    assert engine.log().count("/images/load") == loads and engine.references() == []


def test_a_full_disk_has_its_code(
    embedded: PullBed, module_engine: RealEngine, mid: str, own_engine: Callable[..., RealEngine]
) -> None:
    small = own_engine(disk_mb=30)
    giver, taker = embedded.node(module_engine.tcp_url), embedded.node(small.unix_url)
    done = embedded.wait(ask(embedded, mid, taker, source="node", source_node=giver))
    assert (done["state"], done["error"]["code"]) == ("failed", "no_space_left"), done


# --- archives ---------------------------------------------------------------------------------------------------------


def oci(archive: bytes, reference: str) -> bytes:
    """The same image as OCI tools would write it."""
    files = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}

    def blob(data: bytes) -> dict[str, Any]:
        hexadecimal = hashlib.sha256(data).hexdigest()
        files[f"blobs/sha256/{hexadecimal}"] = data
        return {"digest": f"sha256:{hexadecimal}", "size": len(data)}

    with closing(tarfile.open(fileobj=io.BytesIO(archive))) as tar:
        read = {name: tar.extractfile(name) for name in tar.getnames()}
        [entry] = json.loads(read["manifest.json"].read())  # type: ignore[union-attr]
        layers = [
            blob(gzip.compress(read[name].read(), 1, mtime=0))
            | {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"}  # type: ignore[union-attr]
            for name in entry["Layers"]
        ]
        config = blob(read[entry["Config"]].read()) | {"mediaType": "application/vnd.oci.image.config.v1+json"}  # type: ignore[union-attr]
    manifest = {"schemaVersion": 2, "config": config, "layers": layers}
    listed = blob(json.dumps(manifest).encode()) | {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "annotations": {"io.containerd.image.name": reference},
    }
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [listed]}).encode()
    return tar_of(files)


@pytest.mark.parametrize("kind", ["docker", "gzip", "oci", "oci gzip"])
def test_an_uploaded_archive(
    embedded: PullBed, module_engine: RealEngine, engine: RealEngine, mid: str, kind: str
) -> None:
    archive = saved(module_engine, mid)
    archive = oci(archive, mid) if "oci" in kind else archive
    answer = upload(embedded, gzip.compress(archive, 1) if "gzip" in kind else archive)
    assert answer.status_code == 201, answer.text
    assert answer.json()["images"] == [{"names": [mid], "platform": "linux/amd64"}]
    taker = embedded.node(engine.unix_url)
    pk = ask(embedded, mid, taker, source="archive", archive=answer.json()["archive"])
    done = embedded.wait(pk)
    assert done["state"] == "succeeded", done
    assert one_image(engine, mid)["Id"] == one_image(module_engine, mid)["Id"]
    assert done["bytes_downloaded"] == done["bytes_total"] > 0
    assert [code for code in embedded.history(pk) if code != "downloaded"][-2:] == ["archive_planned", "succeeded"]


def test_an_archive_under_another_name(
    embedded: PullBed, module_engine: RealEngine, engine: RealEngine, mid: str
) -> None:
    found = upload(embedded, saved(module_engine, mid)).json()
    other = "registry.example.com:5000/other/name:2"
    done = embedded.wait(
        ask(embedded, other, embedded.node(engine.unix_url), source="archive", archive=found["archive"])
    )
    assert done["state"] == "succeeded", done
    assert one_image(engine, other)["Id"] == one_image(module_engine, mid)["Id"]
    assert done["digest"] == "", "no registry knows it under this name"


def test_broken_archives(embedded: PullBed, module_engine: RealEngine, engine: RealEngine, mid: str) -> None:
    whole = saved(module_engine, mid)
    for broken in (b"rubbish", whole[: len(whole) // 2]):
        answer = upload(embedded, broken)
        assert answer.status_code == 400 and answer.json()["errors"][0]["field"] == "archive", answer.text
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 0xFF  # within a layer: no list tells of it
    found = upload(embedded, bytes(damaged)).json()
    done = embedded.wait(ask(embedded, mid, embedded.node(engine.unix_url), source="archive", archive=found["archive"]))
    assert (done["state"], done["error"]["code"]) == ("failed", "archive_damaged"), done
    assert engine.references() == []
    directory = Path(embedded.product.env["IMAGELIB_DATA_DIR"]) / "archives"
    assert {path.suffix for path in directory.iterdir()} == {".tar"}, "nothing half uploaded is left"
