"""Whether what somebody asks for may be had, by him, on some node."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.errors import Conflict, DomainError, InvalidInput, NotFound
from imagelib.models import ImageRegistry
from imagelib.references import effective_or_invalid
from imagelib.services import visible_images
from instances.accelerator import Demand, Refused, is_sliced
from instances.accelerators.registry import backend_for
from instances.capacity import candidates, demand_of, needs_of
from instances.models import Deployment, Instance, ProductSpec
from instances.models.instances import NAME_RULE
from instances.placement import Answer, Fit, Rejection, Room, place
from instances.recipes.recipe import Recipe
from instances.refusal_texts import sentence
from instances.services.specs import visible_specs
from instances.spec import LONGEST_NAME, MOST_VARIABLES, Options, Wanted, option_faults
from nodes.models import ComputeNode
from nodes.services import visible_nodes

_MOST_REASONS = 5


class NoRoom(DomainError):
    """No node can take it; `extra` says why for each of the first ones."""

    code = "no_room"
    http_status = 409
    title = _("No compute node can take it")


class NotOffered(DomainError):
    """It cannot be had at all, on no node."""

    http_status = 409
    title = _("This combination cannot be had")


@dataclass(frozen=True, slots=True)
class Part:
    """One container of a deployment."""

    deployment: Deployment
    replica: int
    recipe: Recipe


@dataclass(frozen=True, slots=True)
class Ask:
    """A request whose parts exist and may be used by the user who asks."""

    user: Any
    image: ImageRegistry
    spec: ProductSpec
    nodes: models.QuerySet[ComputeNode]
    name: str
    reference: str
    demand: Demand
    needs: Room
    options: Options
    anywhere: bool  # no node was named
    part: Part | None = None  # of which deployment it is one

    @property
    def may_move(self) -> bool:
        """Whether another node will do as well later. The containers of a replica stay together."""
        return self.anywhere and self.part is None


def judge(user: Any, image: int, spec: int, name: str, node: int | None, options: Options) -> Ask:
    entry = usable(visible_images(user), image, _("There is no listed image with id %(id)s."), "image_not_listed")
    plan = usable(visible_specs(user), spec, _("There is no listed product spec with id %(id)s."), "spec_not_listed")
    nodes = visible_nodes(user).filter(is_listed=True).exclude(docker_address="")
    if node is not None:
        nodes = nodes.filter(pk=node)
        usable(nodes, node, _("There is no listed compute node with id %(id)s."), "node_not_listed")
    _check_texts(name, options)
    refuse_taken_name(user, name)
    return ask_for(user, entry, plan, nodes, name=name, options=options, anywhere=node is None)


def ask_for(
    user: Any,
    entry: ImageRegistry,
    plan: ProductSpec,
    nodes: models.QuerySet[ComputeNode],
    *,
    name: str,
    options: Options,
    anywhere: bool,
) -> Ask:
    """For what may be used: whether image, spec and variables go together. Raises `NotOffered`, `InvalidInput`."""
    sliced = or_refuse(lambda: is_sliced(image=entry.supports_vgpu, spec=plan.supports_memory_split))
    or_refuse(lambda: backend_for(devices=plan.gpu_count).refuse_reserved(options.environment))
    reference = effective_or_invalid(entry.address, field="image").reference.canonical
    return Ask(
        user, entry, plan, nodes, name, reference, demand_of(plan, sliced=sliced), needs_of(plan), options, anywhere
    )


def usable(rows: models.QuerySet[Any], pk: int, text: Any, code: str) -> Any:
    """What is not listed nobody can use, an operator neither: to try something, list it."""
    row = rows.filter(pk=pk, is_listed=True).first()
    if row is None:
        raise NotFound(text % {"id": pk}, code=code)
    return row


def _check_texts(name: str, options: Options) -> None:
    rules = {
        "restart_policy": _("Give no, on-failure, always or unless-stopped."),
        "ports": _("Give different ports of the container from 1 to 65535, for example [8888]."),
        "environment": _(
            'Give at most %(most)s names of up to %(longest)s letters, with texts, for example {"EPOCHS": "3"}.'
        )
        % {"most": MOST_VARIABLES, "longest": LONGEST_NAME},
        "command": _('Give the program and its arguments, for example ["python", "train.py"].'),
    }
    faults: dict[str, Any] = {field: rules[field] for field in option_faults(options)}
    if not NAME_RULE.regex.match(name):  # type: ignore[union-attr]
        faults["name"] = NAME_RULE.message
    if faults:
        raise InvalidInput(faults)


def refuse_taken_name(user: Any, name: str) -> None:
    """Raises `Conflict`. The constraint decides when two ask at the same moment."""
    if Instance.objects.filter(user=user, name=name).exists():
        text = _("You have an instance of the name “%(name)s” already.")
        raise Conflict(text % {"name": name}, code="duplicate")


def answer_to(ask: Ask) -> Answer:
    found = candidates(
        ask.nodes, reference=ask.reference, now=timezone.now(), demand=ask.demand if ask.anywhere else None
    )
    answer = place(ask.demand, ask.needs, found)
    if not answer.fits:
        raise no_room(answer.rejections)
    return answer


def no_room(rejections: Iterable[Rejection]) -> NoRoom:
    sentences: dict[str, str] = {}  # nodes of one kind say the same
    reasons = []
    for no in rejections:
        key = f"{no.code} {no.params}"
        if key not in sentences:
            sentences[key] = sentence(no.code, no.params)
        reasons.append({"node": no.name, "code": no.code, "reason": sentences[key]})
    if not reasons:
        return NoRoom(sentence("no_listed_node", {}), extra={"nodes": []})
    told = "; ".join(f"{one['node']}: {one['reason']}" for one in reasons[:_MOST_REASONS])
    more = len(reasons) - _MOST_REASONS
    if more > 0:
        told = _("%(told)s; and %(more)s more nodes") % {"told": told, "more": more}
    return NoRoom(_("No compute node can take it. %(reasons)s") % {"reasons": told}, extra={"nodes": reasons})


def or_refuse(rule: Callable[[], Any]) -> Any:
    try:
        return rule()
    except Refused as refused:
        raise NotOffered(sentence(refused.code, refused.params), code=refused.code) from None


def wanted_by(ask: Ask, taken: Fit, *, uid: str, image_environment: Mapping[str, str] | None = None) -> Wanted:
    """`image_environment`: as far as it is known beforehand."""
    directory, limits_disk = ComputeNode.objects.values_list("hami_core", "limits_system_disk").get(pk=taken.node)
    return Wanted(
        uid=uid,
        name=ask.name,
        owner=ask.user.get_username(),
        reference=ask.reference,
        grant=taken.grant,
        cpu_cores=ask.spec.cpu_cores,
        memory_gb=ask.spec.memory_gb,
        system_disk_gb=ask.spec.system_disk_gb,
        limits_system_disk=limits_disk,
        data_disk_gb=ask.spec.data_disk_gb,
        library_directory=directory,
        options=ask.options,
        image_environment=image_environment or {},
    )
