"""What `manage.py doctor` looks at: each finding says what is there or what is wrong, and then how to repair it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone
from django.utils.translation import gettext as _

from core.commands import migrate, missing_migrations, reason, start_database
from core.fields import EncryptedTextField
from core.jobs import job_models
from core.reaper import last_round
from core.server_lock import lock_path, server_process
from imagelib import health
from imagelib.celery import app
from imagelib.inspection import check_endpoint
from imagelib.models import RegistryEndpoint
from nodes.failure_texts import engine_failure_text
from nodes.services import usable_nodes
from nodes.work import SWEEP_WITHIN, sweep
from nodes.work import Finding as Probe
from pulls.sizes import human_bytes

LITTLE_SPACE = 500_000_000  # bytes: the database, its journal and the logs still fit
SCHEDULE_SILENT_AFTER = timedelta(seconds=60)  # the reaper's round comes every 10 s
REGISTRIES_AT_ONCE = 16


class Level(IntEnum):
    """Also the exit code of the worst finding."""

    GOOD = 0
    DEGRADED = 1
    BROKEN = 2


@dataclass(frozen=True, slots=True)
class Finding:
    level: Level
    subject: str
    text: str
    fix: str = ""


def diagnose() -> Iterator[Finding]:
    """All findings, the basic ones first; what needs the database is left out when it cannot be used."""
    yield data_directory(Path(settings.DATA_DIR))
    if not settings.DEBUG:  # in development they are served from where they are
        yield static_files()
    basis = database()
    yield basis
    yield from _one_process() if settings.EMBEDDED else _processes()
    if basis.level == Level.GOOD:
        yield secrets()
        yield from nodes()
        yield from registries()


def data_directory(path: Path) -> Finding:
    subject = _("data directory")
    if not os.access(path, os.W_OK | os.X_OK):
        fix = _("Give this user write access, or choose another directory in IMAGELIB_DATA_DIR.")
        return Finding(Level.BROKEN, subject, _("%(path)s is not writable.") % {"path": path}, fix)
    free = shutil.disk_usage(path).free
    text = _("%(path)s, %(size)s free") % {"path": path, "size": human_bytes(free)}
    if free < LITTLE_SPACE:
        return Finding(Level.DEGRADED, subject, text, _("Free some space there before the database cannot write."))
    return Finding(Level.GOOD, subject, text)


def static_files() -> Finding:
    """Pages name them with a hash of their content, so without the collection no page can be shown."""
    if getattr(staticfiles_storage, "hashed_files", None):
        return Finding(Level.GOOD, _("static files"), _("collected"))
    fix = _("Run: manage.py collectstatic --noinput")
    return Finding(Level.BROKEN, _("static files"), _("They are not collected: no page can be shown."), fix)


def database() -> Finding:
    subject = _("database")
    try:
        missing = missing_migrations()
    except (DatabaseError, InterfaceError) as error:
        return Finding(Level.BROKEN, subject, reason(error), start_database())
    if missing:
        return Finding(Level.BROKEN, subject, _("%(count)s migrations are missing.") % {"count": missing}, migrate())
    return Finding(Level.GOOD, subject, connection.display_name)


def _one_process() -> Iterator[Finding]:
    yield Finding(Level.GOOD, _("broker"), _("in the server's process (IMAGELIB_REDIS_URL is empty)"))
    process = server_process(lock_path())
    if process is None:
        text = _("No server is running, so jobs only wait.")
        yield Finding(Level.DEGRADED, _("server"), text, _("Start one: manage.py serve"))
    else:
        yield Finding(Level.GOOD, _("server"), _("process %(id)s, with workers and schedule") % {"id": process or "?"})


def _processes() -> Iterator[Finding]:
    if health.broker() != "ok":
        fix = _("Start Redis or correct IMAGELIB_REDIS_URL.")
        yield Finding(Level.BROKEN, _("broker"), _("Redis does not answer."), fix)
        return
    yield Finding(Level.GOOD, _("broker"), "Redis")
    answers = app.control.inspect(timeout=2).active_queues() or {}
    workers = [queue["name"] for queues in answers.values() for queue in queues]
    for queue in sorted({model.queue for model in job_models()} | {"control"}):
        yield _workers(queue, workers.count(queue))
    if "control" in workers:  # its worker carries out what the schedule asks for
        yield _schedule()


def _workers(queue: str, count: int) -> Finding:
    subject = _("workers of the queue %(queue)s") % {"queue": queue}
    if count:
        return Finding(Level.GOOD, subject, str(count))
    fix = _("Start one: %(command)s") % {"command": f"celery -A imagelib worker -P threads -Q {queue}"}
    return Finding(Level.BROKEN, subject, _("There is none."), fix)


def _schedule() -> Finding:
    last = last_round()
    if last is not None and timezone.now() - last < SCHEDULE_SILENT_AFTER:
        age = round((timezone.now() - last).total_seconds())
        return Finding(Level.GOOD, _("schedule"), _("last round %(age)s s ago") % {"age": age})
    fix = _("Start one: %(command)s") % {"command": "celery -A imagelib beat"}
    return Finding(Level.DEGRADED, _("schedule"), _("No round in the last minute: nodes are not probed."), fix)


def secrets() -> Finding:
    unreadable = 0
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, EncryptedTextField):
                values = model._default_manager.values_list(field.attname, flat=True)
                unreadable += sum(not secret.readable() for secret in values.iterator())
    if unreadable:
        fix = _("Put the old key back into IMAGELIB_FIELD_KEYS, or enter these secrets again.")
        text = _("%(count)s cannot be decrypted.") % {"count": unreadable}
        return Finding(Level.DEGRADED, _("stored secrets"), text, fix)
    return Finding(Level.GOOD, _("stored secrets"), _("all readable"))


def nodes(*, within: float = SWEEP_WITHIN) -> Iterator[Finding]:
    """What a sweep finds, `within` seconds; a node whose turn did not come is no good news either."""
    rows = list(usable_nodes().order_by("name", "pk"))
    found = {node.pk: finding for node, finding in sweep(rows, within=within)}
    for node in rows:
        subject = _("node %(name)s") % {"name": node.name}
        yield _node(subject, found.get(node.pk))
        if node.is_unprotected:
            text = _("It is spoken to without encryption: registry passwords can be read on the way.")
            yield Finding(Level.DEGRADED, subject, text, _("Use TLS (usually tcp://…:2376) or ssh://."))


def _node(subject: str, found: Probe | None) -> Finding:
    if found is None:
        text = _("It was not asked: too many nodes before it did not answer in time.")
        fix = _("Repair or delete the nodes that do not answer, then run this again.")
        return Finding(Level.DEGRADED, subject, text, fix)
    if found.info is not None:
        return Finding(Level.GOOD, subject, f"Docker {found.info.engine_version}, {found.info.platform}")
    failure = engine_failure_text(found.code)
    return Finding(Level.DEGRADED, subject, str(failure.cause), str(failure.advice))


def registries() -> Iterator[Finding]:
    rows = list(RegistryEndpoint.objects.order_by("name"))
    with ThreadPoolExecutor(REGISTRIES_AT_ONCE, thread_name_prefix="check") as pool:
        for row, answer in zip(rows, pool.map(check_endpoint, rows), strict=True):
            subject = _("registry %(name)s") % {"name": row.name}
            error = answer["error"]
            if error is None:
                yield Finding(Level.GOOD, subject, row.endpoint)
            else:
                yield Finding(Level.DEGRADED, subject, str(error["cause"]), str(error["advice"]))
