"""Included below `/api/v1/`; every path there that is none of these answers in this dialect too."""

from __future__ import annotations

from django.urls import path

from appimages.kuscia.views import ROUTES

urlpatterns = [path(f"appimage/{name}", view.as_view(), name=f"kuscia-{name}") for name, view in ROUTES.items()]
