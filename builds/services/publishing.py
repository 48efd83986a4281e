"""From an approved submission to its entry in the image library."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from builds.checking import may_slice
from builds.models import Submission
from core.errors import Conflict, InvalidInput, SecretUnreadable
from imagelib.addresses import AddressError, parse
from imagelib.models import ImageRegistry
from imagelib.references import Endpoints, open_registry
from imagelib.registry import RegistryError
from imagelib.services import save_image

_LONGEST = {"name": 255, "source": 255, "remark": 1000}


def pinned_address(submission: Submission) -> str:
    """`host/repository:tag@sha256:…`: engines pull, verify and run the digest, people read the tag."""
    try:
        return parse(submission.reference).with_digest(submission.digest).canonical
    except AddressError:
        raise Conflict(
            _("The digest %(digest)s cannot be written into an address.") % {"digest": submission.digest},
            code="digest_unusable",
        ) from None


def list_image(
    *, user: Any, submission: Submission, name: str | None, description: str | None, slices: bool | None
) -> ImageRegistry:
    """The listed entry of the digest: an entry that has this address already, or a new one.

    What an existing entry is called stays as it is unless the operator said otherwise now.
    """
    libc = submission.libc
    if slices and not may_slice(libc):
        rule = _("An image without glibc cannot be used with GPU memory slices. For example: false")
        raise InvalidInput({"supports_vgpu": rule})
    address = pinned_address(submission)
    entry = ImageRegistry.objects.filter(address=address).order_by("-is_listed", "pk").first()
    values: dict[str, Any] = {"is_listed": True}
    if name:
        values["name"] = name
    if description is not None:
        values["description"] = description
    if slices is not None:
        values["supports_vgpu"] = slices
    if entry is None:
        first = {
            "name": submission.name or usual_name(submission), "address": address,
            "description": submission.description, "supports_vgpu": libc.startswith("glibc"),
            "source": _source(submission), "remark": _remark(submission),
        }  # fmt: skip
        values = first | values
    return save_image(user=user, values=values, image=entry)


def usual_name(submission: Submission) -> str:
    """`jupyter-pytorch:2.6-0ac1`: the last part of the reference."""
    return submission.reference.partition("@")[0].rpartition("/")[2][: _LONGEST["name"]]


def _source(row: Submission) -> str:
    who = row.requested_by.get_username() if row.requested_by else _("somebody")
    if row.build is None:
        text = _("Submission %(id)s by %(user)s") % {"id": row.pk, "user": who}
    else:
        told = {"build": row.build.pk, "application": row.build.application_name, "user": who}
        text = _("Build %(build)s of %(application)s, submitted by %(user)s") % told
    return text[: _LONGEST["source"]]


def _remark(row: Submission) -> str:
    told = {"id": row.pk, "digest": row.digest}
    text = _("Submission %(id)s, checked as %(digest)s.") % told
    if row.build is not None and row.build.revision:
        text += " " + _("Made of revision %(revision)s.") % {"revision": row.build.revision}
    return text[: _LONGEST["remark"]]


def digest_of_now(submission: Submission) -> tuple[str, dict[str, Any]]:
    """What the reference leads to at this moment, or "" and `{error_code, params}`. Takes up to 9 s."""
    reference = parse(submission.reference)
    try:
        with open_registry(
            reference.host, Endpoints().for_reference(reference), somebody_waits=True
        ) as client:  # fmt: skip
            return client.describe(reference.repository, reference.remote, sizes_for=()).digest, {}
    except RegistryError as error:
        return "", {"error_code": error.code, "params": {"host": reference.host}}
    except SecretUnreadable as error:
        return "", {"error_code": error.code, "params": {}}
