"""From the engine's JSON to values: old engines, new engines, and `df`."""

from __future__ import annotations

import pytest

from nodes.engine import DiskSpace, EngineError, answers
from nodes.engine.disk import parse_df
from nodes.engine.types import Distribution, ImageInfo

ABOUT = {"ApiVersion": "1.51", "Version": "28.5.2", "Arch": "amd64", "Os": "linux"}
DIGEST = "sha256:" + "ab" * 32


def test_info_of_a_graph_driver_engine() -> None:
    answer = {
        "Name": "gpu1",
        "ServerVersion": "20.10.24",
        "OSType": "linux",
        "Architecture": "x86_64",
        "NCPU": 64,
        "MemTotal": 540_000_000_000,
        "Driver": "overlay2",
        "DriverStatus": [["Backing Filesystem", "extfs"], ["Supports d_type", "true"]],
        "DockerRootDir": "/var/lib/docker",
        "OperatingSystem": "Debian",
        "Images": 3,
        "ContainersRunning": 2,
    }
    info = answers.engine_info(answer, ABOUT)
    assert (info.platform, info.containerd_store, info.storage_driver) == ("linux/amd64", False, "overlay2")
    assert (info.cpus, info.memory_bytes, info.data_root) == (64, 540_000_000_000, "/var/lib/docker")
    assert (info.engine_version, info.api_version) == ("20.10.24", "1.51")


def test_info_of_a_containerd_store_engine() -> None:
    answer = {"Driver": "overlayfs", "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}
    assert answers.engine_info(answer, ABOUT).containerd_store


def test_only_overlay2_over_xfs_limits_the_disk_of_containers() -> None:
    """Without quotas it refuses; ext4 takes a limit and does nothing."""
    for driver, backing, limits in (("overlay2", "xfs", True), ("overlay2", "extfs", False), ("vfs", "xfs", False)):
        answer = {"Driver": driver, "DriverStatus": [["Backing Filesystem", backing]]}
        assert answers.engine_info(answer, ABOUT).limits_disk is limits, (driver, backing)


def test_info_without_anything() -> None:
    info = answers.engine_info({"DriverStatus": None}, ABOUT)
    assert (info.engine_version, info.platform, info.containerd_store, info.cpus) == ("28.5.2", "linux/amd64", False, 0)


def test_the_platform_of_the_version_answer() -> None:
    assert answers.platform(ABOUT) == "linux/amd64"
    for lacking in ("Os", "Arch"):
        with pytest.raises(EngineError) as refused:
            answers.platform({**ABOUT, lacking: ""})
        assert refused.value.code == "engine_not_docker"


def test_an_inspected_image() -> None:
    answer = {
        "Id": DIGEST,
        "RepoTags": ["r:1"],
        "RepoDigests": [f"r@{DIGEST}"],
        "Size": 7,
        "Os": "linux",
        "Architecture": "arm64",
        "RootFS": {"Type": "layers", "Layers": ["sha256:1", "sha256:2"]},
        "Created": "2024-01-01T00:00:00Z",
    }
    expected = ImageInfo(
        DIGEST, ("r:1",), (f"r@{DIGEST}",), 7, "linux", "arm64", ("sha256:1", "sha256:2"), "2024-01-01T00:00:00Z"
    )
    assert answers.inspected(answer) == expected
    assert answers.inspected({"Id": DIGEST, "RepoTags": None, "RootFS": None}) == ImageInfo(DIGEST, (), (), 0)


def test_a_listed_image() -> None:
    nameless = {
        "Id": DIGEST,
        "RepoTags": ["<none>:<none>"],
        "RepoDigests": ["<none>@<none>", f"r@{DIGEST}"],
        "Created": 1_704_067_200,
        "Size": 5,
    }
    assert answers.listed(nameless) == ImageInfo(DIGEST, (), (f"r@{DIGEST}",), 5, created="2024-01-01T00:00:00Z")


def test_an_image_without_an_id_is_no_image() -> None:
    with pytest.raises(EngineError) as error:
        answers.inspected({"message": "hello"})
    assert error.value.code == "engine_not_docker"


def test_distribution() -> None:
    answer = {
        "Descriptor": {"mediaType": "application/vnd.oci.image.index.v1+json", "digest": DIGEST, "size": 9},
        "Platforms": [
            {"os": "linux", "architecture": "amd64"},
            {"os": "linux", "architecture": "arm64", "variant": "v8"},
        ],
    }
    expected = Distribution(DIGEST, "application/vnd.oci.image.index.v1+json", ("linux/amd64", "linux/arm64/v8"))
    assert answers.distribution(answer) == expected
    assert answers.distribution({"Platforms": None}) == Distribution("", "", ())


HEADER = "Filesystem           1024-blocks    Used Available Capacity Mounted on\n"


@pytest.mark.parametrize(
    ("text", "space"),
    [
        (HEADER + "overlay               19046484     48588  18997896   0% /\n", (19046484, 18997896)),
        (HEADER + "some name with spaces   100 40 60 40% /\n", (100, 60)),
        (HEADER + "overlay 100 100 0 100% /\n", (100, 0)),  # full is known, and not None
        (HEADER, None),
        (HEADER + "overlay - - - - /\n", None),
        (HEADER + "none 0 0 0 - /\n", None),
        ("sh: df: not found", None),
        ("", None),
    ],
)
def test_df(text: str, space: tuple[int, int] | None) -> None:
    assert parse_df(text) == (DiskSpace(space[0] * 1024, space[1] * 1024) if space else None)
