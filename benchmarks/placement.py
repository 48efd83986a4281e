"""Choosing a place among 1,000 nodes with 8 cards each, of which 20,000 instances hold slices.

In the process itself, against the database alone: no request, no engine. `choice` is what a request waits for before
anything is reserved: from the first query until every node is judged and ranked. `creation` is the whole service:
judging who asks for what, the choice, and the reservation in its transaction. Half of the nodes have the image and
the others a part of its layers, most cards are in use to a different degree, so every rule has something to do.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

from benchmarks.figures import load, median, spread
from benchmarks.stage import PRODUCTION, Stage

CARDS = 8
LAYERS = 16  # of the image
LAYERS_OF_NODE, OTHER_LAYERS = 300, 3000  # of other images
MODELS = (("NVIDIA A10", 24576), ("NVIDIA A100-SXM4-80GB", 81920))
REFERENCE = "registry.example.com/team/app:v1"
SPECS: dict[str, dict[str, Any]] = {
    "a slice of 8 GB": {"gpu_model": "A10", "gpu_count": 1, "gpu_memory_gb": 8, "supports_memory_split": True},
    "4 GB of each of 4 cards": {
        "gpu_count": 4,
        "gpu_model": "A10",
        "gpu_memory_gb": 4,
        "supports_memory_split": True,
    },
    "a whole card": {"gpu_model": "A100", "gpu_count": 1, "gpu_memory_gb": 80},
    "no card": {"cpu_cores": 4, "memory_gb": 8},
    "what no node can give": {"gpu_model": "A100", "gpu_count": 8, "gpu_memory_gb": 80},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--database", choices=["postgresql", "sqlite"], default="postgresql")
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--allocations", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    with Stage() as stage:
        _open(stage, options.database)
        _fill(options.nodes, options.allocations)
        _measure(options.database, options.rounds)


def _open(stage: Stage, database: str) -> None:
    os.environ.update(PRODUCTION, IMAGELIB_DATA_DIR=str(stage.directory), DJANGO_SETTINGS_MODULE="imagelib.settings")
    if database == "postgresql":
        os.environ["IMAGELIB_DATABASE_URL"] = stage.postgres.url
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def _fill(nodes: int, allocations: int) -> None:
    from django.contrib.auth.models import User
    from django.db import connection, transaction
    from django.utils import timezone

    from imagelib.models import ImageRegistry
    from instances.models import Gpu, GpuAllocation, Instance, ProductSpec
    from nodes.models import ComputeNode, NodeStatus
    from pulls.models import PullJob

    user, now, order = User.objects.create_user("ulrich"), timezone.now(), random.Random(7)
    entry = ImageRegistry.objects.create(name="app", address=REFERENCE, supports_vgpu=True)
    specs = [ProductSpec.objects.create(name=name, **values) for name, values in SPECS.items()]
    with transaction.atomic():
        usual = {
            "status": NodeStatus.CONNECTED,
            "checked_at": now + timedelta(hours=1),
            "cpu": 512,
            "memory": 2048,
            "data_disk": 0,
            "platform": "linux/amd64",
        }
        rows = ComputeNode.objects.bulk_create(
            ComputeNode(name=f"node {number}", docker_address=f"tcp://10.0.0.1:{number}", **usual)
            for number in range(nodes)
        )
        cards = Gpu.objects.bulk_create(
            Gpu(node=row, device_id=f"GPU-{row.pk}-{index}", index=index, model=model, memory_mib=mib, seen_at=now)
            for number, row in enumerate(rows)
            for model, mib in [MODELS[number % 2]]
            for index in range(CARDS)
        )
        held = order.choices(cards[CARDS:], k=allocations)  # the first node is empty
        made = Instance.objects.bulk_create(
            Instance(
                name=f"train-{number}", image=entry, spec=specs[0], node_id=card.node_id, user=user,
                reference=REFERENCE, observed="running", cpu_cores=4, memory_gb=8,
                plan={"environment": {"A": "b" * 900}}, container_id=f"{number:064x}",
            )
            for number, card in enumerate(held)
        )  # fmt: skip
        GpuAllocation.objects.bulk_create(
            GpuAllocation(instance=one, gpu=card, memory_mib=4096, compute_percent=16, is_exclusive=False)
            for one, card in zip(made, held, strict=True)
        )
        _fill_layers(rows, order)
        PullJob.objects.bulk_create(
            PullJob(node=row, node_name=row.name, reference=f"{REFERENCE}{number or ''}", registry_host="r.example.com",
                    state="succeeded")
            for row in rows[::2]
            for number in range(10)
        )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    gc.collect()
    gc.freeze()  # as the server does


def _fill_layers(nodes: list[Any], order: random.Random) -> None:
    """The image's lower layers are everywhere, its upper ones where it is and on some other nodes; besides, each node
    has layers of other images."""
    from django.utils import timezone

    from pulls.models import ImageLayer, NodeLayer, PulledImage

    image = PulledImage.objects.create(reference=REFERENCE, platform="linux/amd64", size=sum(range(LAYERS)))
    ImageLayer.objects.bulk_create(ImageLayer(image=image, layer=layer, size=layer) for layer in range(LAYERS))
    now, others = timezone.now(), range(LAYERS, LAYERS + OTHER_LAYERS)
    for number, row in enumerate(nodes):
        own = range(LAYERS if number % 2 == 0 else order.randint(LAYERS // 2, LAYERS))
        layers = [*own, *order.sample(others, LAYERS_OF_NODE)]
        NodeLayer.objects.bulk_create(NodeLayer(node=row, layer=layer, added_at=now) for layer in layers)


def _measure(database: str, rounds: int) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from instances.models import ProductSpec

    for name in SPECS:
        spec = ProductSpec.objects.get(name=name)
        for what, action in (("choice", partial(_choose, _ask(spec))), ("creation", partial(_create, spec))):
            with CaptureQueriesContext(connection) as queries:
                action()
            taken = [_time(action) for _ in range(rounds)]
            wall, own = zip(*taken, strict=True)
            figures = f"{spread(wall, 'ms', scale=1e3)}, computing here median {median(own) * 1e3:.1f} ms"
            print(f"{database}, {name}, {what}: {len(queries)} queries, {figures}; {load()}", flush=True)


def _ask(spec: Any) -> Any:
    from django.contrib.auth.models import User

    from imagelib.models import ImageRegistry
    from instances.services.asking import judge
    from instances.spec import Options

    return judge(User.objects.get(), ImageRegistry.objects.get().pk, spec.pk, "new", None, Options())


def _choose(ask: Any) -> None:
    from instances.services.asking import NoRoom, answer_to

    with suppress(NoRoom):
        answer_to(ask)


def _create(spec: Any) -> None:
    """All of it, and then nothing of it."""
    from django.contrib.auth.models import User
    from django.db import transaction

    from imagelib.models import ImageRegistry
    from instances.services import create_instance
    from instances.services.asking import NoRoom

    with transaction.atomic():
        with suppress(NoRoom):
            create_instance(user=User.objects.get(), image=ImageRegistry.objects.get().pk, spec=spec.pk, name="new")
        transaction.set_rollback(True)


def _time(action: Callable[[], Any]) -> tuple[float, float]:
    """Seconds on the wall, and of this process alone: the rest is the database, and others on this machine."""
    started, computing = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - started, time.process_time() - computing


if __name__ == "__main__":
    main()
