"""Many threads claim pulls at the same time; run by `manage.py shell`, prints one line of JSON.

Environment: RACE_SEED, RACE_THREADS, and the product's settings. Every pull must be claimed once, and no instant may
show more running pulls of a node or of a registry than the settings allow.
"""

import json
import os
import random
import sys
import threading
import time
from collections import Counter

from django.conf import settings
from django.db import OperationalError, connection
from django.utils import timezone

from core.jobs import HELD_STATES, JobState
from nodes.models import ComputeNode
from pulls.lanes import claim_next
from pulls.models import PullJob

HOSTS = ("a.test", "b.test", "c.test")
chance = random.Random(int(os.environ["RACE_SEED"]))
nodes = [ComputeNode.objects.create(name=f"n{chance.random()}", docker_address="tcp://127.0.0.1:1") for _ in range(3)]
jobs = [
    PullJob.objects.create(
        node=chance.choice(nodes), node_name="n", reference=f"r{number}", registry_host=chance.choice(HOSTS)
    ).pk
    for number in range(60)
]
claimed: Counter[int] = Counter()
most: Counter[str] = Counter()
lock, ended = threading.Lock(), threading.Event()


def work(seed: int) -> None:
    own = random.Random(seed)
    while not ended.is_set():
        try:
            job = claim_next(hint=own.choice(jobs), now=timezone.now())
        except OperationalError:  # SQLite is busy: the reaper would ring again
            continue
        if job is None:
            time.sleep(0.002)
            continue
        with lock:
            claimed[job.pk] += 1
        time.sleep(own.random() * 0.02)
        job.succeed(now=timezone.now())
    connection.close()


def look() -> None:
    while not ended.is_set():
        held = list(PullJob.objects.filter(state__in=HELD_STATES).values_list("node_id", "registry_host"))
        with lock:
            for kind, values in (("node", [row[0] for row in held]), ("registry", [row[1] for row in held])):
                most[kind] = max(most[kind], *Counter(values).values(), 0)
    connection.close()


threads = [threading.Thread(target=work, args=(chance.random(),)) for _ in range(int(os.environ["RACE_THREADS"]))]
threads.append(threading.Thread(target=look))
for thread in threads:
    thread.start()
deadline = time.monotonic() + 240
while PullJob.objects.filter(state=JobState.QUEUED).exists() and time.monotonic() < deadline:
    time.sleep(0.05)
time.sleep(0.2)
ended.set()
for thread in threads:
    thread.join()
found = {
    "claims": sorted(claimed.values()),
    "most": dict(most),
    "limits": {"node": settings.PULLS_PER_NODE, "registry": settings.PULLS_PER_REGISTRY},
    "left": PullJob.objects.exclude(state=JobState.SUCCEEDED).count(),
}
sys.stdout.write(json.dumps(found) + "\n")
