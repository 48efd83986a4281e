"""What people ask of submissions: submit, withdraw, check again; approve and reject, which operators do."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from builds.checking import fails
from builds.models import Build, Decision, Submission
from builds.services.builds import visible_builds
from builds.services.notices import notify
from builds.services.publishing import digest_of_now, list_image
from builds.services.webhooks import tell
from builds.submission_events import record
from core.auditing import CREATED, audit
from core.changes import announce
from core.doorbell import ring_on_commit
from core.errors import Conflict, InvalidInput, NotFound
from core.jobs import ACTIVE_STATES, FINAL_STATES, IllegalTransition, JobState
from core.operators import require_operator
from imagelib.addresses import AddressError
from imagelib.models import ImageRegistry
from imagelib.references import effective_or_invalid
from imagelib.services import clean_address
from pulls.models import PullJob
from pulls.services import request_pulls

MOST_OPEN = 100  # of one user
CHECK_ATTEMPTS = 3
_ZEROS = "sha256:" + "0" * 64


@dataclass(frozen=True, slots=True)
class Approved:
    """`moved_to`: where the tag leads now, when that is not the digest that was checked and approved."""

    submission: Submission
    entry: ImageRegistry
    pulls: list[PullJob]
    moved_to: str


def visible_submissions(user: Any) -> QuerySet[Submission]:
    """Operators see every submission, others their own."""
    rows = Submission.objects.select_related("requested_by", "decided_by", "build", "entry")
    return rows if user.is_staff else rows.filter(requested_by=user)


def submit(
    *, user: Any, build: int | None = None, reference: str | None = None, name: str = "", description: str = ""
) -> Submission:
    """Offer an image for the library: that of a build, or any reference. Its checks begin at once.

    Raises `InvalidInput`, `NotFound`, and `Conflict` for a build that has no image and for a second open submission.
    """
    if (build is None) == (not reference):
        raise InvalidInput(
            {
                "build": _(
                    'Give either "build" (a build\'s id) or "reference" (for example "registry.example.com/a:v1").'
                )
            }
        )
    made = _build(user, build) if build is not None else None
    text = made.reference if made else (reference or "").strip()
    canonical = _canonical(text, field="build" if made else "reference")
    now = timezone.now()
    if Submission.objects.filter(requested_by=user, decision=Decision.OPEN).count() >= MOST_OPEN:
        raise Conflict(
            _("%(count)s submissions of yours are undecided already. Withdraw some first.") % {"count": MOST_OPEN},
            code="too_many_submissions",
        )
    row = Submission(
        build=made, reference=canonical, name=name.strip(), description=description.strip(), requested_by=user,
        max_attempts=CHECK_ATTEMPTS, rung_at=now,
    )  # fmt: skip
    row.clean_fields(exclude={field.name for field in Submission._meta.fields} - {"name", "description"})
    try:
        with transaction.atomic():
            row.save()
            record(row, "submitted", at=now, user=user)
            audit(row, user=user, changes={"reference": ("", canonical)}, action=CREATED)
            tell(row, "submission.created", at=now)
            ring_on_commit(Submission, row.pk)
    except IntegrityError as error:
        raise _submitted_already(user, canonical) from error
    return row


def _build(user: Any, pk: int) -> Build:
    made = visible_builds(user).filter(pk=pk).first()
    if made is None:
        raise NotFound(_("There is no build with id %(id)s, or it is not yours.") % {"id": pk}, code="build_not_found")
    if made.state != JobState.SUCCEEDED or not made.digest or not made.reference:
        raise Conflict(
            _("Build %(id)s has no image in a registry: it is %(state)s.")
            % {"id": pk, "state": made.get_state_display()},
            code="build_without_image",
        )
    return made


def _canonical(text: str, *, field: str) -> str:
    split = clean_address(text, field=field)
    if split.username:
        raise InvalidInput(
            {field: _("Credentials do not belong here: an operator adds them under Registry endpoints.")}
        )
    reference = effective_or_invalid(split.address, field=field).reference
    try:
        if not reference.digest:
            reference.with_digest(_ZEROS)
    except AddressError:
        raise InvalidInput(
            {field: _("With a digest behind it, this reference is longer than 500 characters.")}
        ) from None
    return reference.canonical


def _submitted_already(user: Any, canonical: str) -> Conflict:
    other = Submission.objects.filter(requested_by=user, reference=canonical, decision=Decision.OPEN).first()
    if other is None:
        return Conflict(_("The build was deleted in this moment."), code="deleted")
    return Conflict(
        _("Your submission %(id)s of this image is still undecided.") % {"id": other.pk},
        code="submitted_already",
        extra={"submission": other.pk},
    )


def withdraw(*, user: Any, submission: int) -> Submission:
    """Take it back: by who submitted it, or by an operator. A second click is no mistake."""
    row, now = _own(user, submission), timezone.now()
    if row.decision == Decision.WITHDRAWN:
        return row
    with transaction.atomic():
        _decide(row, Decision.WITHDRAWN, user=user, now=now)
        record(row, "withdrawn", at=now, user=user)
        if user != row.requested_by:
            told = {"user": user.get_username(), "reference": row.reference}
            notify(to=row.requested_by, code="withdrawn", submission=row, **told)
        tell(row, "submission.withdrawn", at=now)
    return row


def reject(*, user: Any, submission: int, reason: str) -> Submission:
    """Decide against it. The submitter gets the reason."""
    require_operator(user)
    row, now, reason = _own(user, submission), timezone.now(), reason.strip()
    if not reason:
        raise InvalidInput({"reason": _("Say why, for example: the image runs as root.")})
    if len(reason) > 1000:
        raise InvalidInput({"reason": _("At most 1000 characters. For example: the image runs as root.")})
    with transaction.atomic():
        _decide(row, Decision.REJECTED, user=user, now=now, reason=reason)
        record(row, "rejected", at=now, user=user, reason=reason)
        told = {"user": user.get_username(), "reference": row.reference, "reason": reason}
        notify(to=row.requested_by, code="rejected", submission=row, **told)
        tell(row, "submission.rejected", at=now)
    return row


def approve(
    *,
    user: Any,
    submission: int,
    name: str | None = None,
    description: str | None = None,
    nodes: Iterable[int] = (),
    supports_vgpu: bool | None = None,
) -> Approved:
    """Decide for it: the digest that was checked is listed, and pulled onto `nodes`. All of it, or nothing.

    Asks the registry where the tag leads now (up to 9 s, outside the transaction); it decides nothing.
    """
    require_operator(user)
    row, nodes = _own(user, submission), list(nodes)
    _require_checked(row)
    digest_now, unknown = digest_of_now(row)
    moved = digest_now if digest_now and digest_now != row.digest else ""
    now = timezone.now()
    with transaction.atomic():
        checked = Q(state=JobState.SUCCEEDED, digest=row.digest)  # and not checked again meanwhile
        _decide(row, Decision.APPROVED, user=user, now=now, allowed=checked)
        entry = list_image(user=user, submission=row, name=name, description=description, slices=supports_vgpu)
        Submission.objects.filter(pk=row.pk).update(entry=entry)
        row.entry = entry
        pulls = request_pulls(user=user, nodes=nodes, image=entry.pk) if nodes else []
        _tell_of_approval(row, entry, user=user, now=now)
        if moved:
            record(row, "tag_moved", at=now, digest=moved)
        elif unknown:
            record(row, "tag_not_asked", at=now, **unknown)
        if pulls:
            record(row, "pulls", at=now, user=user, nodes=", ".join(job.node_name for _node, job in pulls))
    return Approved(row, entry, [job for _node, job in pulls], moved)


def _tell_of_approval(row: Submission, entry: ImageRegistry, *, user: Any, now: datetime) -> None:
    record(row, "approved", at=now, user=user, entry=entry.name, digest=row.digest)
    told = {"user": user.get_username(), "reference": row.reference, "entry": entry.name}
    notify(to=row.requested_by, code="approved", submission=row, **told)
    tell(row, "submission.approved", at=now)


def _require_checked(row: Submission) -> None:
    _require_open(row)
    if row.state in ACTIVE_STATES:
        raise Conflict(_("The checks are still running. Approve when they are through."), code="still_checking")
    if row.state != JobState.SUCCEEDED or not row.digest or fails(row.checks):
        raise Conflict(
            _("The checks did not find an image that can be listed. Reject it, or check again."), code="checks_failed"
        )


def _require_open(row: Submission) -> None:
    if row.decision == Decision.OPEN:
        return
    who = row.decided_by.get_username() if row.decided_by else _("somebody")
    raise Conflict(
        _("%(user)s has decided this already: %(decision)s.") % {"user": who, "decision": row.get_decision_display()},
        code="decided_already",
        extra={"decision": row.decision},
    )


def check_again(*, user: Any, submission: int) -> Submission:
    """Begin the checks anew, for one that is undecided and whose checks have ended."""
    row, now = _own(user, submission), timezone.now()
    _require_open(row)
    with transaction.atomic():
        waiting = Submission.objects.filter(pk=row.pk, decision=Decision.OPEN, state__in=FINAL_STATES)
        if not waiting.update(
            version=F("version") + 1, state=JobState.QUEUED, attempt=0, due_at=now, rung_at=now, finished_at=None,
            error_code="", error={}, checks=[], digest="", size=None, platforms=[], libc="", checked_at=None,
        ):  # fmt: skip
            raise Conflict(_("The checks are still running."), code="still_checking")
        announce()
        record(row, "checked_again", at=now, user=user)
        audit(row, user=user, changes={"state": (row.state, JobState.QUEUED)})
        ring_on_commit(Submission, row.pk)
    row.refresh_from_db()
    return row


def _decide(
    row: Submission, decision: Decision, *, user: Any, now: datetime, allowed: Q | None = None, reason: str = ""
) -> None:
    """open → decided, one guarded UPDATE: of two operators, or of two clicks, one wins. Ends checks that still run."""
    open_row = Submission.objects.filter(allowed or Q(), pk=row.pk, decision=Decision.OPEN)
    decided = open_row.update(
        version=F("version") + 1, decision=decision, decided_by=user, decided_at=now, reason=reason
    )
    row.refresh_from_db()
    if not decided:
        _require_checked(row)
        raise Conflict(_("It was checked again meanwhile. Look at the new checks."), code="checked_again")
    changes: dict[str, tuple[Any, Any]] = {"decision": (Decision.OPEN, decision)}
    audit(row, user=user, changes=changes | ({"reason": ("", reason)} if reason else {}))
    announce()
    with suppress(IllegalTransition):
        Submission.cancel(row.pk, now=now)
        row.refresh_from_db()


def _own(user: Any, pk: int) -> Submission:
    row = visible_submissions(user).filter(pk=pk).first()
    if row is None:
        raise NotFound(_("There is no submission with id %(id)s, or it is not yours.") % {"id": pk})
    return row
