"""What people ask of compute nodes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import DatabaseError, models, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.errors import Conflict, DomainError, InvalidInput
from core.operators import require_operator
from core.rows import delete_rows, save_row, set_listed_rows
from nodes.address_texts import address_problem
from nodes.certificates import check_tls
from nodes.engine import EngineError, ImageInfo, connect
from nodes.engine.addresses import EngineAddressError, parse_address
from nodes.failure_texts import engine_failure_text
from nodes.models import ComputeNode, NodeStatus
from nodes.moving import move
from nodes.paths import is_clean_directory
from nodes.work import Finding, crashed, discover, probe, sweep

CONNECTION_FIELDS = frozenset(
    ("docker_address", "use_tls", "ca_cert", "client_cert", "client_key", "ssh_port", "username", "password")
)
DISK_EVERY = timedelta(minutes=10)
DISKS_AT_ONCE = 16  # each costs most engines a short container
CERTIFICATE_FIELDS = ("ca_cert", "client_cert", "client_key")
logger = structlog.get_logger(__name__)
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?")


def visible_nodes(user: Any, *, among: Any = None) -> models.QuerySet[ComputeNode]:
    """Operators see every node, others the listed ones; of all, or `among` these rows."""
    rows = ComputeNode.objects.all() if among is None else among
    return rows if user.is_staff else rows.filter(is_listed=True)


def usable_nodes() -> models.QuerySet[ComputeNode]:
    """Nodes that one can connect to, or try to."""
    return ComputeNode.objects.exclude(docker_address="")


def save_node(
    *, user: Any, values: Mapping[str, Any], node: ComputeNode | None = None, test: bool = True
) -> ComputeNode:
    """Create or change a node, then test its connection if how to connect is new (up to 10 s, after the commit).

    A node without a Docker address is an entry of the inventory: its status stays unknown, nobody connects to it.
    Raises `InvalidInput`, also when a stored secret would go to another host: it could be read there.
    """
    require_operator(user)
    row = node or ComputeNode()
    before = {name: getattr(row, name) for name in (*CERTIFICATE_FIELDS, "hami_core")}
    for name, value in values.items():
        setattr(row, name, value)
    new = {name for name, value in before.items() if _differs(getattr(row, name), value)}
    # A stored certificate that has expired since must not keep its node from being renamed or unlisted.
    check_values(row, certificates=not new.isdisjoint(CERTIFICATE_FIELDS), directory="hami_core" in new)
    fields = set(values)
    with transaction.atomic():  # the row stays locked until it is read: its number belongs to just this state
        stored = ComputeNode.objects.select_for_update().filter(pk=row.pk).first()
        changed = stored is None or _connects_anew(row, stored, values)
        if changed:
            # Counted by the database: two changes at the same moment must not share a number.
            row.connection_version = 1 if row._state.adding else F("connection_version") + 1
            row.status, row.status_code, row.status_evidence, row.checked_at = NodeStatus.UNKNOWN, "", "", None
            fields |= {"connection_version", "status", "status_code", "status_evidence", "checked_at"}
        if stored is not None and "docker_address" in values:
            fields |= move(row, stored, values)
        save_row(row, fields=fields, duplicate=_("Another compute node has this name already."))
        row.refresh_from_db()
    if changed and test and row.docker_address:
        test_node(user=user, node=row)
    return row


def _connects_anew(row: ComputeNode, stored: ComputeNode, values: Mapping[str, Any]) -> bool:
    """Whether how to connect differs from what is stored: clients send whole records back, mostly unchanged."""
    return any(_differs(getattr(row, name), getattr(stored, name)) for name in CONNECTION_FIELDS if name in values)


def _differs(new: Any, old: Any) -> bool:
    """A secret that is entered again counts as another one; two that are empty are the same."""
    return bool(new or old) and new != old


def check_values(row: ComputeNode, *, certificates: bool = True, directory: bool = True) -> None:
    """All rules of a node's fields. Raises `InvalidInput` with every fault at once."""
    problems: dict[str, Any] = {}
    try:
        row.docker_address = row.docker_address.strip() and parse_address(row.docker_address).canonical
    except EngineAddressError as error:
        problems["docker_address"] = address_problem(error.code, error.params)
    if certificates and row.client_key.readable():
        key = row.client_key.reveal()
        problems |= check_tls(ca_cert=row.ca_cert, client_cert=row.client_cert, client_key=key)
    if not isinstance(row.labels, dict) or not all(_is_label(key, value) for key, value in row.labels.items()):
        problems["labels"] = _('Labels are names with short texts, for example {"rack": "a1", "builder": "yes"}.')
    if directory and row.hami_core and not is_clean_directory(row.hami_core):
        problems["hami_core"] = _(
            "Give an absolute path on the node without “..”, “~”, colons and blanks around it, for example "
            "/root/HAMi-core/build; or leave it empty for the usual one."
        )
    try:
        row.clean_fields(exclude=set(problems))
        row.validate_constraints()
        row.validate_unique()
    except ValidationError as error:
        problems = {**error.message_dict, **problems}
    if problems:
        raise InvalidInput(problems)


