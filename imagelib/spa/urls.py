"""No trailing slashes: that front end never sends one."""

from __future__ import annotations

from django.urls import path, re_path

from core.dialects.gva import not_found
from imagelib.spa import views

PREFIXES = ("base", "user", "menu", "jwt", "init", "system")

urlpatterns = [
    path("base/login", views.LoginView.as_view()),
    path("user/getUserInfo", views.UserInfoView.as_view()),
    path("user/setSelfSetting", views.SettingView.as_view()),
    path("user/setUserAuthority", views.AuthorityView.as_view()),
    path("menu/getMenu", views.MenuView.as_view()),
    path("jwt/jsonInBlacklist", views.LogoutView.as_view()),
    path("init/checkdb", views.DatabaseView.as_view()),
    path("system/getJumpboxConfig", views.JumpboxView.as_view()),
    re_path(rf"^(?:{'|'.join(PREFIXES)})(?:/.*)?$", not_found),
]
