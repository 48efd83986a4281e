"""What happens by itself again and again: seconds between two times, and the queue of the workers who do it."""

from __future__ import annotations

from typing import Any

from imagelib import env


def _every(seconds: float, task: str, *, expires: int | None = None, queue: str = "control") -> dict[str, Any]:
    """`expires`: after so many seconds nobody needs it any more, because the next one is there."""
    options = {"queue": queue} if expires is None else {"queue": queue, "expires": expires}
    return {"task": task, "schedule": seconds, "options": options}


SCHEDULE = {
    "reap jobs": _every(10.0, "core.tasks.reap_jobs", expires=60),
    "sweep nodes": _every(30.0, "nodes.tasks.sweep_nodes", expires=30),
    "read disks": _every(30.0, "nodes.tasks.read_node_disks", expires=30),
    "sweep instances": _every(
        env.decimal("SWEEP_INSTANCES_EVERY", 15.0, minimum=1), "instances.tasks.sweep_instances", expires=15
    ),
    # short-lived containers, which nobody waits for
    "discover new nodes": _every(30.0, "instances.tasks.discover_new_nodes", expires=30, queue="transfers"),
    # many seconds, which nobody waits for
    "measure instances": _every(30.0, "instances.tasks.measure_instances", expires=30, queue="transfers"),
    "forget old keys": _every(3600.0, "core.tasks.forget_idempotency_keys"),
    "forget old archives": _every(3600.0, "pulls.tasks.forget_old_archives"),
    "forget ended logins": _every(3600.0, "core.tasks.forget_ended_logins"),
    "forget old pulls": _every(3600.0, "pulls.tasks.forget_old_pulls", expires=3600),
    "forget old builds": _every(3600.0, "builds.tasks.forget_old_builds", expires=3600),
    "take up pushes": _every(10.0, "builds.tasks.take_up_pushes", expires=10),
    "forget old deliveries": _every(3600.0, "builds.tasks.forget_old_deliveries", expires=3600),
    "forget what was told": _every(3600.0, "builds.tasks.forget_what_was_told", expires=3600),
    "forget old instances": _every(3600.0, "instances.tasks.forget_old_history", expires=3600),
    "forget old downloads": _every(3600.0, "core.tasks.forget_download_tickets"),
}
