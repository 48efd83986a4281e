"""The files of a build: of a version that is kept here, or of a commit of a git repository."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from builds.failures import failure
from builds.hiding import login_secrets
from builds.models import Build
from builds.outcome import BuildFailed
from builds.reporting import Reporter
from builds.repositories import GitError, GitSource, Interrupted, Limits, open_checkout, origin_of
from builds.trees import Entry, entries_of
from core.jobs import JobState
from pulls.outcome import Stopped
from pulls.tools import Tools

_NAMED = 10  # paths in one line of the log
LOOK_EVERY = 1.0  # seconds between two looks at whether a silent git server is still wanted


@dataclass(frozen=True, slots=True)
class Source:
    """`entries` are readable as long as the source is open. `place`: what leads from an image back to them."""

    entries: Sequence[Entry]
    revision: str
    made_at: datetime
    place: str


@contextmanager
def opened(job: Build, reporter: Reporter, tools: Tools) -> Iterator[Source]:
    """Raises `BuildFailed`, and `Stopped` when nobody waits any more."""
    if job.git_url:
        with _of_repository(job, reporter, tools) as source:
            yield source
        return
    version = job.files
    if version is None:
        raise BuildFailed(failure("application_gone"))
    place = f"urn:imagelib:application:{version.application_id}:{version.number}"  # names may come to mean others
    yield Source(entries_of(version.files, programs=version.programs), version.revision, version.created_at, place)


@contextmanager
def _of_repository(job: Build, reporter: Reporter, tools: Tools) -> Iterator[Source]:
    application = job.application
    if application is None:
        raise BuildFailed(failure("application_gone"))
    if origin_of(application.git_url) != origin_of(job.git_url):  # its login is for the new server
        raise BuildFailed(failure("source_changed"))
    password = application.git_password.reveal()
    reporter.hide(login_secrets(application.git_username, password))
    reporter.note("fetching", url=job.git_url, branch=job.git_branch)
    reporter.store()  # before a server is waited for
    git = GitSource(job.git_url, job.git_branch, application.git_username, password, commit=job.revision)

    def heard(_count: int) -> None:
        reporter.meter.move(now=tools.monotonic())
        reporter.glance()

    limits = Limits(max_bytes=settings.GIT_MAX_BYTES, heard=heard, interrupted=_Abandoned(job, tools))
    try:
        with open_checkout(git, within=limits) as checkout:
            entries = checkout.entries(job.git_path)
            pointers = [notice.path for notice in checkout.notices if notice.code == "git_lfs_pointer"]
            if pointers:
                reporter.note("pointers", count=len(pointers), paths=", ".join(pointers[:_NAMED]))
            yield Source(entries, checkout.commit, checkout.committed_at, job.git_url)
    except GitError as error:
        raise BuildFailed(failure(error.code, evidence=error.evidence, params=error.params)) from error
    except Interrupted:
        reporter.store()  # says why, if it is not this process that ends
        raise Stopped("interrupted") from None


class _Abandoned:
    """Whether nobody waits for the files any more; asked often, from a thread of its own."""

    def __init__(self, job: Build, tools: Tools) -> None:
        self._job, self._tools, self._looked_at = job, tools, monotonic()

    def __call__(self) -> bool:
        if self._tools.interrupted():
            return True
        if monotonic() - self._looked_at < LOOK_EVERY:
            return False
        self._looked_at = monotonic()
        try:
            mine = Build.objects.filter(pk=self._job.pk, run_token=self._job.run_token, state=JobState.RUNNING)
            return not mine.exists()
        except (DatabaseError, InterfaceError):
            return False  # nobody can tell now
        finally:
            connection.close()
