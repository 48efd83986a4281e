"""The page that asks before a container without a row is removed."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from core.admin_tools import OperatorAdmin
from instances.inventory import remove_orphan
from instances.models import Orphan
from instances.spec import volume_name


def orphan_page(page: OperatorAdmin, request: HttpRequest, orphan: Orphan, *, back: str) -> HttpResponse:
    def act() -> str:
        remove_orphan(user=request.user, node=orphan.node_id, orphan=orphan.pk)
        return _("Removed: %(name)s") % {"name": orphan}

    return page.confirm(
        request,
        title=_("Remove the container “%(name)s”") % {"name": orphan},
        message=_(
            "It bears this system's label and belongs to no instance here: the database may have been restored from a "
            "backup, its instance was forgotten, or another installation uses the same node. What runs in it ends, the "
            "following is deleted on the node for ever, and what it held is free."
        ),
        items=[
            _("container %(name)s") % {"name": orphan},
            _("volume %(name)s") % {"name": volume_name(orphan.uid)},
        ],
        button=_("Remove for ever"),
        act=act,
        back=back,
        danger=True,
    )
