"""The message in the body of a request, by its content type."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.utils.translation import gettext as _
from rest_framework.request import Request

from appimages.kuscia.decoding import Unreadable, decode
from appimages.kuscia.fields import Message
from appimages.kuscia.refusals import unreadable

_XML = ("application/xml", "text/xml")


def read_message(message: Message, request: Request) -> dict[str, Any]:
    """What Kuscia makes of the body; types that it takes for forms are an empty message, whatever is in them."""
    kind = request.headers.get("Content-Type", "")
    bare = kind.partition(";")[0].strip()
    if kind in ("", "text/plain") or kind.startswith("application/json"):
        try:
            return decode(message, request.body)
        except Unreadable as error:
            raise unreadable(error) from None
        except RequestDataTooBig:
            text = _("The body is too long; at most %(limit)s bytes are allowed.")
            raise unreadable(text % {"limit": settings.DATA_UPLOAD_MAX_MEMORY_SIZE}) from None
    if bare == "application/x-protobuf":
        raise unreadable(_("Binary protobuf is not supported: send JSON, as Content-Type: application/json."))
    if bare in _XML:
        raise unreadable("EOF")
    if bare == "multipart/form-data" and "boundary=" not in kind:
        raise unreadable("no multipart boundary param in Content-Type")
    return {}
