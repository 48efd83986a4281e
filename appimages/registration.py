"""Registering, as Kuscia calls it: the AppImages of a template are created or replaced with the image that is given,
and the image is brought onto nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from appimages.file_imports import install_values, read_or_refuse
from appimages.importing import FoundAppImage
from appimages.models import AppImage, How
from appimages.notice_texts import notice_text
from appimages.services import replace_app_image
from core.document_texts import FileRefused, worded
from core.documents import Notice
from core.errors import InvalidInput
from core.operators import require_operator
from nodes.models import ComputeNode
from nodes.services import usable_nodes
from pulls.models import PullJob, Source
from pulls.services import request_pulls

USUAL_NAME = "secretflow-image"  # what Kuscia's script puts in place of a name that nobody gave


class Mode(models.TextChoices):
    """How the installation is built, see `nodes_meant`."""

    P2P = "p2p", _("point to point")
    CENTRAL = "central", _("centralised")


@dataclass(frozen=True, slots=True)
class Registration:
    """What would be stored; `warnings` as an import gives them."""

    app_images: tuple[tuple[str, dict[str, Any]], ...]
    warnings: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Registered:
    """`updated` existed before; those of them that were the same are in `unchanged` too."""

    created: list[str]
    updated: list[str]
    unchanged: frozenset[str]


def prepare(*, image: str, template: bytes | None, name: str | None) -> Registration:
    """Read the template with the image in it. Raises `InvalidInput` and `FileRefused`; nothing is stored here.

    The image that is given replaces the one in the template, as Kuscia's script does it; what stands there about
    another image (id, signature) goes.
    """
    values = install_values(name=name or USUAL_NAME, image=image, image_id=None)
    if template is None:
        return Registration((), [])
    found = read_or_refuse(template, values)
    told = [notice for notice in found.warnings if not _is_expected(notice, name)]
    named = {"name": values.image_name or "", "tag": values.image_tag or ""}
    return Registration(
        tuple((item.name, _with_image(item, named)) for item in found.app_images), worded(told, notice_text)
    )


def _is_expected(notice: Notice, name: str | None) -> bool:
    """Values are offered to every template; only a name that somebody gave should be used."""
    return notice.code == "value_unused" and not (name and notice.path == "name")


def _with_image(item: FoundAppImage, named: dict[str, str]) -> dict[str, Any]:
    image = dict(item.document.get("image") or {})
    same = {key: image.get(key, "") for key in named} == named
    return {**item.document, "image": image if same else named}


def store(registration: Registration, *, author: Any) -> Registered:
    """All or none. Raises `FileRefused` for what cannot be stored."""
    require_operator(author)
    created: list[str] = []
    updated: list[str] = []
    names = [name for name, _document in registration.app_images]
    unchanged: set[str] = set()
    with transaction.atomic():
        before = dict(AppImage.objects.filter(name__in=names).values_list("name", "version"))
        # In the order of names, so that two registrations of the same ones never wait for each other.
        for name, document in sorted(registration.app_images, key=lambda pair: pair[0]):
            try:
                row, new = replace_app_image(name=name, document=document, author=author, how=How.REGISTER)
            except InvalidInput as error:
                fault = {"document": None, "line": None, "field": "spec", "message": f"{name}: {error}"}
                raise FileRefused([fault]) from None
            (created if new else updated).append(name)
            if before.get(name) == row.version:
                unchanged.add(name)
    return Registered(created, updated, frozenset(unchanged))


def nodes_meant(nodes: Iterable[int], *, mode: str, with_import: bool) -> list[int]:
    """Point to point each node is named. In a centralised installation the image is for the workers: all listed nodes
    unless some are named; without an import none is needed. Raises `InvalidInput` for none."""
    found = list(nodes)
    if not found and mode == Mode.CENTRAL and with_import:
        found = list(usable_nodes().filter(is_listed=True).values_list("pk", flat=True))
        if not found:
            raise InvalidInput(
                {"nodes": _("No compute node is listed that could get the image. List one, or name some.")}
            )
    if not found and mode == Mode.P2P:
        raise InvalidInput({"nodes": _("Name at least one compute node, for example [1].")})
    return found


def bring(
    *, image: str, nodes: list[int], author: Any, wanted_from: Mapping[str, Any] | None = None
) -> list[tuple[int, PullJob]]:
    """Have the image on the nodes, from where `request_pulls` is told; unless told, nothing is done where it is.

    Raises what `request_pulls` raises.
    """
    try:
        return request_pulls(user=author, nodes=nodes, reference=image, **(wanted_from or {"source": Source.AUTO}))
    except InvalidInput as error:  # which calls the image by its own word
        faults = {"image" if name == "reference" else name: text for name, text in error.fields.items()}
        raise InvalidInput(faults) from None


def register(
    *,
    author: Any,
    image: str,
    template: bytes | None,
    name: str | None,
    nodes: list[int],
    mode: str,
    with_import: bool,
    wanted_from: Mapping[str, Any] | None = None,
) -> tuple[Registration, Registered, list[tuple[int, PullJob]]]:
    """Store and ask for the image in one step; the pulls go on by themselves."""
    require_operator(author)
    if template is None and not with_import:
        raise nothing_to_do()
    registration = prepare(image=image, template=template, name=name)
    meant = nodes_meant(nodes, mode=mode, with_import=with_import)
    missing = set(meant) - set(ComputeNode.objects.filter(pk__in=meant).values_list("pk", flat=True))
    if missing:
        text = _("There is no compute node with id %(ids)s. Give ids that exist, for example [1].")
        raise InvalidInput({"nodes": text % {"ids": ", ".join(map(str, sorted(missing)))}})
    with transaction.atomic():
        stored = store(registration, author=author)
        pulls = bring(image=image, nodes=meant, author=author, wanted_from=wanted_from) if with_import else []
    return registration, stored, pulls


def nothing_to_do() -> InvalidInput:
    text = _("Give a template to register (for example app_image.yaml), or ask for the import of the image, or both.")
    return InvalidInput({"file": text})
