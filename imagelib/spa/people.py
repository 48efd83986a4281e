"""Users, roles and the menu as the front end knows them."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from core.dialects.gva import harmless
from imagelib.spa.services import setting_of

ADMINISTRATOR, ORDINARY = 888, 8881  # the front end's own numbers
START_PAGE = "imageRegistry"  # a name of the menu
_USERS = UUID("6e0bd0a3-7c0b-4c39-9f6b-6a3c1d4f2a57")


def role_of(user: Any) -> int:
    return ADMINISTRATOR if user.is_staff else ORDINARY


def user_object(user: Any) -> dict[str, Any]:
    name = harmless(user.get_username())
    role = {
        "authorityId": role_of(user),
        "authorityName": _("Administrator") if user.is_staff else _("Ordinary user"),
        "defaultRouter": START_PAGE,
    }
    return {
        "ID": user.pk,
        "uuid": str(uuid5(_USERS, str(user.pk))),
        "userName": name,
        "nickName": harmless(user.get_full_name()) or name,
        "headerImg": "",
        "authorityId": role["authorityId"],
        "authority": role,
        "authorities": [role],
        "originSetting": setting_of(user),
    }


def menu() -> list[dict[str, Any]]:
    """The pages that there are, the same for everybody: which rows they show is decided row by row."""
    return [
        _entry("imageRegistry", "imageregistry", "picture", pgettext("menu", "Image library")),
        _entry("computeNode", "computenode", "monitor", pgettext("menu", "Compute nodes")),
        _entry("productSpec", "product", "goods", pgettext("menu", "Product specs")),
        _entry("instance", "instance", "box", pgettext("menu", "Instances")),
    ]


def _entry(name: str, folder: str, icon: str, title: str) -> dict[str, Any]:
    return {
        "name": name,
        "path": name,
        "component": f"view/{folder}/{name}/{name}.vue",
        "hidden": False,
        "meta": {"title": title, "icon": icon, "keepAlive": False, "defaultMenu": False, "closeTab": False},
        "children": None,
        "parameters": [],
        "btns": None,
    }
