"""The ports of a container of a deployment, and all that depends on their numbers."""

from __future__ import annotations

from random import randint
from typing import Any

from django.conf import settings
from django.db import transaction

from appimages.roles import choose_template
from core.errors import SecretUnreadable
from core.fields import MASK
from instances.accelerator import Refused
from instances.models import ConfigSet, DeployedContainer, Deployment, HostPort, Instance, SecretSet, template_of
from instances.recipes.environment import Sets, config_sets_of, secret_sets_of
from instances.recipes.filling import Filled, fill, secret_sets_wanted
from instances.recipes.ports import choose
from instances.recipes.recipe import Recipe
from instances.recipes.template import Template
from instances.services.asking import Part
from nodes.models import ComputeNode

# Kuscia's place for what nothing else says; see spec-appimage.md §3.
DEFAULTS = "domain-config"


def recipes_of(deployment: Deployment) -> list[Recipe]:
    """One for each container of the deploy template. Raises `NoTemplate`."""
    document = deployment.document
    template = choose_template(document, deployment.role)
    containers = (template.get("spec") or {}).get("containers") or []
    sets = _config_sets({DEFAULTS}.union(*map(config_sets_of, containers)))
    masked = _masked_sets(set().union(*map(secret_sets_of, containers)))
    return [
        Recipe(
            container=container,
            deploy_template=template,
            config_templates=document.get("configTemplates") or {},
            image_id=document["image"].get("id") or "",
            config_sets=sets,
            secret_sets=masked,
            variables=deployment.variables,
            defaults=sets.get(DEFAULTS, {}),
        )
        for container in containers
    ]


def _config_sets(names: set[str]) -> Sets:
    rows: Any = ConfigSet.objects.filter(name__in=names).values_list("name", "values")
    return dict(rows)


def _masked_sets(names: set[str]) -> Sets:
    rows: Any = SecretSet.objects.filter(name__in=names).values_list("name", "keys")
    return {name: dict.fromkeys(keys, MASK) for name, keys in rows}


def furnish(instance: Instance, part: Part) -> Template:
    """Take its ports, and write down what it will be. Within a transaction that holds the lock on the node: nobody else
    takes ports there meanwhile. Raises `Refused`."""
    template = part.recipe.complete(_take_ports(instance, len(part.recipe.ports)))
    stored: Any = template.as_json()
    DeployedContainer.objects.create(
        instance=instance,
        deployment=part.deployment,
        container=part.recipe.name,
        replica=part.replica,
        template=stored,
        has_probes=bool(template.probes),
        is_ready=_unjudged(template),
    )
    return template


def forget_verdict(instance: Instance) -> None:
    """A new run of its container: what probes said of the last one is not true of it."""
    template = template_of(instance)
    if template.probes:
        rows = DeployedContainer.objects.filter(pk=instance.pk)
        rows.update(has_started=None, is_ready=_unjudged(template), is_alive=None)


def _unjudged(template: Template) -> bool | None:
    """What is ready only when a probe says so is not, before the first word of it."""
    return False if {"startup", "readiness"} & set(template.probes) else None


def furnish_anew(instance: Instance) -> None:
    """Other ports than before: something that is not ours has one of them on the node. Raises `Refused`."""
    deployed = DeployedContainer.objects.select_related("deployment").get(instance=instance)
    [recipe] = [one for one in recipes_of(deployed.deployment) if one.name == deployed.container]
    recipe.rehearse()  # most of the work, before the node is locked
    with transaction.atomic():
        list(ComputeNode.objects.filter(pk=instance.node_id).select_for_update().values_list("pk"))
        before = list(HostPort.objects.filter(instance=instance).values_list("pk", flat=True))
        template = recipe.complete(_take_ports(instance, len(recipe.ports)))  # while the old ones are still held
        HostPort.objects.filter(pk__in=before).delete()
        DeployedContainer.objects.filter(pk=instance.pk).update(template=template.as_json())


def _take_ports(instance: Instance, count: int) -> list[int]:
    """From anywhere in the range, so that what others have there is met by few."""
    first, last = settings.HOST_PORTS
    held = set(HostPort.objects.filter(node_id=instance.node_id).values_list("port", flat=True))
    found = choose(held, count, first=first, last=last, start=randint(first, last))
    if found is None:
        raise Refused("no_free_port", wanted=count, first=first, last=last)
    HostPort.objects.bulk_create(HostPort(node_id=instance.node_id, port=port, instance=instance) for port in found)
    return found


def filled(template: Template) -> tuple[Filled, Filled]:
    """With its secrets, and as people may see it. Raises `Refused`."""
    rows: Any = SecretSet.objects.filter(name__in=secret_sets_wanted(template))
    sets = {row.name: _revealed(row) for row in rows}
    masked = {name: dict.fromkeys(values, MASK) for name, values in sets.items()}
    return fill(template, sets), fill(template, masked)


def secrets_of(instance: Instance) -> list[str]:
    """Values that an engine's words may have in them, as far as they can be known."""
    try:
        return filled(template_of(instance))[0].environment.secrets
    except Refused:
        return []


def secrets_inside(row: DeployedContainer) -> list[str] | None:
    """What the programs of a container know of secrets. None: that is not known, for a set cannot be read, or was
    changed or deleted since somebody asked for the container."""
    template = Template.of(row.template)
    wanted = secret_sets_wanted(template)
    if not wanted:
        return []
    found = SecretSet.objects.filter(name__in=wanted, updated_at__lt=row.instance.created_at)
    try:
        sets = {one.name: _revealed(one) for one in found}
        if len(sets) < len(wanted):
            return None
        return [*fill(template, sets).environment.secrets, *(text for one in sets.values() for text in one.values())]
    except Refused:
        return None


def _revealed(row: SecretSet) -> dict[str, str]:
    """Said of the set itself: the worker takes any other secret that is unreadable for the node's."""
    try:
        return row.reveal()
    except SecretUnreadable:
        raise Refused("secret_set_unreadable", name=row.name) from None
