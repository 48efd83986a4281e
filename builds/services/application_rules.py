"""Which values an application may have. Every wrong one is named, with the rule and an example."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from builds.application_texts import secret_fault
from builds.models import Application, SourceKind
from builds.naming import image_reference, image_repository
from builds.repositories import GitError, check_url, origin_of
from builds.trees import TreeError, check_path
from core.errors import InvalidInput
from imagelib.address_texts import address_error_text
from imagelib.addresses import AddressError
from imagelib.addresses.grammar import check_path as check_repository
from imagelib.addresses.grammar import check_tag, is_host, normal_host

LONGEST_BASE_TAG = 128 - 41  # behind it come "-" and a commit

_BRANCH = re.compile(r"(?!/|-|@\Z)(?!.*(?:\.\.|//|@\{|\.lock\Z))[^\x00-\x20\x7f~^:?*\[\\]{1,255}(?<![/.])")
_SUFFIX = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*")
_GIT_URL = _(
    "The address of a repository over HTTP, without user name, password and query: they have fields of their own. For "
    "example https://git.example.com/team/images.git"
)
_PASSWORD_AGAIN = _(
    "Enter the password again, for example with the new address: with another host it would be sent where it was not "
    "meant for."
)


def check_application(row: Application, *, webhook_secret: str = "") -> None:
    """Raises `InvalidInput`. Writes hosts and addresses in their usual form into the row. `webhook_secret`: a new
    one."""
    faults: dict[str, Any] = {}
    if fault := secret_fault(webhook_secret):
        faults["webhook_secret"] = fault
    row.base_registry = _place(faults, "base_registry", row.base_registry)
    for field in ("base_namespace", "target_namespace"):
        _try(faults, field, _checked_namespace, getattr(row, field))
    _try(faults, "base_image", _checked_image, row.base_image)
    _try(faults, "base_tag", check_tag, row.base_tag)
    if len(row.base_tag) > LONGEST_BASE_TAG:
        rule = _("At most %(limit)s characters, because a commit follows in the tag, for example python-3.11.")
        faults["base_tag"] = rule % {"limit": LONGEST_BASE_TAG}
    if row.suffix and not _SUFFIX.fullmatch(row.suffix):
        faults["suffix"] = _("Small letters and digits, single . _ - between them, for example qlora.")
    if row.source == SourceKind.GIT:
        _check_git(row, faults)
    try:
        row.clean_fields(exclude={"git_password", "webhook_secret", *faults})
    except ValidationError as error:
        faults |= error.message_dict
    if not faults:
        _try(faults, "target_namespace", _whole_name, row)
    if faults:
        raise InvalidInput(faults)


def check_password_stays(before: Application, row: Application) -> None:
    """A stored password goes to the host that it was entered for, and to no other one."""
    if before.git_password and row.git_url and origin_of(before.git_url) != origin_of(row.git_url):
        raise InvalidInput({"git_password": _PASSWORD_AGAIN})


def _try(faults: dict[str, Any], field: str, check: Callable[[Any], Any], value: Any) -> None:
    try:
        check(value)
    except AddressError as error:
        faults[field] = address_error_text(error.code, error.params)
    except InvalidInput as error:
        faults |= error.fields


def _place(faults: dict[str, Any], field: str, text: str) -> str:
    """A registry host. Without one the base is on Docker Hub."""
    if not text:
        return ""
    try:
        if "/" in text or not is_host(text):
            raise AddressError("endpoint_host")
        return normal_host(text)
    except AddressError as error:
        faults[field] = address_error_text(error.code, error.params)
        return text


def _checked_namespace(text: str) -> None:
    if text:
        check_repository(text)


def _checked_image(text: str) -> None:
    if "/" in text or ":" in text or "@" in text:
        rule = _(
            "The image's own name: what comes before it belongs into registry and namespace, what comes after it into "
            "the tag. For example scipy-notebook."
        )
        raise InvalidInput({"base_image": rule})
    check_repository(text)


def _whole_name(row: Application) -> None:
    repository = repository_of(row)
    image_reference(repository, base_tag=row.base_tag, revision="0" * 40)


def repository_of(row: Application) -> str:
    """The name of the images that it makes. Raises `AddressError`."""
    return image_repository(
        host=row.target_registry.endpoint,
        namespace=row.target_namespace,
        base_image=row.base_image,
        suffix=row.suffix,
    )


def image_name(row: Application) -> str:
    """As `repository_of`; empty if it is no name, as rows may have that were stored under other rules."""
    try:
        return repository_of(row)
    except AddressError:
        return ""


def require_own_images(user: Any, row: Application) -> None:
    """Raises `InvalidInput` if another application makes images of the same name and base tag: one could not be told
    from the other, and of two folders of one repository each commit would be fought for."""
    name = image_name(row)
    last = name.rpartition("/")[2]
    bases = [last, *(last[:place] for place, sign in enumerate(last) if sign == "-")]
    rows = Application.objects.filter(base_tag=row.base_tag, base_image__in=bases)
    rows = rows.exclude(pk=row.pk).exclude(name=row.name)  # which is another fault
    other = next((one for one in rows.select_related("target_registry") if image_name(one) == name), None)
    if other is None:
        return
    visible = user.is_staff or other.owner_id == user.pk
    told = {"image": f"{name}:{row.base_tag}-…", "name": other.name if visible else _("of another user")}
    raise InvalidInput(
        {
            "suffix": _(
                "An application makes images called %(image)s already: %(name)s. Give one of the two another suffix, "
                "or another base tag. For example the suffix qlora."
            )
            % told
        }
    )


def _check_git(row: Application, faults: dict[str, Any]) -> None:
    try:
        row.git_url = check_url(row.git_url)
    except GitError:
        faults["git_url"] = _GIT_URL
    if not _BRANCH.fullmatch(row.git_branch):
        faults["git_branch"] = _("The name of a branch, for example main or feat/cuda12.")
    row.git_path = row.git_path.strip("/")
    try:
        if row.git_path:
            check_path(row.git_path)
    except TreeError:
        faults["git_path"] = _("A folder of the repository, for example src/jupyter-pytorch-x.")
