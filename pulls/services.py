"""What people ask of pulls: request, cancel, ask again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.doorbell import ring_on_commit
from core.errors import Conflict, InvalidInput, NotFound, PermissionRefused
from core.jobs import FINAL_STATES, JobState
from core.operators import require_operator
from imagelib.addresses import AddressError
from imagelib.models import ImageRegistry
from imagelib.references import Endpoints, effective_or_invalid
from imagelib.services import clean_address
from nodes.models import ComputeNode
from nodes.services import require_address
from pulls.events import record
from pulls.models import PullJob, PullRequest, Source

_EXAMPLE = {"id": "0123456789abcdef" * 2}
_RACES = 5  # attempts to either create the active pull or join it, while others do the same


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be brought, and from where."""

    entry: ImageRegistry | None
    reference: str
    host: str
    source: str = Source.REGISTRY
    source_node: ComputeNode | None = None
    archive: str = ""

    def columns(self) -> dict[str, Any]:
        return {
            "image": self.entry, "reference": self.reference, "registry_host": self.host, "source": self.source,
            "source_node": self.source_node, "archive": self.archive,
            "source_name": self.source_node.name if self.source_node else "",
            "stall_after": (self.entry.stall_after or 0) if self.entry else 0,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Admitted:
    """Stands for `account` when a pull is requested that was granted before: what was unlisted since, or given another
    address, may be pulled all the same."""

    account: Any
    is_staff: bool = True

    @property
    def pk(self) -> Any:
        return self.account.pk

    def get_username(self) -> str:
        return str(self.account.get_username())


def visible_pulls(user: Any) -> models.QuerySet[PullJob]:
    """Operators see every pull, others those that they asked for or share."""
    rows = PullJob.objects.select_related("node", "requested_by")
    if user.is_staff:
        return rows
    return rows.filter(pk__in=PullRequest.objects.filter(user=user).values("pull"))


def request_pulls(
    *,
    user: Any,
    nodes: Iterable[int],
    image: int | None = None,
    reference: str | None = None,
    source: str = Source.REGISTRY,
    source_node: int | None = None,
    archive: str = "",
) -> list[tuple[int, PullJob]]:
    """Ask for an image on nodes; one result per node, in the order asked. Identical requests share one job.

    Exactly one of `image` (an entry's id) and `reference` is given. `source_node` goes with `Source.NODE`, `archive`
    (the path of a file of this server) with `Source.ARCHIVE`. Raises `InvalidInput`, `NotFound`, `PermissionRefused`;
    nothing is stored then.
    """
    if (image is None) == (not reference):
        raise InvalidInput(
            {"image": _('Give either "image" (an entry\'s id) or "reference" (for example "nginx:1.27").')}
        )
    wanted = replace(_what(user, image, reference), source=source, archive=archive)
    targets = _where(user, list(nodes))
    wanted = replace(wanted, source_node=_giver(user, wanted, source_node, targets))
    try:
        jobs = _create_all(user, wanted, targets)
    except IntegrityError as error:
        raise Conflict(_("The image or a compute node was deleted in this moment."), code="deleted") from error
    return [(node.pk, jobs[node.pk]) for node in targets]


def _create_all(user: Any, wanted: Wanted, targets: list[ComputeNode]) -> dict[int, PullJob]:
    with transaction.atomic():
        # In the order of ids: two requests for the same nodes must not wait for each other in a circle.
        return {node.pk: _create_or_join(user, wanted, node) for node in sorted(targets, key=lambda node: node.pk)}


def _what(user: Any, image: int | None, reference: str | None) -> Wanted:
    endpoints = Endpoints()
    entry = None
    if image is not None:
        entry = ImageRegistry.objects.filter(pk=image).first()
        if entry is None or not (entry.is_listed or user.is_staff):
            raise NotFound(_("There is no listed image with id %(id)s.") % {"id": image}, code="image_not_listed")
        effective = effective_or_invalid(entry.address, endpoints=endpoints)
    else:
        split = clean_address(reference or "", field="reference")
        if split.username:
            raise InvalidInput(
                {"reference": _("Credentials do not belong here: an operator adds them under Registry endpoints.")}
            )
        effective = effective_or_invalid(split.address, field="reference", endpoints=endpoints)
        entry = _entry_for(effective.reference.canonical, endpoints, user)
    return Wanted(entry, effective.reference.canonical, effective.reference.host)


def _giver(user: Any, wanted: Wanted, source_node: int | None, targets: list[ComputeNode]) -> ComputeNode | None:
    """The node that gives the image, where one is named."""
    if (wanted.source == Source.ARCHIVE) != bool(wanted.archive):
        raise InvalidInput(
            {
                "archive": _(
                    'With "source": "archive", and only then, name an uploaded one, for example "archive": "%(id)s".'
                )
                % _EXAMPLE
            }
        )
    if wanted.archive:
        require_operator(user)
    if (wanted.source == Source.NODE) != (source_node is not None):
        raise InvalidInput(
            {
                "source_node": _(
                    'With "source": "node", and only then, name the node that gives the image, for example '
                    '"source_node": 1.'
                )
            }
        )
    if wanted.source in (Source.NODE, Source.ARCHIVE) and "@" in wanted.reference:
        text = _(
            "By a digest an image can only be pulled from its registry: engines give it that name only then. Name it "
            "by a tag, for example nginx:1.27."
        )
        raise InvalidInput({"reference": text})
    if source_node is None:
        return None
    [giver] = _where(user, [source_node])
    if giver in targets:
        raise InvalidInput({"source_node": _("“%(name)s” cannot give the image to itself.") % {"name": giver.name}})
    return giver


def entry_of(canonical: str, endpoints: Endpoints, *, among: models.QuerySet[ImageRegistry]) -> ImageRegistry | None:
    """The entry that a free reference means, listed ones first."""
    tail = canonical.rpartition("/")[2]  # "app:v1", with a digest "app:v1@sha256:…"
    alike = Q(address__endswith=tail)
    if tail.endswith(":latest"):
        alike |= Q(address__endswith=tail.removesuffix(":latest"))
    for row in among.filter(alike).order_by("-is_listed", "pk"):
        with suppress(AddressError):  # stored by an older grammar
            if endpoints.effective(row.address).reference.canonical == canonical:
                return row
    return None


def _entry_for(canonical: str, endpoints: Endpoints, user: Any) -> ImageRegistry | None:
    """Only operators may pull what no entry lists."""
    rows = ImageRegistry.objects.all() if user.is_staff else ImageRegistry.objects.filter(is_listed=True)
    entry = entry_of(canonical, endpoints, among=rows)
    if entry is None and not user.is_staff:
        raise PermissionRefused(
            _("%(reference)s is not listed in the image library. Ask an operator to list it.")
            % {"reference": canonical},
            code="image_not_listed",
        )
    return entry


def _where(user: Any, ids: Sequence[int]) -> list[ComputeNode]:
    if not ids:
        raise InvalidInput({"nodes": _("Name at least one compute node, for example [1].")})
    rows = ComputeNode.objects.filter(pk__in=ids)
    found = {row.pk: row for row in (rows if user.is_staff else rows.filter(is_listed=True))}
    missing = [str(pk) for pk in ids if pk not in found]
    if missing:
        raise NotFound(
            _("There is no listed compute node with id %(ids)s.") % {"ids": ", ".join(missing)}, code="node_not_listed"
        )
    for node in found.values():
        require_address(node)
    return [found[pk] for pk in dict.fromkeys(ids)]


def _create_or_join(user: Any, wanted: Wanted, node: ComputeNode, retry_of: PullJob | None = None) -> PullJob:
    """The partial unique constraint decides who creates; everybody else joins that job."""
    for _race in range(_RACES):
        try:
            with transaction.atomic():
                job = PullJob.objects.create(
                    node=node, node_name=node.name, requested_by=_person(user), as_operator=user.is_staff,
                    rung_at=timezone.now(), max_attempts=settings.PULL_MAX_ATTEMPTS, retry_of=retry_of,
                    **wanted.columns(),
                )  # fmt: skip
                PullRequest.objects.create(pull=job, user=_person(user))
                record(job, "requested", at=timezone.now(), user=user.get_username())
                ring_on_commit(PullJob, job.pk)
                return job
        except IntegrityError:
            if shared := _join(user, wanted.reference, node):
                return shared
    raise Conflict(_("The same pull is being started and ended at this moment. Try again."))


def _join(user: Any, canonical: str, node: ComputeNode) -> PullJob | None:
    """Share the active pull. None when it ended just now."""
    # Locked, because its last user may be cancelling it in this moment.
    rows = PullJob.objects.select_related("node", "requested_by").select_for_update(of=("self",))
    job = rows.filter(node=node, reference=canonical, state__in=[JobState.QUEUED, JobState.RUNNING]).first()
    if job is None:
        return None
    if user.is_staff and not job.as_operator:
        PullJob.objects.filter(pk=job.pk).update(as_operator=True)
    wanted, created = PullRequest.objects.get_or_create(pull=job, user=_person(user))
    if wanted.withdrawn_at is not None:
        PullRequest.objects.filter(pk=wanted.pk).update(withdrawn_at=None)
    if created:
        record(job, "joined", at=timezone.now(), user=user.get_username())
    return job


def cancel_pull(*, user: Any, pull: int) -> PullJob:
    """Cancel. An ordinary user withdraws an own request; the job ends when nobody wants it any more."""
    job = _own(user, pull)
    now = timezone.now()
    name = user.get_username()
    with transaction.atomic():
        job = PullJob.objects.select_for_update().get(pk=job.pk)  # one at a time, also with those who join
        if job.state in (JobState.CANCELLING, JobState.CANCELLED):
            return job  # a second click is no mistake
        if not user.is_staff:
            wanted = PullRequest.objects.filter(pull=job, withdrawn_at=None)
            withdrawn = wanted.filter(user=user).update(withdrawn_at=now)
            if job.is_active and wanted.exists():
                if withdrawn:  # not for a second click
                    record(job, "withdrawn", at=now, user=name)
                return job
        state = PullJob.cancel(job.pk, now=now)
        record(job, "cancel_requested", at=now, user=name)
        if state == JobState.CANCELLED:
            record(job, "cancelled_waiting", at=now)
    job.refresh_from_db()
    return job


def retry_pull(*, user: Any, pull: int) -> PullJob:
    """A new job for one that has ended, under today's rules."""
    job = _own(user, pull)
    if job.state not in FINAL_STATES:
        raise Conflict(_("This pull is still %(state)s.") % {"state": job.get_state_display()}, code="still_active")
    if job.node_id is None:
        raise Conflict(_("The compute node of this pull no longer exists."), code="node_gone")
    wanted = _what(user, None, job.reference)
    [node] = _where(user, [job.node_id])
    wanted = replace(wanted, entry=wanted.entry or job.image, source=job.source, archive=job.archive)
    wanted = replace(wanted, source_node=_giver(user, wanted, _source_again(job), [node]))
    with transaction.atomic():
        new = _create_or_join(user, wanted, node, retry_of=job)
        record(job, "retried", at=timezone.now(), user=user.get_username(), pull=new.pk)
    return new


def _source_again(job: PullJob) -> int | None:
    """An automatic pull looks for its source anew."""
    if job.source != Source.NODE:
        return None
    if job.source_node_id is None:
        raise Conflict(_("The compute node that was to give the image no longer exists."), code="source_gone")
    return job.source_node_id


def _own(user: Any, pull: int) -> PullJob:
    job = visible_pulls(user).filter(pk=pull).first()
    if job is None:
        raise NotFound(_("There is no pull with id %(id)s, or it is not yours.") % {"id": pull})
    return job


def _person(user: Any) -> Any:
    """The account, or None for the system."""
    account = user.account if isinstance(user, Admitted) else user
    return account if account.pk else None
