"""What people ask of the image library. Every write goes through here, from whatever surface."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any

from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext_lazy as _

from core.certificates import certificate_fault
from core.errors import Conflict, InvalidInput
from core.operators import require_operator
from core.rows import delete_rows, save_row, set_listed_rows
from imagelib.address_texts import address_error_text
from imagelib.addresses import AddressError, SplitAddress, parse, parse_endpoint, split_credentials
from imagelib.models import ImageRegistry, RegistryEndpoint
from imagelib.pushing import cleaned
from imagelib.references import Endpoints, effective_or_invalid

# --- images ----------------------------------------------------------------------------------------------------------


_TAKEN = _(
    "Other users' credentials are stored for this registry already. Leave the credentials out of the address, "
    "for example registry.example.com/team/app:v1, and add or change them under Registry endpoints."
)
_LONGEST_NAME = 255  # of an endpoint, and of the user in its credentials


def visible_images(user: Any, *, among: Any = None) -> models.QuerySet[ImageRegistry]:
    """Operators see every entry, others the listed ones; of all, or `among` these rows."""
    rows = ImageRegistry.objects.all() if among is None else among
    return rows if user.is_staff else rows.filter(is_listed=True)


def clean_address(text: str, *, field: str = "address", endpoints: Endpoints | None = None) -> SplitAddress:
    """Check an address and split credentials off it. Raises `InvalidInput` that never repeats the input."""
    try:
        split = split_credentials(text)
        parse(split.address)
    except AddressError as error:
        raise InvalidInput({field: address_error_text(error.code, error.params)}) from None
    if len(split.username or "") > _LONGEST_NAME:
        rule = _("The user name in front of the address is too long; at most %(limit)s characters are allowed.")
        raise InvalidInput({field: rule % {"limit": _LONGEST_NAME}})
    effective_or_invalid(split.address, field=field, endpoints=endpoints)
    return split


def save_image(
    *,
    user: Any,
    values: Mapping[str, Any],
    image: ImageRegistry | None = None,
    endpoints: Endpoints | None = None,
) -> ImageRegistry:
    """Create or change an entry. Credentials in `address` move to a registry endpoint and are stored nowhere else.

    `endpoints` saves who stores many entries from reading the registry endpoints for each of them.
    """
    require_operator(user)
    image = image or ImageRegistry()
    for name, value in values.items():
        setattr(image, name, value.strip() if isinstance(value, str) else value)
    split = clean_address(image.address, endpoints=endpoints) if "address" in values or not image.pk else None
    if split:
        image.address = split.address
    image.clean_fields()  # the constraint judges duplicates, in `save_row`
    with transaction.atomic():
        if split and split.username:
            adopt_credentials(split)
        save_row(image, fields=values, duplicate=_("There is an entry with this name and address already."))
    return image


def adopt_credentials(split: SplitAddress) -> RegistryEndpoint:
    """Store credentials that came in an address: on the endpoint of that host and user, else on a new one.

    A new endpoint covers the host if no other does, else the host and the image's namespace, so that another
    team's endpoint on the same host is never overwritten; if both are another user's, `InvalidInput`.
    """
    for _race in range(3):
        try:
            with transaction.atomic():
                return _adopt(split)
        except IntegrityError:
            continue  # another request made the same endpoint in this moment: look again
    raise Conflict(_("The registry endpoint is being changed by others at this moment. Try again."))


def _adopt(split: SplitAddress) -> RegistryEndpoint:
    reference = parse(split.address)
    host, namespace = reference.host, reference.repository.rpartition("/")[0]
    on_host = (
        RegistryEndpoint.objects.select_for_update()
        .order_by("pk")
        .filter(models.Q(endpoint=host) | models.Q(endpoint__startswith=f"{host}/"))
    )
    places = [host, f"{host}/{namespace}" if namespace else f"{host}/{reference.repository}"]
    known = {row.endpoint: row for row in on_host}
    row = next(
        (known[place] for place in reversed(places) if place in known and _same_user(known[place], split)),
        None,
    )
    if row is None:
        place = next((place for place in places if place not in known), None)
        if place is None:
            raise InvalidInput({"address": _TAKEN})
        row = RegistryEndpoint(name=free_endpoint_name(place), endpoint=place)
    row.username, row.password = split.username or "", split.password or ""
    row.save()
    return row


def _same_user(row: RegistryEndpoint, split: SplitAddress) -> bool:
    return row.username in ("", split.username)


def free_endpoint_name(wanted: str) -> str:
    """`wanted`, or with a number after it when others have that name; cut so that it fits."""
    stem = wanted[: _LONGEST_NAME - len(" (99999)")]
    taken = set(RegistryEndpoint.objects.filter(name__startswith=stem).values_list("name", flat=True))
    wanted = wanted[:_LONGEST_NAME]
    return wanted if wanted not in taken else next(f"{stem} ({n})" for n in count(2) if f"{stem} ({n})" not in taken)


def set_listed(*, user: Any, ids: Iterable[int], listed: bool) -> int:
    """List or unlist entries. Returns how many changed."""
    require_operator(user)
    return set_listed_rows(ImageRegistry.objects.filter(pk__in=list(ids)), listed=listed)


def delete_images(*, user: Any, ids: Iterable[int]) -> int:
    """Delete entries, all or none. Raises `NotFound` for unknown ids, `InUse` naming what uses them."""
    require_operator(user)
    return delete_rows(ImageRegistry, ids)


# --- registry endpoints --------------------------------------------------------------------------------------------

_PASSWORD_AGAIN = _(
    "Enter the password again: with another host, or without verified HTTPS, it would be sent where it was not "
    "meant for."
)
_NAMESPACES = _(
    "Namespaces in small letters with commas between them, {username} or {id} where a user's own belongs, or * for "
    "everywhere. For example users/{username}, team-a."
)


def save_endpoint(
    *, user: Any, values: Mapping[str, Any], endpoint: RegistryEndpoint | None = None
) -> RegistryEndpoint:
    """Create or change an endpoint. `values["password"]` is plain text, or absent to keep the stored one."""
    require_operator(user)
    row = endpoint or RegistryEndpoint()
    trusted = _place_of(row) if row.password and "password" not in values else None
    for name, value in values.items():
        setattr(row, name, value.strip() if isinstance(value, str) and name != "password" else value)
    problems: dict[str, Any] = {}
    try:
        parsed = parse_endpoint(row.endpoint)
        row.endpoint = "/".join(part for part in (parsed.host, parsed.namespace) if part)
        if parsed.scheme == "http":
            row.insecure = True
    except AddressError as error:
        problems["endpoint"] = address_error_text(error.code, error.params)
    if trusted and not problems and _leads_elsewhere(trusted, _place_of(row)):
        problems["password"] = _PASSWORD_AGAIN
    try:
        row.users_push_to = cleaned(row.users_push_to)
    except AddressError:
        problems["users_push_to"] = _NAMESPACES
    if row.ca_certificate and (fault := certificate_fault(row.ca_certificate)):
        problems["ca_certificate"] = fault
    if bool(row.username) != bool(row.password):
        missing = "password" if row.username else "username"
        problems[missing] = _("User name and password belong together: give both, or neither.")
    if problems:
        raise InvalidInput(problems)
    row.full_clean()
    duplicate = _("Another registry endpoint has this name or address, or is the default already.")
    save_row(row, fields={*values, "insecure"}, duplicate=duplicate)
    return row


def _place_of(row: RegistryEndpoint) -> tuple[str, bool]:
    """Where its password is sent: to which host, and whether without proof that it is that host."""
    return row.endpoint.partition("/")[0].lower(), row.insecure


def _leads_elsewhere(before: tuple[str, bool], after: tuple[str, bool]) -> bool:
    """Whether a stored password, which nobody can read back, would become readable by another host or on the way."""
    return before[0] != after[0] or after[1] > before[1]


def delete_endpoints(*, user: Any, ids: Iterable[int]) -> int:
    """Delete endpoints, all or none. Raises `NotFound` for unknown ids."""
    require_operator(user)
    return delete_rows(RegistryEndpoint, ids)
