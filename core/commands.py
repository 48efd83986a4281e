"""The base of our `manage.py` commands: texts in IMAGELIB_LANGUAGE, and sentences where others print tracebacks."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext as _

from core.jobs import JobState, job_models

WRONG = 2  # exit code: the request was wrong or the product is not usable; 1 is "done, but not everything is good"


class ProductCommand(BaseCommand):
    """`help` may be lazy. A database that is away or not migrated ends the command with a sentence and code 2."""

    help: Any = ""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        self.help = str(self.help)
        return super().create_parser(prog_name, subcommand, **kwargs)

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except (DatabaseError, InterfaceError) as error:
            if sentence := database_problem():
                raise CommandError(sentence, returncode=WRONG) from error
            raise


def hand_over() -> None:
    """Without Redis the messages of this process reach nobody: the server rings for what waits, in a second."""
    if settings.EMBEDDED:
        for model in job_models():
            model._default_manager.filter(state=JobState.QUEUED).update(rung_at=None)


def database_problem() -> str:
    """Why no command can work with the database now, and what to do; empty when it answers and is migrated."""
    try:
        missing = missing_migrations()
    except (DatabaseError, InterfaceError) as error:
        return " ".join([_("The database cannot be used: %(reason)s.") % {"reason": reason(error)}, start_database()])
    if missing:
        return " ".join([_("%(count)s migrations are missing.") % {"count": missing}, migrate()])
    return ""


def missing_migrations() -> int:
    """How many migrations the database lacks. Raises `DatabaseError` when it cannot be asked."""
    try:
        executor = MigrationExecutor(connection)
    except OperationalError:
        connection.close()  # the next question begins with a new connection
        raise
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def reason(error: BaseException) -> str:
    """The first line of the driver's words."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".")


def start_database() -> str:
    return _("Start the database or correct IMAGELIB_DATABASE_URL.")


def migrate() -> str:
    return _("Run: manage.py migrate")
