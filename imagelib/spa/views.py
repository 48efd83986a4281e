"""The system's own routes. All answers are envelopes; no session, no CSRF token, no cookie counts for a change."""

from __future__ import annotations

from typing import Any, NoReturn

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.dialects.gva import GvaView, success
from core.dialects.gva_fields import Text
from core.dialects.gva_schema import FLAG, NUMBER, TEXT, SpaSchema, answers, json_object
from core.downloads import end_downloads
from core.errors import Conflict, InvalidInput
from core.logins import LoginToken, drop_login_cookie, end_login, set_login_cookie
from imagelib.spa import schema as shapes
from imagelib.spa.people import menu, role_of, user_object
from imagelib.spa.services import LoginRefused, log_in, save_setting
from imagelib.tokens import LONGEST_NAME, LONGEST_PASSWORD, LoginThrottle, UserLoginThrottle


class SpaView(GvaView):
    schema = SpaSchema()


class LoginForm(serializers.Serializer):
    username = Text(max_length=LONGEST_NAME)
    password = Text(max_length=LONGEST_PASSWORD, trim_whitespace=False, style={"input_type": "password"})


class LoginView(SpaView):
    """Log in for seven days. The token comes as the HttpOnly cookie `x-token` too, which is good for reading."""

    authentication_classes = []
    permission_classes = []
    throttle_classes = [LoginThrottle, UserLoginThrottle]
    throttle_scope = "login"
    user_throttle_scope = "login_of_user"

    @extend_schema(
        request=LoginForm,
        responses=answers(json_object(user=shapes.USER, token=TEXT, expiresAt=shapes.MILLISECONDS), public=True),
    )
    def post(self, request: Request) -> Response:
        form = LoginForm(data=request.data)
        form.is_valid(raise_exception=True)
        user = log_in(request=request, **form.validated_data)
        token = LoginToken.for_user(user)
        data = {"user": user_object(user), "token": str(token), "expiresAt": token["exp"] * 1000}
        response = success(_("Logged in"), data)
        set_login_cookie(response, token)
        return response

    def throttled(self, request: Request, wait: float | None) -> NoReturn:
        seconds = {"seconds": max(round(wait or 0), 1)}
        raise LoginRefused(_("Too many logins in a short time. Try again in %(seconds)s seconds.") % seconds)


class LogoutView(SpaView):
    """End this login, with every token that it was renewed to."""

    renews_login = False

    @extend_schema(request=None, responses=answers())
    def post(self, request: Request) -> Response:
        if not isinstance(request.auth, LoginToken):
            raise Conflict(_("Only a login of the front end can be ended. An access token ends by itself."))
        end_login(request.auth, now=timezone.now())
        end_downloads(request.user)
        response = success(_("Logged out"))
        drop_login_cookie(response)
        return response


class UserInfoView(SpaView):
    """Who is logged in."""

    @extend_schema(responses=answers(json_object(userInfo=shapes.USER)))
    def get(self, request: Request) -> Response:
        return success(_("Fetched successfully"), {"userInfo": user_object(request.user)})


class SettingView(SpaView):
    """Keep the front end's own settings; they come back as the user's `originSetting`."""

    @extend_schema(request={"application/json": shapes.SETTING}, responses=answers())
    def put(self, request: Request) -> Response:
        save_setting(user=request.user, setting=request.data)
        return success(_("Saved"))


class AuthorityView(SpaView):
    """Change to another of one's roles. Everybody has one, so only that one is accepted."""

    @extend_schema(request={"application/json": json_object(authorityId=NUMBER)}, responses=answers())
    def post(self, request: Request) -> Response:
        asked: Any = request.data.get("authorityId") if isinstance(request.data, dict) else None
        if type(asked) is not int:
            raise InvalidInput({"authorityId": _("Give the number of a role, for example 888.")})
        if asked != role_of(request.user):
            raise InvalidInput({"authorityId": _("You do not have this role.")})
        return success(_("Changed"))


class MenuView(SpaView):
    """The pages that the front end shows."""

    @extend_schema(request=None, responses=answers(json_object(menus=shapes.MENU)))
    def post(self, request: Request) -> Response:
        return success(_("Fetched successfully"), {"menus": menu()})


class DatabaseView(SpaView):
    """Whether the front end must set up a database. It never must."""

    authentication_classes = []
    permission_classes = []

    @extend_schema(request=None, responses=answers(json_object(needInit=FLAG), public=True))
    def post(self, request: Request) -> Response:
        return success(_("Fetched successfully"), {"needInit": False})


class JumpboxView(SpaView):
    """Where the front end's SSH hint leads to; empty if there is no such place."""

    @extend_schema(request=None, responses=answers(shapes.JUMPBOX))
    def post(self, request: Request) -> Response:
        place = {"server-ip": settings.JUMPBOX_HOST, "port": settings.JUMPBOX_PORT} if settings.JUMPBOX_HOST else {}
        return success(_("Fetched successfully"), place)