def _is_label(key: Any, value: Any) -> bool:
    return bool(isinstance(key, str) and _LABEL.fullmatch(key) and isinstance(value, str) and len(value) <= 200)


def require_address(node: ComputeNode) -> None:
    """Raises `Conflict` for a node that nobody can connect to."""
    if not node.docker_address:
        text = _("“%(name)s” has no Docker address. Enter one under Compute nodes to use this node.")
        raise Conflict(text % {"name": node.name}, code="no_docker_address")


def test_node(*, user: Any, node: ComputeNode) -> ComputeNode:
    """Connect now; the answer is in `status`, `status_code`, `status_evidence`. At most 10 s."""
    require_operator(user)
    require_address(node)
    finding = probe(node)
    record_finding(node, finding)
    node.refresh_from_db()
    return node


def discover_node(*, user: Any, node: ComputeNode) -> ComputeNode:
    """Read CPU, memory, disk and platform from the engine into the node's fields. At most 10 s.

    Raises `Conflict` when the node meanwhile leads to another machine.
    """
    require_operator(user)
    require_address(node)
    finding = probe(node, with_disk=True)
    record_finding(node, finding)
    # A later probe may have recorded the status already: it knows nothing of the hardware.
    if finding.info is not None and not _unchanged(node).update(**discover(finding)):
        raise Conflict(_("The node was changed or deleted while its engine was asked: discover again."))
    node.refresh_from_db()
    return node


def record_finding(node: ComputeNode, finding: Finding) -> bool:
    """Store what a probe found. False when the node changed, or a later probe was faster: the finding is void."""
    newer = models.Q(checked_at__isnull=True) | models.Q(checked_at__lt=finding.at)
    return _unchanged(node).filter(newer).update(**finding.columns()) == 1


def _unchanged(node: ComputeNode) -> models.QuerySet[ComputeNode]:
    """The node's row as long as it leads to the machine that was asked."""
    return ComputeNode.objects.filter(pk=node.pk, connection_version=node.connection_version)


def delete_nodes(*, user: Any, ids: Iterable[int]) -> int:
    """Delete nodes, all or none. Raises `NotFound` for unknown ids, `InUse` while jobs run there."""
    require_operator(user)
    return delete_rows(ComputeNode, ids)


def set_listed(*, user: Any, ids: Iterable[int], listed: bool) -> int:
    """List or unlist nodes. Returns how many changed."""
    require_operator(user)
    return set_listed_rows(ComputeNode.objects.filter(pk__in=list(ids)), listed=listed)


def sweep_all() -> int:
    """Probe every node concurrently and store each finding as soon as it is there. Returns how many were stored."""
    return sum(store_finding(node, finding) for node, finding in sweep(list(usable_nodes())))


def read_disks() -> int:
    """Read the disks of the nodes whose turn it is, a few at a time. Returns how many are known now.

    Apart from the sweep, which no container may delay; nodes that do not answer now are left to a later round.
    """
    now = timezone.now()
    due = ComputeNode.objects.filter(disk_due_at__lte=now, status=NodeStatus.CONNECTED).order_by("disk_due_at")
    nodes = list(due[:DISKS_AT_ONCE])
    # Put off before they are asked: a pull that ends meanwhile makes them due again.
    ComputeNode.objects.filter(pk__in=[node.pk for node in nodes]).update(disk_due_at=now + DISK_EVERY)
    found = [(node, finding.disk_columns()) for node, finding in sweep(nodes, with_disk=True)]
    return sum(_unchanged(node).update(**columns) for node, columns in found if columns)


def disk_changed(*, node: int) -> None:
    """Something was written to the node: its disk is read in the next round."""
    ComputeNode.objects.filter(pk=node).update(disk_due_at=timezone.now())


def store_finding(node: ComputeNode, finding: Finding) -> bool:
    """`record_finding`; what the database refuses is itself a finding."""
    try:
        with transaction.atomic():
            return record_finding(node, finding)
    except (DatabaseError, ValueError, OverflowError):  # drivers refuse some values before the database sees them
        broken = crashed(node, finding.at)
    try:
        with transaction.atomic():
            return record_finding(node, broken)
    except DatabaseError:
        logger.exception("a finding cannot be stored", node=node.pk)
        return False


def node_images(*, node: ComputeNode, name: str = "") -> list[ImageInfo]:
    """Images on the node whose names contain `name`, newest first. Raises `EngineUnusable`."""
    require_address(node)
    try:
        with connect(node.endpoint(), timeout=settings.ENGINE_TIMEOUT, known_hosts=settings.SSH_KNOWN_HOSTS) as engine:
            found = engine.list_images()
    except EngineError as error:
        raise EngineUnusable(error.code, error.evidence) from error
    wanted = [image for image in found if any(name in text for text in ("", *image.repo_tags, *image.repo_digests))]
    return sorted(wanted, key=lambda image: (image.created, image.id), reverse=True)


class EngineUnusable(DomainError):
    """The engine could not be asked; says why and what to do."""

    code = "engine_unusable"
    http_status = 502
    title = _("The node's engine cannot be used")

    def __init__(self, code: str, evidence: str) -> None:
        text = engine_failure_text(code)
        super().__init__(f"{text.cause} {text.advice}", code=code, extra={"evidence": evidence})
