"""Registering an image: first what would happen, then all of it at once, and a page on which the image arrives."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from appimages.models import AppImage
from appimages.registration import Mode, register
from appimages.rehearsal import Change, Rehearsal, present_on, rehearse
from core.admin_forms import file_input
from core.admin_tools import CONFIRMED, OperatorAdmin, diff_lines
from core.document_texts import FileRefused
from core.documents import LARGEST
from core.errors import DomainError
from imagelib.references import effective_or_invalid
from nodes.admin import status_label
from pulls.admin_choices import asked_source, nodes_to_choose, number, shown_source
from pulls.dashboard import brief
from pulls.models import Source
from pulls.services import visible_pulls

WATCHED = 100  # pulls on one page: as many as one event stream tells of


def register_page(page: OperatorAdmin, request: HttpRequest) -> HttpResponse:
    """A first POST shows what would happen, a second one does it."""
    posted = request.POST
    context = _form(page, request)
    if request.method == "POST" and posted.get("again") is None:
        try:
            asked = _asked(request, context)
            rehearsal = rehearse(author=request.user, **asked)
            if posted.get(CONFIRMED) and posted.get("seen") == rehearsal.seen:
                return _registered(request, asked, rehearsal)
            if posted.get(CONFIRMED):
                context["refused"] = _("Somebody changed an AppImage meanwhile. This is what would happen now.")
            context |= _shown(rehearsal, asked)
        except FileRefused as error:
            context["faults"] = error.extra["errors"]
        except DomainError as error:
            context["refused"] = str(error)
    return TemplateResponse(request, "appimages/register.html", context)


def presence_view(page: OperatorAdmin, request: HttpRequest) -> HttpResponse:
    """`?image=` → ids of the nodes that have it; none for what is no image, which is said elsewhere."""
    if not page.has_view_permission(request):
        return JsonResponse({"error": _("Only operators may do this.")}, status=403)
    try:
        image = effective_or_invalid(request.GET.get("image", ""))
    except DomainError:
        return JsonResponse({"nodes": []})
    return JsonResponse({"nodes": sorted(present_on(image, request.user))})


def registered_page(page: OperatorAdmin, request: HttpRequest) -> HttpResponse:
    """What was stored, and the image on its way: `?app_image=id&pull=id…`, `more` for pulls beyond those."""
    ids = {name: [number(pk) for pk in request.GET.getlist(name)][:WATCHED] for name in ("app_image", "pull")}
    now = timezone.now()
    jobs = visible_pulls(request.user).filter(pk__in=ids["pull"]).order_by("node_name", "pk")
    pulls = [brief(job, now=now) for job in jobs]
    context = {
        **page.frame(request, _("Register and import")),
        "app_images": AppImage.objects.filter(pk__in=ids["app_image"]).order_by("name"),
        "pulls": [picture | {"json": json.dumps(picture)} for picture in pulls],
        "more": number(request.GET.get("more")),
        "back": page.changelist_url(),
    }
    return TemplateResponse(request, "appimages/registered.html", context)


def _form(page: OperatorAdmin, request: HttpRequest) -> dict[str, Any]:
    """What was typed and chosen, and what there is to choose."""
    posted = request.POST
    chosen = [number(pk) for pk in posted.getlist("nodes")]
    search = posted.get("search", "").replace("\0", "").strip()
    nodes, more = nodes_to_choose(search=search, chosen=chosen)
    return {
        **page.frame(request, _("Register and import")),
        "image": posted.get("image", request.GET.get("image", "")).strip(),
        "name": posted.get("name", "").strip(),
        "text": posted.get("text", ""),
        "mode": posted.get("mode", Mode.P2P),
        "chosen": chosen,
        "search": search,
        "nodes": [{"pk": node.pk, "row": node, "status": status_label(node)} for node in nodes],
        "more_nodes": more,
        "file_input": file_input(".yaml,.yml,.json,.txt"),
        **shown_source(posted, usual=Source.AUTO),
        "back": page.changelist_url(),
        "confirmed": CONFIRMED,
    }


def _asked(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """As `register` wants it. Raises what an archive that is gone raises."""
    file = request.FILES.get("file")
    text = context["text"]
    pasted = text.encode("utf-8", "surrogatepass") if text.strip() else None
    return {
        "image": context["image"],
        "template": file.read(LARGEST + 1) if file else pasted,  # as much as tells that it is too large
        "name": context["name"] or None,
        "nodes": context["chosen"],
        "mode": Mode.CENTRAL if context["mode"] == Mode.CENTRAL else Mode.P2P,
        "with_import": True,
        "wanted_from": asked_source(request.POST),
    }


def _shown(rehearsal: Rehearsal, asked: dict[str, Any]) -> dict[str, Any]:
    meant = rehearsal.image.as_dict()
    return {
        "rehearsal": rehearsal,
        "effective": meant,
        "changes": [(change, _lines(change)) for change in rehearsal.changes],
        "arrivals": [(arrival, status_label(arrival.node)) for arrival in rehearsal.arrivals],
        "text": (asked["template"] or b"").decode("utf-8-sig"),  # it was read already
    }


def _lines(change: Change) -> list[dict[str, Any]] | None:
    return None if change.diff is None else diff_lines(change.diff)


def _registered(request: HttpRequest, asked: dict[str, Any], rehearsal: Rehearsal) -> HttpResponse:
    _registration, stored, pulls = register(author=request.user, **asked)
    if stored.created or stored.updated:
        same = sum(change.diff == "" for change in rehearsal.changes)
        counts = {"created": len(stored.created), "updated": len(stored.updated) - same, "same": same}
        text = _("Registered: %(created)s new, %(updated)s replaced, %(same)s as before.")
        messages.success(request, text % counts)
    rows = AppImage.objects.filter(name__in=[*stored.created, *stored.updated]).order_by("name")
    jobs = [job.pk for _node, job in pulls]
    query: list[tuple[str, int]] = [("app_image", pk) for pk in rows.values_list("pk", flat=True)[:WATCHED]]
    query += [("pull", pk) for pk in jobs[:WATCHED]]
    if len(jobs) > WATCHED:
        query.append(("more", len(jobs) - WATCHED))
    return HttpResponseRedirect(f"{reverse('admin:appimages_registered')}?{urlencode(query)}")
