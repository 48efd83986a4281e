"""`manage.py doctor`: is everything there and working? Each finding comes with its fix.

Exit code 0: all good; 1: something degraded (a node or registry fails); 2: the product itself cannot work.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor

from core.fields import EncryptedTextField
from core.jobs import job_models
from imagelib import health
from imagelib.celery import app
from imagelib.inspection import check_endpoint
from imagelib.models import RegistryEndpoint
from nodes.failure_texts import engine_failure_text
from nodes.models import ComputeNode
from nodes.work import sweep

GOOD, DEGRADED, BROKEN = 0, 1, 2
_MARKS = {GOOD: "ok     ", DEGRADED: "warning", BROKEN: "ERROR  "}


@dataclass(frozen=True, slots=True)
class Finding:
    level: int
    subject: str
    text: str
    fix: str = ""


class Command(BaseCommand):
    help = "Check database, broker, workers, secrets, nodes, registries. Exit 0, 1 (degraded) or 2 (broken)."

    def handle(self, **_options: Any) -> None:
        worst = GOOD
        for finding in self._findings():
            worst = max(worst, finding.level)
            self.stdout.write(f"{_MARKS[finding.level]}  {finding.subject}: {finding.text}")
            if finding.fix:
                self.stdout.write(f"         fix: {finding.fix}")
        if worst:
            raise SystemExit(worst)

    def _findings(self) -> Iterator[Finding]:
        database = list(_database())
        yield from database
        yield from _broker()
        if all(finding.level == GOOD for finding in database):
            yield from _secrets()
            yield from _nodes()
            yield from _registries()


def _database() -> Iterator[Finding]:
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Error as error:
        yield Finding(BROKEN, "database", str(error).strip(), "Start the database or correct IMAGELIB_DATABASE_URL.")
        return
    if missing:
        yield Finding(BROKEN, "database", f"{len(missing)} migrations are missing", "Run manage.py migrate.")
    else:
        yield Finding(GOOD, "database", connection.vendor)


def _broker() -> Iterator[Finding]:
    if settings.EMBEDDED:
        yield Finding(GOOD, "broker", "in process (no IMAGELIB_REDIS_URL); workers live in manage.py serve")
        return
    if health.broker() != "ok":
        yield Finding(BROKEN, "broker", "Redis does not answer", "Start Redis or correct IMAGELIB_REDIS_URL.")
        return
    yield Finding(GOOD, "broker", "Redis")
    answers = app.control.inspect(timeout=2).active_queues() or {}
    served = {queue["name"] for queues in answers.values() for queue in queues}
    for queue in sorted({model.queue for model in job_models()} | {"control"}):
        if queue in served:
            yield Finding(GOOD, f"worker {queue}", "listening")
        else:
            fix = f"Start one: celery -A imagelib worker -P threads -Q {queue}"
            yield Finding(BROKEN, f"worker {queue}", "none", fix)


def _secrets() -> Iterator[Finding]:
    unreadable = 0
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, EncryptedTextField):
                secrets = model._default_manager.values_list(field.attname, flat=True)
                unreadable += sum(not secret.readable() for secret in secrets.iterator())
    if unreadable:
        fix = "Put the old key back into IMAGELIB_FIELD_KEYS, or enter these secrets again."
        yield Finding(DEGRADED, "secrets", f"{unreadable} cannot be decrypted", fix)
    else:
        yield Finding(GOOD, "secrets", "all readable")


def _nodes() -> Iterator[Finding]:
    for node, found in sorted(sweep(list(ComputeNode.objects.all())), key=lambda pair: pair[0].name):
        if found.info is not None:
            yield Finding(GOOD, f"node {node.name}", f"Docker {found.info.engine_version}, {found.info.platform}")
        else:
            text = engine_failure_text(found.code)
            yield Finding(DEGRADED, f"node {node.name}", text.cause, text.advice)


def _registries() -> Iterator[Finding]:
    for row in RegistryEndpoint.objects.all():
        answer = check_endpoint(row)
        if answer["error"] is None:
            yield Finding(GOOD, f"registry {row.name}", row.endpoint)
        else:
            yield Finding(DEGRADED, f"registry {row.name}", answer["error"]["cause"], answer["error"]["advice"])
