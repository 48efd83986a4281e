"""All routes. Below an API prefix even unknown paths and crashes answer in that prefix's dialect."""

from __future__ import annotations

import re
import sys
from typing import Any

from django.contrib import admin
from django.http import HttpResponse
from django.urls import include, path, re_path
from django.views import defaults
from django.views.generic import RedirectView
from django.views.i18n import JavaScriptCatalog
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.routers import SimpleRouter

from appimages.api import AppImageViewSet
from appimages.kuscia.views import Elsewhere
from appimages.register_api import RegisterView
from appimages.render_api import RenderView
from builds import streams as build_streams
from builds.api.applications import ApplicationViewSet
from builds.api.builds import BuildViewSet
from builds.api.hooks import GitHookView
from builds.api.submissions import SubmissionViewSet
from builds.api.telling import NoticeViewSet, WebhookTargetViewSet
from core.dialects import gva, kuscia, problem
from core.dialects.problem import is_database_away
from imagelib import health
from imagelib.api import ImageViewSet, RegistryViewSet, ResolveView
from imagelib.spa.sheets import PREFIX as SHEETS_PREFIX
from imagelib.spa.urls import PREFIXES as SPA_PREFIXES
from imagelib.tokens import LoginView, RefreshView
from instances import live
from instances.api import (
    ConfigSetViewSet,
    DeploymentViewSet,
    InstanceViewSet,
    NodeDoctorView,
    NodeGpusView,
    RunAppImageView,
    SecretSetViewSet,
    SpecViewSet,
)
from nodes.api import NodeViewSet
from pulls import streams
from pulls.api import PullViewSet

# The front end's proxy takes /api off; without a proxy the paths arrive with it.
_GVA_MODULES = ("imagelib.gva", "nodes.gva", "instances.gva", "imagelib.spa.urls", "imagelib.spa.sheets")
gva_routes = [path("", include(module)) for module in _GVA_MODULES]
_GVA_PREFIXES = ("imageRegistry", "computeNode", "productSpec", "instance", *SPA_PREFIXES, SHEETS_PREFIX)
_GVA = re.compile(rf"(/api)?/({'|'.join(_GVA_PREFIXES)})(/|$)")
_KUSCIA = r"(?:/)*api/+v1(?:/[\s\S]*)?\Z"  # with the doubled slashes that its server would clean

router = SimpleRouter()
router.register("images", ImageViewSet, basename="image")
router.register("registries", RegistryViewSet, basename="registry")
router.register("nodes", NodeViewSet, basename="node")
router.register("pulls", PullViewSet, basename="pull")
router.register("specs", SpecViewSet, basename="spec")
router.register("appimages", AppImageViewSet, basename="appimage")
router.register("applications", ApplicationViewSet, basename="application")
router.register("instances", InstanceViewSet, basename="instance")
router.register("config-sets", ConfigSetViewSet, basename="config-set")
router.register("secret-sets", SecretSetViewSet, basename="secret-set")
router.register("deployments", DeploymentViewSet, basename="deployment")
router.register("builds", BuildViewSet, basename="build")
router.register("submissions", SubmissionViewSet, basename="submission")
router.register("notices", NoticeViewSet, basename="notice")
router.register("webhook-targets", WebhookTargetViewSet, basename="webhook-target")

api = [
    path("token/", LoginView.as_view(), name="token"),
    path("token/refresh/", RefreshView.as_view(), name="token-refresh"),
    path("schema/", SpectacularAPIView.as_view(permission_classes=[], authentication_classes=[]), name="schema"),
    path("docs/", SpectacularSwaggerView.as_view(permission_classes=[], authentication_classes=[]), name="docs"),
    path("appimages/register/", RegisterView.as_view(), name="appimage-register"),
    path("appimages/<str:name>/run/", RunAppImageView.as_view(), name="app-image-run"),
    path("appimages/<str:name>/render/", RenderView.as_view(), name="appimage-render"),
    path("hooks/git/", GitHookView.as_view(), name="hooks-git"),
    path("resolve/", ResolveView.as_view(), name="resolve"),
    path("nodes/<int:pk>/gpus/", NodeGpusView.as_view(), name="node-gpus"),
    path("nodes/<int:pk>/doctor/", NodeDoctorView.as_view(), name="node-doctor"),
    path("instances/events/", live.instances_events, name="instances-events"),
    path("instances/<int:pk>/events/", live.instance_events, name="instance-events"),
    path("builds/events/", build_streams.builds_events, name="builds-events"),
    path("builds/<int:pk>/events/", build_streams.build_events, name="build-events"),
    path("pulls/events/", streams.pulls_events, name="pulls-events"),
    path("pulls/<int:pk>/events/", streams.pull_events, name="pull-events"),
    *router.urls,
    *gva_routes,
    re_path(r"^.*$", problem.not_found),
]

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("api/v1/", include("appimages.kuscia.urls")),
    re_path(f"^{_KUSCIA}", Elsewhere.as_view()),
    path("api/", include(api)),
    *gva_routes,  # sixty of them: others need not be compared with each
    path("i18n/", include("django.conf.urls.i18n")),
    path("jsi18n/", JavaScriptCatalog.as_view(), name="javascript-catalog"),
    path("admin/", admin.site.urls),
]


def handler400(request: Any, exception: Any) -> HttpResponse:
    dialect = dialect_of(request.path)
    return dialect.bad_request(request, exception) if dialect else defaults.bad_request(request, exception)


def handler404(request: Any, exception: Any) -> HttpResponse:
    dialect = dialect_of(request.path)
    return dialect.not_found(request) if dialect else defaults.page_not_found(request, exception)


def handler500(request: Any) -> HttpResponse:
    dialect = dialect_of(request.path)
    if not dialect:
        return defaults.server_error(request)
    # Django calls this while it handles the exception.
    return dialect.unavailable(request) if is_database_away(sys.exception()) else dialect.crash(request)


def dialect_of(path: str) -> Any:
    """The module that words the answers below `path`; None for pages."""
    if _GVA.match(path):
        return gva
    if re.match(_KUSCIA, path):
        return kuscia
    return problem if path.startswith("/api/") else None
