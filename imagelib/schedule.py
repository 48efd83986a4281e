"""What happens by itself again and again: seconds between two times, and the queue of the workers who do it."""

from __future__ import annotations

from imagelib import env

SCHEDULE = {
    "reap jobs": {
        "task": "core.tasks.reap_jobs",
        "schedule": 10.0,
        "options": {"queue": "control", "expires": 60},
    },
    "sweep nodes": {
        "task": "nodes.tasks.sweep_nodes",
        "schedule": 30.0,
        "options": {"queue": "control", "expires": 30},
    },
    "read disks": {
        "task": "nodes.tasks.read_node_disks",
        "schedule": 30.0,
        "options": {"queue": "control", "expires": 30},
    },
    "sweep instances": {
        "task": "instances.tasks.sweep_instances",
        "schedule": env.decimal("SWEEP_INSTANCES_EVERY", 15.0, minimum=1),
        "options": {"queue": "control", "expires": 15},
    },
    "discover new nodes": {
        "task": "instances.tasks.discover_new_nodes",
        "schedule": 30.0,
        "options": {"queue": "transfers", "expires": 30},  # short-lived containers, which nobody waits for
    },
    "measure instances": {
        "task": "instances.tasks.measure_instances",
        "schedule": 30.0,
        "options": {"queue": "transfers", "expires": 30},  # many seconds, which nobody waits for
    },
    "forget old keys": {
        "task": "core.tasks.forget_idempotency_keys",
        "schedule": 3600.0,
        "options": {"queue": "control"},
    },
    "forget old archives": {
        "task": "pulls.tasks.forget_old_archives",
        "schedule": 3600.0,
        "options": {"queue": "control"},
    },
    "forget ended logins": {
        "task": "core.tasks.forget_ended_logins",
        "schedule": 3600.0,
        "options": {"queue": "control"},
    },
    "forget old pulls": {
        "task": "pulls.tasks.forget_old_pulls",
        "schedule": 3600.0,
        "options": {"queue": "control", "expires": 3600},
    },
    "forget old builds": {
        "task": "builds.tasks.forget_old_builds",
        "schedule": 3600.0,
        "options": {"queue": "control", "expires": 3600},
    },
    "take up pushes": {
        "task": "builds.tasks.take_up_pushes",
        "schedule": 10.0,
        "options": {"queue": "control", "expires": 10},
    },
    "forget old deliveries": {
        "task": "builds.tasks.forget_old_deliveries",
        "schedule": 3600.0,
        "options": {"queue": "control", "expires": 3600},
    },
    "forget what was told": {
        "task": "builds.tasks.forget_what_was_told",
        "schedule": 3600.0,
        "options": {"queue": "control", "expires": 3600},
    },
    "forget old instances": {
        "task": "instances.tasks.forget_old_history",
        "schedule": 3600.0,
        "options": {"queue": "control", "expires": 3600},
    },
    "forget old downloads": {
        "task": "core.tasks.forget_download_tickets",
        "schedule": 3600.0,
        "options": {"queue": "control"},
    },
}
