"""Logging in as the front end does."""

from __future__ import annotations

from typing import Any

from rest_framework.test import APIClient

from tests.api.gva_client import done
from tests.api.make import PASSWORD

LOGIN = "/base/login"
USER = "/user/getUserInfo"
SETTING = "/user/setSelfSetting"
AUTHORITY = "/user/setUserAuthority"
MENU = "/menu/getMenu"
LOGOUT = "/jwt/jsonInBlacklist"
DATABASE = "/init/checkdb"
JUMPBOX = "/system/getJumpboxConfig"
# Every route, with the method and a body that is good for an operator.
ROUTES: dict[str, tuple[str, Any]] = {
    LOGIN: ("post", {"username": "olga", "password": PASSWORD}),
    USER: ("get", None),
    SETTING: ("put", {"darkMode": "auto"}),
    AUTHORITY: ("post", {"authorityId": 888}),
    MENU: ("post", None),
    DATABASE: ("post", None),
    JUMPBOX: ("post", None),
    LOGOUT: ("post", None),  # the last, for tests that ask one after the other
}
PUBLIC = (LOGIN, DATABASE)
PRIVATE = [path for path in ROUTES if path not in PUBLIC]


def browser(language: str | None = "en") -> APIClient:
    """Not logged in. Checks CSRF as a server does; `language=None` sends no `Accept-Language`."""
    headers = {"HTTP_ACCEPT": "application/json, text/plain, */*", "HTTP_X_TOKEN": ""}
    if language:
        headers["HTTP_ACCEPT_LANGUAGE"] = language
    return APIClient(enforce_csrf_checks=True, raise_request_exception=False, **headers)


def ask(client: APIClient, path: str, *, prefix: str = "", body: Any = None) -> Any:
    """The route's own method, with its good body unless another is given. Without a body no `Content-Type` is sent."""
    method, good = ROUTES[path]
    sent = good if body is None else body
    return getattr(client, method)(prefix + path, sent) if sent is not None else client.generic(method, prefix + path)


def front_end(username: str, *, language: str | None = "en") -> APIClient:
    """A browser whose page has the token in its memory, and whose cookie jar has the cookie."""
    client = browser(language)
    token = done(client.post(LOGIN, {"username": username, "password": PASSWORD}))["token"]
    client.credentials(HTTP_X_TOKEN=token, HTTP_X_USER_ID="1", HTTP_ORIGIN="http://testserver")
    return client


def token_of(client: APIClient) -> str:
    return str(client._credentials["HTTP_X_TOKEN"])


def with_token(token: str) -> APIClient:
    """Another page that knows a token and has no cookie."""
    client = browser()
    client.credentials(HTTP_X_TOKEN=token)
    return client


def with_cookie(token: str) -> APIClient:
    """What a browser sends by itself."""
    client = browser()
    client.credentials()
    client.cookies["x-token"] = token
    return client
