"""Logging in, and what the front end keeps about a user."""

from __future__ import annotations

import json
from typing import Any

from axes.utils import reset
from django.conf import settings
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.hashers import check_password, make_password
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError, InvalidInput
from core.middleware import client_address
from imagelib.models import FrontEndSetting

LARGEST_SETTING = 16 * 1024  # bytes
_DEEPEST_SETTING = 8


class LoginRefused(DomainError):
    code = "login_refused"


def log_in(*, request: Any, username: str, password: str) -> Any:
    """The user, or `LoginRefused` with the reason as far as the sender may know it."""
    user = authenticate(request, username=username, password=password)
    if user is not None:
        # What a login session would have done: wrong passwords before the right one no longer count.
        reset(ip=client_address(request), username=username)
        return user
    if getattr(request, "axes_locked_out", False):  # comes first: nobody may go on guessing
        minutes = {"minutes": round(settings.AXES_COOLOFF_TIME.total_seconds() / 60)}
        raise LoginRefused(_("Too many wrong passwords: locked. Try again in %(minutes)s minutes.") % minutes)
    if _is_right_but_disabled(username, password):
        raise LoginRefused(_("This account is disabled. Ask an administrator."))
    raise LoginRefused(_("User name or password is wrong."))


def _is_right_but_disabled(username: str, password: str) -> bool:
    """Only who knows the password is told that the account exists."""
    row = get_user_model().objects.filter(username=username, is_active=False).first()
    if row is None:
        make_password(password)  # as long as the look at a password: the time tells nobody which accounts there are
        return False
    return check_password(password, row.password)


def setting_of(user: Any) -> dict[str, Any] | None:
    text = FrontEndSetting.objects.filter(user=user).values_list("json", flat=True).first()
    setting: dict[str, Any] | None = json.loads(text) if text else None
    return setting


def save_setting(*, user: Any, setting: Any) -> None:
    """Keep any JSON object for the front end. Raises `InvalidInput` if it is none, or too large."""
    if not isinstance(setting, dict):
        raise InvalidInput({"": _('Give a JSON object, for example {"darkMode": "auto"}.')})
    if _is_deeper(setting, _DEEPEST_SETTING):
        raise InvalidInput({"": _("Settings may be nested %(levels)s levels deep.") % {"levels": _DEEPEST_SETTING}})
    try:
        text = json.dumps(setting, allow_nan=False)
    except ValueError:  # 1e999 is read as infinity
        raise InvalidInput({"": _("A number is too large.")}) from None
    if len(text) > LARGEST_SETTING:
        raise InvalidInput({"": _("Settings may take up %(limit)s bytes.") % {"limit": LARGEST_SETTING}})
    FrontEndSetting.objects.update_or_create(user=user, defaults={"json": text})


def _is_deeper(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return not levels or any(_is_deeper(part, levels - 1) for part in inner)
