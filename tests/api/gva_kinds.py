"""The kinds of records of the gva dialect, so that one test can go through all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from imagelib.models import ImageRegistry
from instances.models import ProductSpec
from nodes.models import ComputeNode
from tests.api import make


@dataclass(frozen=True)
class Kind:
    """`form` is what the front end sends to create one."""

    name: str
    model: type[Model]
    make: Callable[..., Any]
    form: Mapping[str, Any]
    answered: Mapping[str, Any]  # what differs in the answer from what was sent, and what is there besides
    lengths: Mapping[str, int]
    texts: tuple[str, ...]  # filters that look for a part of a text

    @property
    def prefix(self) -> str:
        return f"/{self.name[0].lower()}{self.name[1:]}"

    @property
    def create(self) -> str:
        return f"{self.prefix}/create{self.name}"

    @property
    def update(self) -> str:
        return f"{self.prefix}/update{self.name}"

    @property
    def delete(self) -> str:
        return f"{self.prefix}/delete{self.name}"

    @property
    def delete_many(self) -> str:
        return f"{self.prefix}/delete{self.name}ByIds"

    @property
    def find(self) -> str:
        return f"{self.prefix}/find{self.name}"

    @property
    def list(self) -> str:
        return f"{self.prefix}/get{self.name}List"

    @property
    def public(self) -> str:
        return f"{self.prefix}/get{self.name}Public"

    def other(self, key: str) -> str:
        """A value that no filter takes for that of `form`."""
        return {"address": "nginx:1", "publicIp": "2001:db8::9", "privateIp": "192.168.9.9"}.get(key, "zzz")

    def minimal(self, **values: Any) -> dict[str, Any]:
        """The fields that must be given."""
        needed = {"name", "address", "publicIp", "privateIp"}
        return {key: value for key, value in self.form.items() if key in needed} | values


IMAGES = Kind(
    name="ImageRegistry",
    model=ImageRegistry,
    make=make.image,
    form={
        "name": "pytorch",
        "address": "registry.company.com/ml/pytorch:2.4",
        "description": "with CUDA",
        "source": "internal",
        "isOnShelf": False,
        "supportMemorySplit": True,
        "remark": "r",
    },
    answered={},
    lengths={"name": 255, "description": 1000, "source": 255, "remark": 1000},
    texts=("name", "address", "source"),
)
NODES = Kind(
    name="ComputeNode",
    model=ComputeNode,
    make=make.node,
    form={
        "name": "gpu-7",
        "region": "north",
        "cpu": 64,
        "memory": 512,
        "systemDisk": 900,
        "dataDisk": 4000,
        "publicIp": "203.0.113.7",
        "privateIp": "10.0.0.7",
        "sshPort": 2222,
        "username": "root",
        "password": "s3cr3t-Pa55",
        "gpuName": "A100",
        "gpuCount": 8,
        "memoryCapacity": 80,
        "hamiCore": "/opt/hami/build",
        "dockerAddress": make.DEAD_ENGINE,
        "useTls": False,
        "caCert": "",
        "clientCert": "",
        "clientKey": "",
        "isOnShelf": False,
        "remark": "r",
    },
    answered={"password": "******", "dockerStatus": "failed"},
    lengths={
        "name": 255, "region": 255, "username": 255, "gpuName": 255, "hamiCore": 500, "dockerAddress": 300,
        "remark": 1000, "password": 2000, "caCert": 20000, "clientCert": 20000, "clientKey": 20000,
    },
    texts=("name", "region", "publicIp", "privateIp", "gpuName"),
)  # fmt: skip
SPECS = Kind(
    name="ProductSpec",
    model=ProductSpec,
    make=make.spec,
    form={
        "name": "A100 slice",
        "gpuModel": "A100",
        "gpuCount": 2,
        "memoryCapacity": 20,
        "cpuCores": 16,
        "memoryGb": 128,
        "systemDiskGb": 100,
        "dataDiskGb": 500,
        "pricePerHour": 12.5,
        "isOnShelf": False,
        "supportMemorySplit": True,
        "remark": "r",
    },
    answered={},
    lengths={"name": 255, "gpuModel": 255, "remark": 1000},
    texts=("name", "gpuModel"),
)
KINDS = (IMAGES, NODES, SPECS)
