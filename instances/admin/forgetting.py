"""The page that asks before an instance is forgotten."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from core.admin_tools import OperatorAdmin
from instances import services
from instances.models import Instance
from instances.spec import volume_name


def forget_page(page: OperatorAdmin, request: HttpRequest, instance: Instance) -> HttpResponse:
    def act() -> str:
        services.forget_instance(user=request.user, instance=instance.pk)
        return _("Forgotten: %(name)s") % {"name": instance.name}

    left: list[Any] = [
        _("container %(name)s") % {"name": instance.container_name or "–"},
        _("volume %(name)s") % {"name": volume_name(str(instance.uid))},
    ]
    return page.confirm(
        request,
        title=_("Forget “%(name)s”") % {"name": instance.name},
        message=_(
            "Only for a node that never returns. The instance is deleted here, and its GPUs count as free. The node is "
            "not asked: should it return, the following may be left there, may run, and must be removed by hand."
        ),
        items=left,
        button=_("Forget for ever"),
        act=act,
        back=page.changelist_url(),
        danger=True,
    )
