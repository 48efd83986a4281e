"""The row is the job: state machine, fencing and heartbeat shared by everything that takes long.

    queued ──claim──► running ──succeed──► succeeded
      ▲  │              │ │ └───fail──────► failed
      │  └──cancel──► cancelled ◄──acknowledge── cancelling ◄──cancel── running
      └──requeue (retry, interrupted or silent worker)──┘

Every change is one guarded UPDATE (`filter(pk, state__in=…, run_token=…)`) that must hit exactly one row; reading,
checking and saving would let two workers win. Final states never move: "retry" inserts a new job that points at the
old one. `run_token` fences a worker that was given up: its next `report` hits no row and it stops.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Case, F, ProtectedError, Q, Value, When
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.changes import announce
from core.errors import Conflict


class JobState(models.TextChoices):
    QUEUED = "queued", _("queued")
    RUNNING = "running", _("running")
    CANCELLING = "cancelling", _("cancelling")
    SUCCEEDED = "succeeded", _("succeeded")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")


ACTIVE_STATES = (JobState.QUEUED, JobState.RUNNING, JobState.CANCELLING)
HELD_STATES = (JobState.RUNNING, JobState.CANCELLING)  # a worker holds the job
FINAL_STATES = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)
PATIENCE = timedelta(seconds=30)  # how long a message may be on its way before it counts as lost
STATE_COLOURS = {  # names of the theme's label colours: one place for every page
    JobState.QUEUED: "warning",
    JobState.RUNNING: "info",
    JobState.CANCELLING: "warning",
    JobState.SUCCEEDED: "success",
    JobState.FAILED: "danger",
    JobState.CANCELLED: "default",
}


class IllegalTransition(Conflict):
    """The job is not in a state from which the change is allowed, or another worker holds it."""

    code = "illegal_transition"


class Job(models.Model):
    """Columns and transitions of a job. Subclasses set `task` (Celery task name) and `queue`."""

    task: ClassVar[str]
    queue: ClassVar[str] = "control"
    freed_by: ClassVar[Any] = _("Wait until the jobs have ended or cancel them, then delete again.")
    released: ClassVar[dict[str, Any]] = {}  # columns to reset whenever no worker holds the job any more

    state = models.CharField(_("state"), max_length=12, choices=JobState.choices, default=JobState.QUEUED)
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=0)
    max_attempts = models.PositiveSmallIntegerField(_("attempts at most"), default=1)
    run_token = models.UUIDField(null=True, editable=False)
    version = models.PositiveBigIntegerField(default=1, editable=False)
    progress = models.JSONField(default=dict, editable=False)
    heartbeat_at = models.DateTimeField(null=True, editable=False)
    due_at = models.DateTimeField(_("not before"), default=timezone.now, editable=False)
    rung_at = models.DateTimeField(null=True, editable=False)  # when its message was last sent
    error_code = models.CharField(max_length=64, blank=True, editable=False)
    error = models.JSONField(default=dict, editable=False)  # {transient, params, evidence}
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("requested by")
    )
    retry_of = models.ForeignKey("self", models.SET_NULL, null=True, related_name="retries", editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    started_at = models.DateTimeField(_("started"), null=True, editable=False)
    finished_at = models.DateTimeField(_("finished"), null=True, editable=False)

    class Meta:
        abstract = True

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE_STATES

    # --- transitions -----------------------------------------------------------------------------------------------

    @classmethod
    def advance(cls, pk: int, *, allowed: Iterable[str], token: uuid.UUID | None = None, **values: Any) -> None:
        """One guarded UPDATE. Raises `IllegalTransition` unless exactly one row was in an allowed state."""
        rows = cls._default_manager.filter(pk=pk, state__in=list(allowed))
        if token is not None:
            rows = rows.filter(run_token=token)
        if rows.update(version=F("version") + 1, **values) != 1:
            state = cls._default_manager.filter(pk=pk).values_list("state", flat=True).first()
            wanted = ", ".join(str(JobState(one).label) for one in allowed)
            raise IllegalTransition(
                _("The job is %(state)s; this is only possible while it is %(allowed)s.")
                % {"state": JobState(state).label if state else _("gone"), "allowed": wanted},
                extra={"state": state},
            )
        announce()

    @classmethod
    def claim(cls, pk: int, *, now: datetime, progress: dict[str, Any] | None = None, **values: Any) -> Self:
        """queued → running with a new run token; the caller is the only worker of this attempt."""
        token = uuid.uuid4()
        cls.advance(
            pk,
            allowed=[JobState.QUEUED],
            state=JobState.RUNNING,
            run_token=token,
            attempt=F("attempt") + 1,
            started_at=now,
            heartbeat_at=now,
            error_code="",
            error={},
            progress=progress or {},
            **values,
        )
        return cls._default_manager.get(pk=pk)

    def report(self, *, now: datetime, **values: Any) -> bool:
        """Write progress and heartbeat. False: cancelled or taken over, the worker must stop."""
        rows = type(self)._default_manager.filter(pk=self.pk, state=JobState.RUNNING, run_token=self.run_token)
        mine = rows.update(version=F("version") + 1, heartbeat_at=now, **values) == 1
        if mine:
            announce()
        return mine

    def succeed(self, *, now: datetime, **values: Any) -> None:
        """running → succeeded, by the worker that holds the job."""
        self._leave([JobState.RUNNING], state=JobState.SUCCEEDED, finished_at=now, **values)

    def fail(self, *, now: datetime, code: str, error: dict[str, Any], **values: Any) -> None:
        """running → failed."""
        self._leave([JobState.RUNNING], state=JobState.FAILED, finished_at=now, error_code=code, error=error, **values)

    def requeue(
        self,
        *,
        due_at: datetime,
        code: str = "",
        error: dict[str, Any] | None = None,
        rung_at: datetime | None = None,
        **values: Any,
    ) -> None:
        """running → queued: another attempt, not before `due_at`; the last error stays visible meanwhile.

        `rung_at`: when the message comes that the caller sends; without one the reaper rings as soon as it is due.
        """
        self._leave(
            [JobState.RUNNING],
            state=JobState.QUEUED,
            due_at=due_at,
            error_code=code,
            error=error or {},
            rung_at=rung_at,
            **values,
        )

    def acknowledge_cancel(self, *, now: datetime, **values: Any) -> None:
        """cancelling → cancelled: the worker has stopped."""
        self._leave([JobState.CANCELLING], state=JobState.CANCELLED, finished_at=now, **values)

    def _leave(self, allowed: list[JobState], **values: Any) -> None:
        self.advance(self.pk, allowed=allowed, token=self.run_token, run_token=None, **self.released, **values)

    @classmethod
    def cancel(cls, pk: int, *, now: datetime) -> str:
        """queued → cancelled at once, running → cancelling (the worker stops within a second). Returns the state."""
        waiting = Q(state=JobState.QUEUED)  # judged by the database: the job may move between two statements of ours
        cls.advance(
            pk,
            allowed=[JobState.QUEUED, JobState.RUNNING],
            state=Case(When(waiting, then=Value(JobState.CANCELLED)), default=Value(JobState.CANCELLING)),
            finished_at=Case(When(waiting, then=Value(now)), default=None),
        )
        return cls._default_manager.values_list("state", flat=True).get(pk=pk)

    # --- who is waiting, who is silent -------------------------------------------------------------------------------

    @classmethod
    def unheard(cls, *, now: datetime, limit: int) -> list[int]:
        """Ids of queued jobs that are due and were not rung for lately: a message may have been lost."""
        due = cls._default_manager.filter(state=JobState.QUEUED, due_at__lte=now).filter(not_rung_since(now - PATIENCE))
        return list(due.order_by("due_at", "pk").values_list("pk", flat=True)[:limit])

    @classmethod
    def silent(cls, *, now: datetime) -> models.QuerySet[Self]:
        """Jobs whose worker has not been heard for `JOB_STALE_AFTER` seconds."""
        since = now - timedelta(seconds=settings.JOB_STALE_AFTER)
        return cls._default_manager.filter(state__in=HELD_STATES, heartbeat_at__lt=since)

    def give_up_worker(self, *, now: datetime) -> bool:
        """End the attempt of a worker that fell silent. False when the worker was faster after all."""
        try:
            if self.state == JobState.CANCELLING:
                self.acknowledge_cancel(now=now)
            elif self.attempt < self.max_attempts:
                self.requeue(due_at=now, code="worker_lost", error={"transient": True})
            else:
                self.fail(now=now, code="worker_lost", error={"transient": True})
        except IllegalTransition:
            return False
        return True


def not_rung_since(moment: datetime) -> Q:
    """Rows whose message was never sent, or sent before `moment`."""
    return Q(rung_at__isnull=True) | Q(rung_at__lt=moment)


def protect_while_active(collector: Any, field: Any, sub_objs: Any, using: str) -> None:
    """`on_delete` of a job's links: refused while a job is active, SET_NULL for the history afterwards."""
    if active := set(sub_objs.filter(state__in=ACTIVE_STATES)):
        raise ProtectedError(f"{len(active)} active job(s)", active)
    models.SET_NULL(collector, field, sub_objs, using)


protect_while_active.lazy_sub_objs = True  # type: ignore[attr-defined]


def job_models() -> list[type[Job]]:
    """Every concrete job model of the project."""
    from django.apps import apps  # noqa: PLC0415  (the registry is complete only when called)

    return [model for model in apps.get_models() if issubclass(model, Job)]
