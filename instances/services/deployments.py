"""What people ask of AppImages that run: run, operate, remove."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext_lazy as _

from appimages.models import AppImage
from appimages.previewing import check_variables
from appimages.roles import NoTemplate, choose_template
from appimages.services import get_app_image
from core.errors import Conflict, InvalidInput, NotFound
from core.jobs import ACTIVE_STATES
from instances.accelerator import Refused
from instances.accelerators.registry import CARDS
from instances.models import Deployment, Desired, Instance, Operation, OperationKind, ProductSpec
from instances.models.deployments import DEPLOYMENT_NAME, LONGEST_NAME
from instances.recipes.recipe import Recipe, shown
from instances.refusal_texts import sentence
from instances.services.app_images import entry_of
from instances.services.asking import Ask, NotOffered, Part, ask_for, usable
from instances.services.furnishing import recipes_of
from instances.services.replicas import nodes_for, options_of, reserve_replica
from instances.services.reserving import queue
from instances.services.specs import visible_specs
from instances.spec import GIB, Options
from nodes.models import ComputeNode
from nodes.services import visible_nodes

MOST_CONTAINERS = 64  # of one deployment


def visible_deployments(user: Any) -> models.QuerySet[Deployment]:
    """Operators see every deployment, others their own."""
    rows = Deployment.objects.select_related("app_image", "spec", "user")
    return rows if user.is_staff else rows.filter(user=user)


def own_deployment(*, user: Any, pk: int) -> Deployment:
    """Raises `NotFound` for a deployment that is not there, or that the user may not see."""
    row = visible_deployments(user).filter(pk=pk).first()
    if row is None:
        raise NotFound(_("There is no deployment with id %(id)s, or it is not yours.") % {"id": pk})
    return row


def run_app_image(
    *,
    user: Any,
    app_image: str,
    spec: int,
    role: str = "",
    nodes: Sequence[int] = (),
    variables: Mapping[str, str] | None = None,
    replicas: int | None = None,
    name: str = "",
) -> Deployment:
    """Reserve places for all containers of the AppImage's deploy template for `role`, and queue their creation; all of
    them or none. Every container gets the whole of `spec`. The containers of a replica are on one node: on those named
    in turn, else where there is room.

    Raises `NotFound`, `InvalidInput`, `PermissionRefused`, `NotOffered`, `NoRoom`, `Conflict`.
    """
    places = _places(user, nodes)
    deployment, recipes = prepare(
        user=user, app_image=app_image, spec=spec, role=role, variables=variables or {}, name=name
    )
    wanted = _replicas(replicas, _chosen(deployment), len(recipes), len(places))
    if not DEPLOYMENT_NAME.regex.match(deployment.name):  # type: ignore[union-attr]
        raise InvalidInput({"name": DEPLOYMENT_NAME.message})
    return _reserve_all(deployment, recipes, wanted, places)


def prepare(
    *, user: Any, app_image: str, spec: int, role: str, variables: Mapping[str, str], name: str = ""
) -> tuple[Deployment, list[Recipe]]:
    """The row that a deployment would be, and its containers. Nothing is stored.

    Raises `NotFound`, `InvalidInput`, `NotOffered`.
    """
    row = get_app_image(name=app_image)
    plan: ProductSpec = usable(
        visible_specs(user), spec, _("There is no listed product spec with id %(id)s."), "spec_not_listed"
    )
    asked: Any = dict(variables)
    check_variables(asked)
    deployment = Deployment(
        name=name or _free_name(user, row),
        app_image=row,
        version=row.version,
        document=row.document,
        role=role,
        variables=asked,
        spec=plan,
        user=user,
    )
    deployment.deploy_template = shown(_chosen(deployment).get("name"))
    return deployment, _judged(deployment, plan)


def _places(user: Any, nodes: Sequence[int]) -> list[int]:
    listed = visible_nodes(user).filter(is_listed=True).exclude(docker_address="")
    for pk in nodes:
        usable(listed, pk, _("There is no listed compute node with id %(id)s."), "node_not_listed")
    return list(dict.fromkeys(nodes))


def _free_name(user: Any, app_image: AppImage) -> str:
    stem = app_image.name.replace(".", "-")[: LONGEST_NAME - 5]
    taken = set(Deployment.objects.filter(user=user, name__startswith=stem).values_list("name", flat=True))
    return next(one for number in count(1) if (one := stem if number == 1 else f"{stem}-{number}") not in taken)


def _chosen(deployment: Deployment) -> dict[str, Any]:
    try:
        return choose_template(deployment.document, deployment.role)
    except NoTemplate as error:
        text = _("There is no deploy template for the role “%(role)s”. There are: %(roles)s.")
        roles = ", ".join(error.roles) or "–"
        raise InvalidInput({"role": text % {"role": error.role, "roles": roles}}) from None


def _judged(deployment: Deployment, plan: ProductSpec) -> list[Recipe]:
    """The recipes of its containers, every one of which can be completed, and fits into the spec."""
    recipes = recipes_of(deployment)
    for recipe in recipes:
        if [one.name for one in recipes].count(recipe.name) > 1:
            raise _not_offered(Refused("duplicate_container"), recipe)
        try:
            recipe.rehearse()
            _check_sizes(recipe, plan)
            options_of(recipe)
        except Refused as refused:
            raise _not_offered(refused, recipe) from None
    return recipes


def _check_sizes(recipe: Recipe, plan: ProductSpec) -> None:
    cores, memory = recipe.requests()
    if plan.cpu_cores and cores > plan.cpu_cores:
        raise Refused("spec_too_small_cpu", wanted=cores, granted=plan.cpu_cores)
    if plan.memory_gb and memory > plan.memory_gb * GIB:
        raise Refused("spec_too_small_memory", wanted=round(memory / GIB, 2), granted=plan.memory_gb)
    for name, wanted in recipe.devices().items():
        if name not in CARDS.RESOURCES and wanted:
            raise Refused("no_such_resource", name=name)
        if wanted > plan.gpu_count:
            raise Refused("spec_too_few_cards", name=name, wanted=f"{float(wanted):g}", granted=plan.gpu_count)


def _not_offered(refused: Refused, recipe: Recipe) -> NotOffered:
    reason = sentence(refused.code, refused.params)
    text = _("Container “%(name)s”: %(reason)s") % {"name": recipe.name, "reason": reason}
    return NotOffered(text, code=refused.code)


def _replicas(asked: int | None, template: Mapping[str, Any], containers: int, places: int) -> int:
    """One for each node that was named, unless the template or whoever asks wants another number."""
    wanted = asked if asked is not None else max(int(template.get("replicas") or 1), places)
    if wanted < 1 or not containers or wanted * containers > MOST_CONTAINERS:
        rule = _("Give a number from 1 on; a deployment has at most %(most)s containers.")
        raise InvalidInput({"replicas": rule % {"most": MOST_CONTAINERS}})
    return wanted


def _reserve_all(deployment: Deployment, recipes: Sequence[Recipe], replicas: int, places: Sequence[int]) -> Deployment:
    """Whatever was made on the way, an entry of the image library too, goes with a refusal."""
    try:
        with transaction.atomic():
            ask = _ask(deployment, places)
            locked = nodes_for(ask, replicas=replicas, places=places)
            deployment.save(force_insert=True)
            # In the order of ids: two who reserve on several nodes must not wait for each other in a circle.
            list(ComputeNode.objects.filter(pk__in=locked).select_for_update().order_by("pk").values("pk"))
            names = (f"{deployment.name}-{number}" for number in count(1))
            for replica in range(replicas):
                within = [places[replica % len(places)]] if places else locked
                part = [Part(deployment, replica, recipe) for recipe in recipes]
                reserve_replica(replace(ask, nodes=ask.nodes.filter(pk__in=within)), part, names)
    except IntegrityError as error:
        raise _duplicate(deployment) from error
    return deployment


def _ask(deployment: Deployment, places: Sequence[int]) -> Ask:
    user = deployment.user
    entry = entry_of(deployment.document, user=user)
    listed = visible_nodes(user).filter(is_listed=True).exclude(docker_address="")
    return ask_for(user, entry, deployment.spec, listed, name="", options=Options(), anywhere=not places)


def _duplicate(deployment: Deployment) -> Conflict:
    if Deployment.objects.filter(user=deployment.user, name=deployment.name).exists():
        text = _("You have a deployment of the name “%(name)s” already.")
        return Conflict(text % {"name": deployment.name}, code="duplicate")
    if Instance.objects.filter(user=deployment.user, name__startswith=f"{deployment.name}-").exists():
        text = _("You have instances whose names begin with “%(name)s-” already. Give the deployment another name.")
        return Conflict(text % {"name": deployment.name}, code="duplicate")
    return Conflict(_("Something of this was deleted in this moment."), code="deleted")


def operate_deployment(*, user: Any, deployment: int, kind: str) -> Deployment:
    """Queue start, stop or restart of all its containers, or of none. Raises `NotFound`, `Conflict`."""
    row = own_deployment(user=user, pk=deployment)
    with transaction.atomic():
        row = _locked(row)
        if row.desired == Desired.REMOVED:
            raise Conflict(_("“%(name)s” is being removed.") % {"name": row.name}, code="being_removed")
        rows = list(_instances(row).exclude(container_id=""))
        if not rows:
            raise Conflict(_("There is no container yet."), code="no_container")
        for instance in rows:
            queue(instance, kind, user)
        row.desired = Desired.STOPPED if kind == OperationKind.STOP else Desired.RUNNING
        row.save(update_fields=["desired"])
    return row


def remove_deployment(*, user: Any, deployment: int) -> None:
    """Queue the removal of all its containers; the row goes with the last one. Doing it again asks for those that are
    left. Raises `NotFound`, `Conflict` while something else is done to one of them."""
    row = own_deployment(user=user, pk=deployment)
    with transaction.atomic():
        row = _locked(row)
        Deployment.objects.filter(pk=row.pk).update(desired=Desired.REMOVED)
        removing = Operation.objects.filter(kind=OperationKind.REMOVE, state__in=ACTIVE_STATES)
        for instance in _instances(row).exclude(pk__in=removing.values("instance")):
            queue(instance, OperationKind.REMOVE, user)
        if not _instances(row).exists():
            Deployment.objects.filter(pk=row.pk).delete()


def _locked(row: Deployment) -> Deployment:
    """Until the transaction ends: its instances, then itself, as whoever deletes one of them. Raises `NotFound`."""
    list(_instances(row).select_for_update(of=("self",)).values_list("pk"))
    found = Deployment.objects.select_for_update().filter(pk=row.pk).first()
    if found is None:
        raise NotFound(_("There is no deployment with id %(id)s, or it is not yours.") % {"id": row.pk})
    return found


def _instances(row: Deployment) -> models.QuerySet[Instance]:
    return Instance.objects.filter(deployed__deployment=row).order_by("pk")
