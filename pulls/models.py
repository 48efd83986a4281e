"""Pull jobs: one image reference, one node, one engine pull."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Count, Q
from django.utils.translation import gettext_lazy as _

from core.jobs import HELD_STATES, PATIENCE, Job, JobState, not_rung_since, protect_while_active
from imagelib.models import ImageRegistry
from nodes.models import ComputeNode


class Source(models.TextChoices):
    """Where a node gets an image from."""

    REGISTRY = "registry", _("registry")
    AUTO = "auto", _("automatic")  # the registry if it answers the node, else another node; nothing if it is there
    NODE = "node", _("another node")
    ARCHIVE = "archive", _("archive")


# Rows that have to go through their registry: an automatic one as long as no node is known to give it.
THROUGH_REGISTRY = Q(source=Source.REGISTRY) | Q(source=Source.AUTO, source_node__isnull=True)


class PullJob(Job):
    """拉取: brings `reference` onto `node`.

    The slot columns are the limits: a running pull holds one of `PULLS_PER_NODE` slots of its node, and one of
    `PULLS_PER_REGISTRY` slots of its registry host or one of `PULLS_PER_NODE` slots of the node that gives the image.
    The unique constraints make a surplus impossible.
    """

    task = "pulls.tasks.run_pull"
    queue = "transfers"
    released = {"node_slot": None, "registry_slot": None, "source_slot": None}

    node = models.ForeignKey(
        ComputeNode,
        protect_while_active,
        null=True,
        related_name="pulls",
        verbose_name=_("compute node"),
    )
    node_name = models.CharField(max_length=255, editable=False)  # outlives the node
    image = models.ForeignKey(
        ImageRegistry,
        protect_while_active,
        null=True,
        related_name="pulls",
        verbose_name=_("image"),
    )
    reference = models.CharField(_("image reference"), max_length=600)  # canonical, always with tag or digest
    registry_host = models.CharField(_("registry"), max_length=255)
    source = models.CharField(_("source"), max_length=10, choices=Source.choices, default=Source.REGISTRY)
    source_node = models.ForeignKey(
        ComputeNode, protect_while_active, null=True, related_name="given_pulls", verbose_name=_("source node")
    )
    source_name = models.CharField(max_length=255, blank=True, editable=False)  # outlives the node
    archive = models.CharField(max_length=1000, blank=True, editable=False)  # a file of this server
    stall_after = models.FloatField(default=0, editable=False)  # seconds; 0: the setting
    digest = models.CharField(_("digest"), max_length=160, blank=True, editable=False)
    bytes_total = models.PositiveBigIntegerField(_("size"), null=True, editable=False)
    as_operator = models.BooleanField(default=False, editable=False)  # an operator asked for it: may be unlisted
    last_byte_at = models.DateTimeField(null=True, editable=False)  # from the registry
    elsewhere = models.BooleanField(default=False, editable=False)  # its node has become another machine since
    moved_at = models.DateTimeField(null=True, editable=False)  # what the stall watchdog goes by, see `pulls.meter`
    node_slot = models.PositiveSmallIntegerField(null=True, editable=False)
    registry_slot = models.PositiveSmallIntegerField(null=True, editable=False)
    source_slot = models.PositiveSmallIntegerField(null=True, editable=False)

    class Meta:
        verbose_name = _("pull")
        verbose_name_plural = _("pulls")
        ordering = ("-pk",)
        indexes = [
            models.Index(fields=["state", "due_at"], name="pull_state_due"),
            models.Index(fields=["node", "requested_by", "-started_at"], name="pull_last_served"),
            # Where an image arrived, or did not, for placing containers: the history grows without end.
            models.Index(
                fields=["reference", "node", "id", "state", "elsewhere"],
                condition=Q(state__in=[JobState.SUCCEEDED, JobState.FAILED]),
                name="pull_ended_where",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["node", "reference"],
                condition=Q(state__in=[JobState.QUEUED, JobState.RUNNING]),
                name="one_active_pull_per_node_and_reference",
            ),
            models.UniqueConstraint(fields=["node", "node_slot"], name="one_pull_per_node_slot"),
            models.UniqueConstraint(fields=["registry_host", "registry_slot"], name="one_pull_per_registry_slot"),
            models.UniqueConstraint(fields=["source_node", "source_slot"], name="one_pull_per_source_slot"),
        ]

    def __str__(self) -> str:
        return _("pull %(id)s: %(reference)s on %(node)s (%(state)s)") % {
            "id": self.pk, "reference": self.reference, "node": self.node_name, "state": self.get_state_display(),
        }  # fmt: skip

    @classmethod
    def unheard(cls, *, now: datetime, limit: int) -> list[int]:
        return cls.claimable(now=now, limit=limit, rung_before=now - PATIENCE)

    @classmethod
    def claimable(cls, *, now: datetime, limit: int, rung_before: datetime | None = None) -> list[int]:
        """Ids of waiting pulls, oldest first, per node only as many as it has free slots: a long queue is not rung for
        as a whole. `rung_before` leaves out those whose message may still be on its way."""
        queued = cls.objects.filter(state=JobState.QUEUED, due_at__lte=now).exclude(cls.held_up())
        if rung_before is not None:
            queued = queued.filter(not_rung_since(rung_before))
        per_node = Count("pk")
        held = dict(cls.objects.filter(state__in=HELD_STATES).order_by().values_list("node_id").annotate(per_node))
        found: list[int] = []
        for node_id in queued.order_by().values_list("node_id", flat=True).distinct():
            free = max(settings.PULLS_PER_NODE - held.get(node_id, 0), 0)
            found += queued.filter(node_id=node_id).order_by("due_at", "pk").values_list("pk", flat=True)[:free]
            if len(found) >= limit:
                break
        return found[:limit]

    @classmethod
    def held_up(cls) -> Q:
        """Pulls whose registry host or source node has no free slot: they must not hide what could go."""
        held = cls.objects.filter(state__in=HELD_STATES).order_by()
        hosts = held.filter(registry_slot__isnull=False).values("registry_host").annotate(held=Count("pk"))
        full_hosts = hosts.filter(held__gte=settings.PULLS_PER_REGISTRY).values("registry_host")
        nodes = held.filter(source_slot__isnull=False).values("source_node").annotate(held=Count("pk"))
        full_nodes = nodes.filter(held__gte=settings.PULLS_PER_NODE).values("source_node")
        return THROUGH_REGISTRY & Q(registry_host__in=full_hosts) | Q(
            source_node__isnull=False, source_node__in=full_nodes
        )

    @property
    def goes_through_registry(self) -> bool:
        """See `THROUGH_REGISTRY`."""
        return self.source == Source.REGISTRY or (self.source == Source.AUTO and self.source_node_id is None)

    def give_up_worker(self, *, now: datetime) -> bool:
        if not super().give_up_worker(now=now):
            return False
        self.events.create(at=now, attempt=self.attempt, code="worker_lost")
        return True


class PulledImage(models.Model):
    """What engines of one platform last got for a reference, as its registry described it then."""

    reference = models.CharField(max_length=600)
    platform = models.CharField(max_length=64)  # in normal form
    size = models.PositiveBigIntegerField(default=0)  # bytes to move for a node that has none of its layers

    class Meta:
        constraints = [models.UniqueConstraint(fields=["reference", "platform"], name="one_pulled_image_per_platform")]

    def __str__(self) -> str:
        return f"{self.reference} ({self.platform})"


class ImageLayer(models.Model):
    """`layer` is a number made of the digest of its content, see `pulls.layers`; `size` the bytes that travel."""

    image = models.ForeignKey(PulledImage, models.CASCADE, related_name="layers")
    layer = models.BigIntegerField()
    size = models.PositiveBigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["image", "layer"], name="one_image_layer")]

    def __str__(self) -> str:
        return f"{self.image_id}: {self.layer}"


class NodeLayer(models.Model):
    """A layer that was on the node when a pull there ended. It only ranks nodes: what is there the engine knows."""

    node = models.ForeignKey(ComputeNode, models.CASCADE, related_name="layers")
    layer = models.BigIntegerField()
    added_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["layer", "node"], name="one_node_layer")]

    def __str__(self) -> str:
        return f"{self.node_id}: {self.layer}"


class PullRequest(models.Model):
    """Who wants a pull. Identical requests share one job, which ends early only when nobody wants it any more."""

    pull = models.ForeignKey(PullJob, models.CASCADE, related_name="requests")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")  # null: a command
    created_at = models.DateTimeField(auto_now_add=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["pull", "user"], name="one_request_per_user_and_pull"),
            models.UniqueConstraint(
                fields=["pull"], condition=Q(user__isnull=True), name="one_request_of_commands_per_pull"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} → {self.pull_id}"


class PullEvent(models.Model):
    """One line of a pull's history: a code with values; the sentence is made in the language of whoever reads it."""

    pull = models.ForeignKey(PullJob, models.CASCADE, related_name="events")
    at = models.DateTimeField()
    attempt = models.PositiveSmallIntegerField(default=0)
    code = models.CharField(max_length=64)
    values = models.JSONField(default=dict)

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.code


def free_slot(taken: Iterable[int | None], limit: int) -> int | None:
    """The lowest slot number below `limit` that is not taken."""
    occupied = set(taken)
    return next((slot for slot in range(limit) if slot not in occupied), None)
