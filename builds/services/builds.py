"""What people ask of builds: request, cancel, ask again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from builds.builders import builder_nodes
from builds.models import Application, ApplicationVersion, Build, SourceKind, Trigger
from builds.naming import build_arguments, image_reference, image_repository
from builds.pushing import NOT_ALLOWED, objection_to
from builds.services.application_rules import image_name
from builds.trees import DOCKERFILE
from core.auditing import CREATED, audit
from core.doorbell import ring_on_commit
from core.errors import Conflict, InvalidInput, NotFound, PermissionRefused
from core.jobs import ACTIVE_STATES, FINAL_STATES, JobState
from imagelib.address_texts import address_error_text
from imagelib.addresses import AddressError, parse
from imagelib.references import Endpoints
from nodes.models import ComputeNode
from nodes.services import require_address, visible_nodes

MOST_WAITING = 100  # of one user who is no operator
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")
_USUAL_REVISION = "0" * 40  # to see beforehand whether a name fits


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be built, and where. `revision`: of the files; of a git repository a commit, "" for the newest."""

    application: Application
    version: ApplicationVersion | None
    branch: str
    revision: str
    node: ComputeNode | None

    def reference(self) -> str:
        """The image's whole name; empty as long as nobody knows which commit it will be of."""
        if not self.revision:
            return ""
        repository = image_name(self.application)
        return parse(image_reference(repository, base_tag=self.application.base_tag, revision=self.revision)).canonical

    def columns(self) -> dict[str, Any]:
        app, git = self.application, self.version is None
        return {
            "application": app, "application_name": app.name, "files": self.version,
            "git_url": app.git_url if git else "", "git_branch": self.branch if git else "",
            "git_path": app.git_path if git else "", "revision": self.revision, "reference": self.reference(),
            "node": self.node, "node_name": self.node.name if self.node else "", "node_asked": self.node is not None,
        }  # fmt: skip


def shown_builds() -> models.QuerySet[Build]:
    """With all that a snapshot tells, and without the files: those may be megabytes."""
    return Build.objects.select_related("requested_by", "cancelled_by", "files").defer("files__files")


def visible_builds(user: Any) -> models.QuerySet[Build]:
    """Operators see every build, others those of their applications and those that they asked for."""
    rows = shown_builds()
    return rows if user.is_staff else rows.filter(Q(application__owner=user) | Q(requested_by=user))


def request_build(
    *,
    user: Any,
    application: int,
    node: int | None = None,
    trigger: str = Trigger.PERSON,
    commit: str = "",
    branch: str = "",
) -> Build:
    """Build the newest files of an application, or the newest commit of its branch; `commit` and `branch` name others
    of its repository. Without a `node` the product chooses a builder.

    Raises `InvalidInput`, `NotFound`, and `Conflict` while another build of the application goes on.
    """
    app = _application(user, application)
    of_git = app.source == SourceKind.GIT
    for field, value in (("commit", commit), ("branch", branch)):
        if value and not of_git:
            text = _('Only applications in a git repository have this. Leave it out, for example {"application": 1}.')
            raise InvalidInput({field: text})
    if commit and not _COMMIT.match(commit):
        raise InvalidInput(
            {
                "commit": _(
                    "A whole commit id of 40 hexadecimal digits, for example 4b825dc642cb6eb9a060e54bf8d69288fbee4904."
                )
            }
        )
    version = None if of_git else _newest(app)
    revision = version.revision if version else commit
    wanted = Wanted(app, version, branch or app.git_branch, revision, _where(user, node))
    return _create(user, wanted, trigger)


def cancel_build(*, user: Any, build: int) -> Build:
    """The engine stops within seconds; what was built so far stays in its cache, nothing is published unless the push
    was through already: then `digest` says what."""
    job = _own(user, build)
    with transaction.atomic():
        job = Build.objects.select_for_update().get(pk=job.pk)
        if job.state not in (JobState.CANCELLING, JobState.CANCELLED):  # a second click is no mistake
            before = job.state
            state = Build.cancel(job.pk, now=timezone.now())
            Build.objects.filter(pk=job.pk).update(cancelled_by=user if user.pk else None)
            audit(job, user=user, changes={"state": (before, state)})
    job.refresh_from_db()
    return job


def retry_build(*, user: Any, build: int) -> Build:
    """A new build of the same revision as one that has ended, under today's rules."""
    job = _own(user, build)
    if job.state not in FINAL_STATES:
        raise Conflict(_("This build is still %(state)s.") % {"state": job.get_state_display()}, code="still_active")
    if job.application_id is None or (job.files is None and not job.git_url):
        raise Conflict(_("The application of this build no longer exists."), code="application_gone")
    app = _application(user, job.application_id)
    if (app.source == SourceKind.GIT) != bool(job.git_url) or (job.git_url and app.git_url != job.git_url):
        raise Conflict(
            _("The files of the application come from elsewhere now. Start a new build."), code="source_changed"
        )
    if job.node_asked and job.node_id is None:
        raise Conflict(_("The compute node of this build no longer exists."), code="node_gone")
    node = _where(user, job.node_id if job.node_asked else None)
    revision = job.files.revision if job.files else job.revision
    return _create(user, Wanted(app, job.files, job.git_branch, revision, node), Trigger.PERSON, retry_of=job)


