#!/usr/bin/env python3
"""Stand-in for nvidia-container-runtime-hook: puts the stand-in driver into a container that asks for cards.

An engine that finds a program of that name on its PATH offers the device driver "nvidia", sets NVIDIA_VISIBLE_DEVICES
and NVIDIA_DRIVER_CAPABILITIES in a container as its request says, and runs the program before the container starts,
with the container's state on standard input. Beside its folder lie `cards.csv` (index,uuid,MiB,name) and `lib`.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

NODE = Path(__file__).resolve().parent.parent
USUAL = "utility,compute"
FILES = {"compute": ["libcuda.so.1"], "utility": ["libnvidia-ml.so.1", "nvidia-smi"]}


def main() -> int:
    bundle = Path(json.load(sys.stdin)["bundle"])
    config = json.loads((bundle / "config.json").read_text())
    environment = dict(pair.partition("=")[::2] for pair in config["process"]["env"])  # the last one wins
    wanted = environment.get("NVIDIA_VISIBLE_DEVICES", "")
    if wanted in ("", "void"):
        return 0
    try:
        cards = visible(wanted)
    except KeyError as error:
        words = "Auto-detected mode as 'legacy'\nnvidia-container-cli: device error:"
        sys.stderr.write(f"{words} {error.args[0]}: unknown device\n")
        return 1
    capabilities = (environment.get("NVIDIA_DRIVER_CAPABILITIES") or USUAL).split(",")
    inject(bundle / config["root"]["path"], cards, capabilities)
    return 0


def visible(wanted: str) -> list[str]:
    """Lines of the cards. Raises KeyError for one that the node does not have."""
    lines = (NODE / "cards.csv").read_text().splitlines()
    if wanted in ("all", "none"):
        return lines if wanted == "all" else []
    by_name = {name: line for line in lines for name in line.split(",")[:2]}
    return [by_name[name] for name in wanted.split(",")]


def inject(root: Path, cards: list[str], capabilities: list[str]) -> None:
    (root / "etc").mkdir(exist_ok=True)
    numbered = (f"{number},{line.partition(',')[2]}\n" for number, line in enumerate(cards))
    (root / "etc/gpu-standin").write_text("".join(numbered))
    names = [name for kind, found in FILES.items() if kind in capabilities or "all" in capabilities for name in found]
    library = next((path.parent for path in root.glob("lib*/**/libc.so.6")), root / "usr/lib")
    for name in names:
        folder = library if ".so" in name else root / "usr/bin"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(NODE / "lib" / name, folder / name)


if __name__ == "__main__":
    sys.exit(main())
