"""Compute nodes: machines with a Docker engine, and what is known of them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.fields import EncryptedTextField
from nodes.engine.addresses import EngineAddressError, parse_address
from nodes.engine.types import EngineEndpoint
from nodes.paths import USUAL_LIBRARY_DIRECTORY


class NodeStatus(models.TextChoices):
    UNKNOWN = "unknown", _("unknown")
    CONNECTED = "connected", _("connected")
    FAILED = "failed", _("failed")


STATUS_COLOURS = {NodeStatus.UNKNOWN: "default", NodeStatus.CONNECTED: "success", NodeStatus.FAILED: "danger"}
# Two sweeps and a half: a status older than this is shown as stale, not as the truth.
STATUS_FRESH_FOR = timedelta(seconds=75)


def default_hami_directory() -> str:
    return USUAL_LIBRARY_DIRECTORY


class ComputeNode(models.Model):
    """算力节点. Sizes without a unit in their name are GB; secrets are encrypted and write-only."""

    name = models.CharField(_("name"), max_length=255, unique=True)
    region = models.CharField(_("region"), max_length=255, blank=True)
    labels = models.JSONField(_("labels"), default=dict, blank=True, help_text=_('For example {"rack": "a1"}'))
    cpu = models.PositiveIntegerField(_("CPU cores"), default=0)
    memory = models.PositiveIntegerField(_("memory (GB)"), default=0)
    system_disk = models.PositiveIntegerField(_("system disk (GB)"), default=0)
    data_disk = models.PositiveIntegerField(_("data disk (GB)"), default=0)
    public_ip = models.GenericIPAddressField(_("public IP"), null=True, blank=True)
    private_ip = models.GenericIPAddressField(_("private IP"), null=True, blank=True)
    ssh_port = models.PositiveIntegerField(
        _("SSH port"), default=22, validators=[MinValueValidator(1), MaxValueValidator(65535)]
    )
    username = models.CharField(_("user name"), max_length=255, blank=True)
    password = EncryptedTextField(_("password"), max_length=2000)
    gpu_name = models.CharField(_("GPU model"), max_length=255, blank=True)
    gpu_count = models.PositiveIntegerField(_("GPU count"), default=0)
    gpu_memory_gb = models.PositiveIntegerField(_("GPU memory per card (GB)"), default=0)
    hami_core = models.CharField(_("HAMi-core directory"), max_length=500, default=default_hami_directory, blank=True)
    docker_address = models.CharField(
        _("Docker address"),
        max_length=500,
        blank=True,
        help_text=_(
            "unix:///var/run/docker.sock, tcp://10.0.0.5:2376 or ssh://user@10.0.0.5. Without an address the node is "
            "an entry of the inventory and nothing more."
        ),
    )
    use_tls = models.BooleanField(_("use TLS"), default=False)
    ca_cert = models.TextField(_("CA certificate"), blank=True)
    client_cert = models.TextField(_("client certificate"), blank=True)
    client_key = EncryptedTextField(_("client key"))
    is_listed = models.BooleanField(_("listed"), default=True, db_index=True)
    remark = models.CharField(_("remark"), max_length=1000, blank=True)

    status = models.CharField(
        _("Docker status"),
        max_length=10,
        choices=NodeStatus.choices,
        default=NodeStatus.UNKNOWN,
        editable=False,
    )
    status_code = models.CharField(max_length=64, blank=True, editable=False)  # a code of the error catalogue
    status_evidence = models.TextField(blank=True, editable=False)
    checked_at = models.DateTimeField(_("checked"), null=True, editable=False)
    last_seen_at = models.DateTimeField(_("last seen"), null=True, editable=False)
    engine_version = models.CharField(_("engine version"), max_length=64, blank=True, editable=False)
    storage_driver = models.CharField(_("storage driver"), max_length=64, blank=True, editable=False)
    limits_system_disk = models.BooleanField(default=False, editable=False)  # of containers, as its engine says
    platform = models.CharField(_("platform"), max_length=64, blank=True, editable=False)
    disk_total_bytes = models.PositiveBigIntegerField(null=True, editable=False)
    disk_free_bytes = models.PositiveBigIntegerField(_("disk free"), null=True, editable=False)
    disk_checked_at = models.DateTimeField(_("disk read"), null=True, editable=False)
    disk_due_at = models.DateTimeField(default=timezone.now, editable=False)  # when to read it again
    discovered_at = models.DateTimeField(_("discovered"), null=True, editable=False)
    connection_version = models.PositiveIntegerField(default=1, editable=False)  # counts changes of how to connect
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("compute node")
        verbose_name_plural = _("compute nodes")
        ordering = ("name", "pk")
        indexes = [models.Index(fields=["-created_at", "-id"], name="node_newest_first")]

    def __str__(self) -> str:
        return self.name

    def endpoint(self) -> EngineEndpoint:
        """How to connect. Raises `SecretUnreadable` when a stored secret cannot be decrypted."""
        return EngineEndpoint(
            address=self.docker_address,
            use_tls=self.use_tls,
            ca_cert=self.ca_cert,
            client_cert=self.client_cert,
            client_key=self.client_key.reveal(),
            ssh_port=self.ssh_port,
            ssh_username=self.username,
            ssh_password=self.password.reveal(),
        )

    @property
    def is_unprotected(self) -> bool:
        """Whether passwords that are sent to the engine can be read on the way."""
        try:
            return not self.use_tls and parse_address(self.docker_address).is_in_the_clear
        except EngineAddressError:
            return False

    @property
    def published_at(self) -> str:
        """The host at which ports of its containers can be reached: where its engine is. A socket tells no host; there
        the private IP says it, for a worker that is in a container itself, or else it is this machine."""
        try:
            host = parse_address(self.docker_address).host
        except EngineAddressError:
            host = ""
        return host or self.private_ip or "127.0.0.1"

    @property
    def reached_at(self) -> str:
        """Where people reach ports of its containers: at its public IP, if it is known."""
        return self.public_ip or self.published_at

    def status_is_fresh(self, now: datetime) -> bool:
        return self.checked_at is not None and now - self.checked_at <= STATUS_FRESH_FOR