def _application(user: Any, pk: int) -> Application:
    rows = Application.objects.select_related("target_registry", "owner").filter(pk=pk)
    app = (rows if user.is_staff else rows.filter(owner=user)).first()
    if app is None:
        raise NotFound(_("There is no application with id %(id)s, or it is not yours.") % {"id": pk})
    return app


def _newest(app: Application) -> ApplicationVersion:
    has_dockerfile = Q(files__has_key=DOCKERFILE)  # the files themselves may be megabytes
    version = app.versions.defer("files").annotate(can_be_built=has_dockerfile).order_by("-number").first()
    if version is None or not version.can_be_built:
        raise Conflict(
            _("“%(name)s” has no Dockerfile yet. Save one first.") % {"name": app.name}, code="dockerfile_missing"
        )
    return version


def _where(user: Any, pk: int | None) -> ComputeNode | None:
    if pk is None:
        if not builder_nodes():
            raise Conflict(
                _("There is no compute node to build on. List one in Compute nodes, and give it the label “builder”."),
                code="no_builder",
            )
        return None
    node = visible_nodes(user).filter(pk=pk).first()
    if node is None:
        raise NotFound(_("There is no listed compute node with id %(ids)s.") % {"ids": pk}, code="node_not_listed")
    require_address(node)
    return node


def _create(user: Any, wanted: Wanted, trigger: str, retry_of: Build | None = None) -> Build:
    """The partial unique constraint decides between two requests in the same moment."""
    names = _names(wanted.application)
    _require_room(user)
    try:
        with transaction.atomic():
            job = Build.objects.create(
                requested_by=user if user.pk else None, as_operator=user.is_staff, rung_at=timezone.now(),
                max_attempts=settings.BUILD_MAX_ATTEMPTS, trigger=trigger, retry_of=retry_of,
                **names, **wanted.columns(),
            )  # fmt: skip
            asked = {"application": ("", job.application_name)} | ({"retry_of": ("", retry_of)} if retry_of else {})
            audit(job, user=user, changes=asked, action=CREATED)
            ring_on_commit(Build, job.pk)
            return job
    except IntegrityError as error:
        active = Build.objects.filter(application=wanted.application, state__in=ACTIVE_STATES).first()
        if active is None:
            raise Conflict(_("Somebody deleted the application or the node in this moment."), code="deleted") from error
        text = _("“%(name)s” is being built already: build %(build)s. Wait for it or cancel it.")
        values = {"name": wanted.application.name, "build": active.pk}
        raise Conflict(text % values, code="still_active", extra={"build": active.pk}) from None


def _require_room(user: Any) -> None:
    """For what nobody means to ask for: two requests in the same moment may well be one too many."""
    if user.is_staff:
        return
    if Build.objects.filter(requested_by=user, state=JobState.QUEUED).count() >= MOST_WAITING:
        raise Conflict(
            _("%(count)s builds of yours are waiting already. Wait for some, or cancel some.")
            % {"count": MOST_WAITING},
            code="too_many_builds",
        )


def _names(app: Application) -> dict[str, Any]:
    """What the image will be called, and what it starts from. Raises `InvalidInput` when that is no name, and
    `PermissionRefused` where the application may not push."""
    try:
        repository = image_repository(
            host=app.target_registry.endpoint,
            namespace=app.target_namespace,
            base_image=app.base_image,
            suffix=app.suffix,
        )
        image_reference(repository, base_tag=app.base_tag, revision=_USUAL_REVISION)
    except AddressError as error:
        raise InvalidInput({"application": address_error_text(error.code, error.params)}) from None
    objection = objection_to(repository, app.owner, Endpoints())
    if objection is not None:
        raise PermissionRefused(objection.sentence(app.owner), code=NOT_ALLOWED)
    arguments = build_arguments(
        base_registry=app.base_registry,
        base_namespace=app.base_namespace,
        base_image=app.base_image,
        base_tag=app.base_tag,
    )
    return {"repository": repository, "registry_host": parse(repository).host, "arguments": arguments}


def _own(user: Any, build: int) -> Build:
    job = visible_builds(user).filter(pk=build).first()
    if job is None:
        raise NotFound(_("There is no build with id %(id)s, or it is not yours.") % {"id": build})
    return job
