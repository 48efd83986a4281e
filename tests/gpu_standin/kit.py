"""Cards for engines of the tests, on a machine that has none: see `hook.py` for how an engine gets to them."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.services.requirements import program

SOURCES = Path(__file__).parent
HOOK = "nvidia-container-runtime-hook"
_LIBRARY = ("-shared", "-fPIC")


@dataclass(frozen=True)
class StandInCard:
    """A card of a node. `uuid` as the vendor writes it."""

    uuid: str
    mib: int = 24576
    name: str = "NVIDIA A10"


class GpuStandIn:
    """The stand-in driver, built once below `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._driver, self.slicing_library = directory / "driver", directory / "hami" / "build"
        self.idle_library = directory / "hami" / "idle"  # the same, which limits nothing
        for folder in (self._driver, self.slicing_library, self.idle_library):
            folder.mkdir(parents=True)
        _build("libcuda.c", self._driver / "libcuda.so.1", *_LIBRARY)
        _build("libnvidia_ml.c", self._driver / "libnvidia-ml.so.1", *_LIBRARY)
        _build("nvidia_smi.c", self._driver / "nvidia-smi", "-ldl")
        _build("libvgpu.c", self.slicing_library / "libvgpu.so", *_LIBRARY)
        _build("idle.c", self.idle_library / "libvgpu.so", *_LIBRARY)

    def node(self, name: str, *cards: StandInCard) -> GpuNode:
        """`name` is for the reader of a listing: the files of one process may give the same."""
        return GpuNode(Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.directory)), self._driver, cards)


class GpuNode:
    """What makes an engine one with these cards: its option `programs` is `self.programs`."""

    def __init__(self, directory: Path, driver: Path, cards: tuple[StandInCard, ...]) -> None:
        self.directory, self.programs = directory, directory / "bin"
        self.programs.mkdir()
        (directory / "lib").symlink_to(driver)
        shutil.copy(SOURCES / "hook.py", self.programs / HOOK)
        (self.programs / HOOK).chmod(0o755)
        self.has(*cards)

    def has(self, *cards: StandInCard) -> None:
        """From now on these and no others."""
        lines = (f"{index},{card.uuid},{card.mib},{card.name}\n" for index, card in enumerate(cards))
        (self.directory / "cards.csv").write_text("".join(lines))


def _build(source: str, target: Path, *options: str) -> None:
    command = [program("gcc"), "-O1", "-Wall", "-o", str(target), str(SOURCES / source), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{source}: {done.stderr}"
