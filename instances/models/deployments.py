"""AppImages that run: what was asked for, and the containers that were made of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from appimages.models import AppImage
from core.json_text import JsonTextField
from instances.models.instances import Instance
from instances.models.specs import ProductSpec
from instances.recipes.template import Template
from nodes.models import ComputeNode

LONGEST_NAME = 40  # its instances have a number behind it
DEPLOYMENT_NAME = RegexValidator(
    r"\A[A-Za-z0-9_-]{1,40}\Z", _("1 to 40 letters, digits, hyphens and underscores, such as psi-1.")
)


class Desired(models.TextChoices):
    """What its owner asked for last."""

    RUNNING = "running", _("running")
    STOPPED = "stopped", _("stopped")
    REMOVED = "removed", _("removed")


class Deployment(models.Model):
    """An AppImage as somebody runs it. `document` is the AppImage's of that moment: later changes do not touch it.

    The row goes with the last of its instances, once it is to be removed.
    """

    name = models.CharField(_("name"), max_length=LONGEST_NAME, validators=[DEPLOYMENT_NAME])
    app_image = models.ForeignKey(AppImage, models.PROTECT, related_name="deployments", verbose_name=_("AppImage"))
    version = models.PositiveIntegerField(_("version"), editable=False)
    document = JsonTextField(editable=False)
    role = models.CharField(_("role"), max_length=255, blank=True, editable=False)
    deploy_template = models.CharField(_("deploy template"), max_length=255, editable=False)
    variables = JsonTextField(default=dict, editable=False)  # name → text; never secrets
    spec = models.ForeignKey(ProductSpec, models.PROTECT, related_name="deployments", verbose_name=_("product spec"))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="deployments", verbose_name=_("user")
    )
    desired = models.CharField(
        _("asked for"), max_length=8, choices=Desired.choices, default=Desired.RUNNING, editable=False
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("deployment")
        verbose_name_plural = _("deployments")
        ordering = ("-created_at", "-pk")
        indexes = [models.Index(fields=["-created_at", "-id"], name="deployment_newest_first")]
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="one_deployment_per_user_and_name")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def names_of(cls, rows: Sequence[Deployment]) -> list[str]:
        """With whose it is and with its containers, for who may see them all."""
        models.prefetch_related_objects(rows, "user", "containers__instance__node")
        return [row._with_containers() for row in rows]

    def _with_containers(self) -> str:
        parts = [part.instance for part in self.containers.all()]
        told = {"name": self.name, "user": self.user.get_username()}
        if not parts:
            return gettext("deployment %(name)s of %(user)s") % told
        containers = ", ".join(gettext("%(name)s on %(node)s") % {"name": one.name, "node": one.node} for one in parts)
        told["containers"] = containers
        return gettext("deployment %(name)s of %(user)s, containers %(containers)s") % told


class DeployedContainer(models.Model):
    """What makes an instance a part of a deployment, and what its probes say of it."""

    instance = models.OneToOneField(Instance, models.CASCADE, related_name="deployed", primary_key=True)
    deployment = models.ForeignKey(Deployment, models.PROTECT, related_name="containers")
    container = models.CharField(_("container"), max_length=255)  # its name in the deploy template
    replica = models.PositiveIntegerField(_("replica"))
    template = JsonTextField(default=dict)  # `instances.recipes.template.Template`, without secrets
    has_probes = models.BooleanField(default=False)
    # Since the container's last start; None before the first word of its probes.
    has_started = models.BooleanField(null=True)
    is_ready = models.BooleanField(null=True)
    is_alive = models.BooleanField(null=True)
    probe_restarts = models.PositiveIntegerField(_("restarts by probes"), default=0)
    probe_results = models.JSONField(
        default=dict
    )  # kind → {ok, at, code, params}, the last one of each; ok None: not asked

    class Meta:
        ordering = ("deployment_id", "replica", "pk")

    def __str__(self) -> str:
        return f"{self.deployment}: {self.container}"


class HostPort(models.Model):
    """A port of a node that an instance holds, from before its container exists until after it is gone."""

    node = models.ForeignKey(ComputeNode, models.CASCADE, related_name="host_ports")
    port = models.PositiveIntegerField()
    instance = models.ForeignKey(Instance, models.CASCADE, related_name="host_ports")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["node", "port"], name="one_holder_per_port_of_a_node"),
            models.CheckConstraint(condition=models.Q(port__range=(1, 65535)), name="port_number"),
        ]

    def __str__(self) -> str:
        return f"{self.node}: {self.port}"


def template_of(instance: Instance) -> Template:
    """An empty one for an instance that was not made of an AppImage."""
    stored: Any = DeployedContainer.objects.filter(instance=instance).values_list("template", flat=True).first()
    return Template.of(stored or {})


def delete_instance_row(instance: Instance) -> None:
    """With the deployment that was to be removed, when it was its last. One at a time, or two could both leave it."""
    with transaction.atomic():
        ours = Deployment.objects.filter(containers__instance=instance)
        rows = Deployment.objects.select_for_update().filter(pk__in=ours.values("pk"))
        locked = list(rows.values_list("pk", flat=True))
        Instance.objects.filter(pk=instance.pk).delete()
        Deployment.objects.filter(pk__in=locked, desired=Desired.REMOVED, containers=None).delete()
