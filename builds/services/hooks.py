"""What a signed message of a git server leads to, once for each application that it concerns."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Min, Q
from django.utils.translation import gettext_lazy as _

from builds.hooks import Message, Push, Verdict, is_signed_by, verdict_on
from builds.models import Application, Build, HookDelivery, SourceKind, Trigger
from builds.repositories import identity
from builds.services.builds import request_build
from core.errors import Conflict, DomainError, PermissionRefused, SecretUnreadable
from core.history import ended_before, forget

logger = structlog.get_logger(__name__)
BUILT, UNLISTED, WAITING, SUPERSEDED = "built", "built_unlisted", "waiting", "superseded"
NO_OWNER = "no_owner"
# Reasons of `request_build` that go away: another build goes on, no node to build on is connected, many wait.
_PASSING = frozenset({"still_active", "no_builder", "too_many_builds"})
_MARGIN = timedelta(days=1)  # a message's own clock may be ahead of ours by less


class Forged(PermissionRefused):
    """Also for a repository that nobody knows here: strangers learn nothing from the difference."""

    code = "hook_refused"


class Replayed(Conflict):
    code = "replay"


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a message for one application; `build` if there is one at once."""

    application: str
    outcome: str
    build: int | None = None


def take_message(*, body: bytes, signatures: list[str], message: Message, delivery: str, now: datetime) -> list[Taken]:
    """Raises `Forged`, `Replayed`. Applications whose secret did not sign the body are none of its business."""
    applications = [one for one in _candidates(message.urls) if _signed(one, body, signatures)]
    if not applications:
        raise Forged(_("No application has this repository and a webhook secret that this message is signed with."))
    push = message.push
    if push is None:
        return [Taken(one.name, "pong" if message.event == "ping" else "ignored") for one in applications]
    if push.told_at is None or push.told_at < ended_before(now):
        raise Replayed(
            _(
                "The message is too old, or does not say when it was written: the newest date in it counts. For a push "
                "of old commits start the build by its button, or make a new commit."
            )
        )
    digest = hashlib.sha256(body).hexdigest()
    taken = [_take(one, push, digest, delivery) for one in applications]
    if not any(taken):
        raise Replayed(_("This message was taken before. Push again to have it built once more, or start a build."))
    return [one for one in taken if one is not None]


def take_up_waiting() -> int:
    """Have those pushes built that could not be at once, the oldest of each application. Returns how many."""
    first = HookDelivery.objects.filter(outcome=WAITING).values("application").annotate(first=Min("pk"))
    count = 0
    for row in HookDelivery.objects.filter(pk__in=[one["first"] for one in first]).select_related("application"):
        count += _take_up(row)
    return count


def forget_old_deliveries(*, now: datetime) -> int:
    """Not before a message of that age would be refused for its age. Returns how many."""
    return forget(HookDelivery.objects.filter(created_at__lt=ended_before(now) - _MARGIN))


def _candidates(urls: Iterable[str]) -> list[Application]:
    wanted = {found for url in urls if (found := identity(url))}
    names = {found.rpartition("/")[2] for found in wanted}
    if not names:
        return []
    alike = Q()
    for name in names:
        alike |= Q(git_url__icontains=name)
    rows = Application.objects.filter(alike, source=SourceKind.GIT).exclude(webhook_secret="")
    return [row for row in rows.select_related("owner").order_by("pk") if identity(row.git_url) in wanted]


def _signed(application: Application, body: bytes, signatures: list[str]) -> bool:
    try:
        secret = application.webhook_secret.reveal()
    except SecretUnreadable as error:
        logger.error("webhook secret unreadable", application=application.name, reason=str(error))
        return False
    return is_signed_by(secret, body=body, signatures=signatures)


def _take(application: Application, push: Push, digest: str, delivery: str) -> Taken | None:
    """None: it was taken before."""
    verdict = verdict_on(push, path=application.git_path, branch=application.git_branch)
    row = HookDelivery(
        application=application,
        body_sha256=digest,
        delivery=delivery,
        commit=push.commit,
        branch=push.branch[:255],
        pushed_at=push.told_at,
        outcome=verdict,
    )
    try:
        with transaction.atomic():
            row.save()
            if verdict in (Verdict.BUILD, Verdict.BUILD_UNLISTED):
                _have_built(row, BUILT if verdict == Verdict.BUILD else UNLISTED)
    except IntegrityError:
        if HookDelivery.objects.filter(application=application, body_sha256=digest).exists():
            return None
        raise
    return Taken(application.name, row.outcome, row.build_id)


def _have_built(row: HookDelivery, outcome: str) -> None:
    try:
        with transaction.atomic():
            row.build, row.outcome = _build(row), outcome
    except DomainError as error:
        if error.code in _PASSING:
            row.outcome = WAITING
            _supersede(row)
        else:
            row.outcome = error.code[:64]
    row.save(update_fields=["build", "outcome"])


def _build(row: HookDelivery) -> Build:
    owner = row.application.owner
    if owner is None or not owner.is_active:
        raise Conflict(_("The application has no owner any more."), code=NO_OWNER)
    return request_build(
        user=owner, application=row.application_id, trigger=Trigger.WEBHOOK, commit=row.commit, branch=row.branch
    )


def _supersede(row: HookDelivery) -> None:
    """Of the pushes to one branch only the newest is built; messages may overtake one another."""
    waiting = HookDelivery.objects.filter(application=row.application_id, branch=row.branch, outcome=WAITING)
    if waiting.filter(pushed_at__gt=row.pushed_at).exists():
        row.outcome = SUPERSEDED
    waiting.filter(pushed_at__lte=row.pushed_at).exclude(pk=row.pk).update(outcome=SUPERSEDED)


def _take_up(row: HookDelivery) -> bool:
    """Whoever changes the row first has it built; others find it changed."""
    try:
        with transaction.atomic():
            if not HookDelivery.objects.filter(pk=row.pk, outcome=WAITING).update(outcome=BUILT):
                return False
            HookDelivery.objects.filter(pk=row.pk).update(build=_build(row))
    except DomainError as error:
        if error.code in _PASSING:
            return False
        return bool(HookDelivery.objects.filter(pk=row.pk, outcome=WAITING).update(outcome=error.code[:64]))
    return True
