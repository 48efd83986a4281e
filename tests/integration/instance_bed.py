"""A running product with nodes, images and specs in it: what the tests of instances ask of it, in few words."""

from __future__ import annotations

import itertools
import json
from typing import Any

from tests.integration.pull_bed import PullBed
from tests.services.engine import RealEngine
from tests.services.process import wait_until

Snapshot = dict[str, Any]
# Ends at once when it is told to: as the first process of a container, a mere `sleep` would not hear it.
POLITE = ["sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.1; done"]
LABEL = "imagelib.instance"
SLICE = {"gpu_model": "A10", "gpu_count": 1, "gpu_memory_gb": 8, "supports_memory_split": True}
WHOLE = {"gpu_model": "A10", "gpu_count": 1, "gpu_memory_gb": 24}
PLAIN: dict[str, Any] = {}
_numbers = itertools.count(1)


class InstanceBed:
    """Everything that is asked for has a name of its own."""

    def __init__(self, bed: PullBed) -> None:
        self.bed, self.product = bed, bed.product
        self._entries: dict[str, int] = {}
        self._specs: dict[str, int] = {}

    def node(self, engine: RealEngine, **fields: Any) -> int:
        """The id of the engine's node, once it is connected."""
        pk = self.bed.node(engine.unix_url, cpu=64, memory=512, data_disk=1000, **fields)
        wait_until(f"node {pk}", lambda: self.get(f"/api/nodes/{pk}/")["status"] == "connected", step=0.1)
        return pk

    def look(self, node: int) -> int:
        """The product looks at the node now: a sweep may have come while its engine was away for a moment."""
        assert self.post(f"/api/nodes/{node}/test/", 200)["status"] == "connected"
        return node

    def get(self, path: str) -> Any:
        answer = self.product.api("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, status: int, **values: Any) -> Any:
        answer = self.product.api("POST", path, json=values)
        assert answer.status_code == status, answer.text
        return answer.json()

    def entry(self, reference: str) -> int:
        """The image library's entry for it; slices are allowed."""
        if reference not in self._entries:
            values = {"name": f"entry {next(_numbers)}", "address": reference, "supports_vgpu": True}
            self._entries[reference] = self.post("/api/images/", 201, **values)["id"]
        return self._entries[reference]

    def spec(self, **values: Any) -> int:
        key = json.dumps(values, sort_keys=True)
        if key not in self._specs:
            self._specs[key] = self.post("/api/specs/", 201, name=f"spec {next(_numbers)}", **values)["id"]
        return self._specs[key]

    def asked(self, reference: str, node: int, spec: dict[str, Any]) -> dict[str, Any]:
        asked = {"image": self.entry(reference), "spec": self.spec(**spec), "node": node}
        return {**asked, "name": f"train-{next(_numbers)}", "command": POLITE}

    def create(self, reference: str, node: int, spec: dict[str, Any], **more: Any) -> int:
        """Ask for it; returns the instance's id at once."""
        return int(self.post("/api/instances/", 202, **{**self.asked(reference, node, spec), **more})["id"])

    def run(self, reference: str, node: int, spec: dict[str, Any], **more: Any) -> Snapshot:
        return self.wait(self.create(reference, node, spec, **more), "running")

    def show(self, pk: int) -> Snapshot:
        return dict(self.get(f"/api/instances/{pk}/"))

    def wait(self, pk: int, *states: str, timeout: float = 120.0) -> Snapshot:
        """The snapshot, once the instance is in one of the states and nothing is done to it."""
        seen: Snapshot = {}

        def reached() -> bool:
            seen.update(self.show(pk))
            return seen["state"] in states and seen["operation"] is None

        try:
            wait_until(f"instance {pk} to be {' or '.join(states)}", reached, timeout=timeout, step=0.1)
        except Exception as error:
            raise AssertionError(f"{error}: {seen}") from error
        return seen

    def do(self, kind: str, pk: int, *states: str) -> Snapshot:
        """start, stop or restart, and wait."""
        self.post(f"/api/instances/{pk}/{kind}/", 202)
        return self.wait(pk, *states)

    def remove(self, *pks: int, timeout: float = 120.0) -> None:
        for pk in pks:
            answer = self.product.api("DELETE", f"/api/instances/{pk}/")
            assert answer.status_code == 202, answer.text
        for pk in pks:
            wait_until(f"instance {pk} to go", lambda pk=pk: not self.exists(pk), timeout=timeout, step=0.1)

    def exists(self, pk: int) -> bool:
        return self.product.api("GET", f"/api/instances/{pk}/").status_code == 200

    def library_at(self, node: int, directory: str) -> None:
        """Where the node has the slicing library from now on."""
        answer = self.product.api("PATCH", f"/api/nodes/{node}/", json={"hami_core": directory})
        assert answer.status_code == 200, answer.text

    def gpus(self, node: int, *, discover: bool = False) -> Snapshot:
        path = f"/api/nodes/{node}/gpus/"
        return dict(self.post(path, 200) if discover else self.get(path))

    def held(self, node: int) -> dict[str, tuple[int, int]]:
        """Device id → MiB and percent that are reserved of it."""
        return {gpu["device_id"]: (gpu["held_mib"], gpu["held_percent"]) for gpu in self.gpus(node)["gpus"]}


def listed(engine: RealEngine) -> list[str]:
    """Ids of all containers of instances; for a moment the engine lists one that it does not know otherwise yet."""
    return [one["Id"] for one in engine.get("/containers/json?all=1") if LABEL in one["Labels"]]


def containers(engine: RealEngine) -> list[dict[str, Any]]:
    """The same, as the engine itself inspects them."""
    return [engine.get(f"/containers/{pk}/json") for pk in listed(engine)]


def container_of(engine: RealEngine, shown: Snapshot) -> dict[str, Any]:
    return dict(engine.get(f"/containers/{shown['container_id']}/json"))


def environment_of(container: dict[str, Any]) -> dict[str, str]:
    return dict(pair.partition("=")[::2] for pair in container["Config"]["Env"])


def volumes(engine: RealEngine) -> list[str]:
    return [volume["Name"] for volume in engine.get("/volumes")["Volumes"] or []]


def nothing_is_left(engine: RealEngine) -> bool:
    return not listed(engine) and not volumes(engine)
