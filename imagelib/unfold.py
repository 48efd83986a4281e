"""The admin theme's settings: name, colours, menu, own style sheet and scripts."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse, reverse_lazy
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

_STYLES = ("imagelib/imagelib.css",)
_SCRIPTS = ("imagelib/format.js", "imagelib/live.js", "imagelib/pull_view.js")


def _superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)


def _own(path: str) -> Any:
    return lambda _request: static(path)


def _texts_of_scripts(_request: HttpRequest) -> str:
    """The language is part of the address, so that a browser never keeps the texts of another one."""
    return f"{reverse('javascript-catalog')}?language={get_language()}"


def _item(title: Any, icon: str, name: str, **options: Any) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse_lazy(name), **options}


UNFOLD = {
    "SITE_TITLE": _("Image library"),
    "SITE_HEADER": _("Image library"),
    "SITE_SUBHEADER": _("Images for GPU fleets"),
    "SITE_SYMBOL": "deployed_code",
    "SITE_URL": None,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _own("imagelib/favicon.svg")}],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "SHOW_BACK_BUTTON": False,
    "DASHBOARD_CALLBACK": "pulls.dashboard.dashboard",
    "STYLES": [_own(path) for path in _STYLES],
    "SCRIPTS": [_texts_of_scripts, *(_own(path) for path in _SCRIPTS)],
    "BORDER_RADIUS": "6px",
    "COLORS": {
        "primary": {
            "50": "oklch(97.7% .013 236.62)",
            "100": "oklch(95.1% .026 236.824)",
            "200": "oklch(90.1% .058 230.902)",
            "300": "oklch(82.8% .111 230.318)",
            "400": "oklch(74.6% .16 232.661)",
            "500": "oklch(64.5% .155 237.323)",
            "600": "oklch(55.8% .148 241.966)",
            "700": "oklch(48% .134 242.749)",
            "800": "oklch(42.3% .11 240.79)",
            "900": "oklch(37.1% .09 240.876)",
            "950": "oklch(28.3% .066 243.157)",
        },
    },
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": [
            {
                "items": [
                    _item(_("Overview"), "dashboard", "admin:index"),
                    _item(_("Pulls"), "download", "admin:pulls_pulljob_changelist"),
                    _item(_("Instances"), "play_circle", "admin:instances_instance_changelist"),
                    _item(_("Deployments"), "rocket_launch", "admin:instances_deployment_changelist"),
                ],
            },
            {
                "title": _("Custom images"),
                "separator": True,
                "items": [
                    _item(_("Applications"), "inventory_2", "admin:builds_application_changelist"),
                    _item(_("Builds"), "construction", "admin:builds_build_changelist"),
                    _item(
                        _("Submissions"), "inbox", "admin:builds_submission_changelist",
                        badge="builds.admin.badges.undecided",
                    ),
                    _item(
                        _("Notices"), "notifications", "admin:builds_notice_changelist",
                        badge="builds.admin.badges.unread",
                    ),
                    _item(_("Outgoing webhooks"), "webhook", "admin:builds_webhooktarget_changelist"),
                ],
            },
            {
                "title": _("Library"),
                "separator": True,
                "items": [
                    _item(_("Images"), "deployed_code", "admin:imagelib_imageregistry_changelist"),
                    _item(_("AppImages"), "apps", "admin:appimages_appimage_changelist"),
                    _item(_("Registry endpoints"), "database", "admin:imagelib_registryendpoint_changelist"),
                    _item(_("Compute nodes"), "dns", "admin:nodes_computenode_changelist"),
                    _item(_("GPUs"), "developer_board", "admin:instances_gpu_changelist"),
                    _item(_("Product specs"), "memory", "admin:instances_productspec_changelist"),
                    _item(_("Config sets"), "tune", "admin:instances_configset_changelist"),
                    _item(_("Secret sets"), "password", "admin:instances_secretset_changelist"),
                ],
            },
            {
                "title": _("Administration"),
                "separator": True,
                "collapsible": True,
                "items": [
                    _item(_("Users"), "person", "admin:auth_user_changelist", permission=_superuser),
                    _item(_("Groups"), "group", "admin:auth_group_changelist", permission=_superuser),
                    _item(_("Audit log"), "history", "admin:auditlog_logentry_changelist", permission=_superuser),
                    _item(
                        _("Changes of AppImages"), "manage_history", "admin:appimages_appimageversion_changelist",
                        permission=_superuser,
                    ),
                    _item(_("Terminal sessions"), "terminal", "admin:instances_terminalsession_changelist"),
                    _item(_("Kuscia tokens"), "key", "admin:appimages_kusciatoken_changelist"),
                    _item(_("Login attempts"), "lock", "admin:axes_accessattempt_changelist", permission=_superuser),
                    _item(
                        _("Schedule"), "schedule", "admin:django_celery_beat_periodictask_changelist",
                        permission=_superuser,
                    ),
                    _item(_("API documentation"), "api", "docs"),
                ],
            },
        ],
    },
}  # fmt: skip
