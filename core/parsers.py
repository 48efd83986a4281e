"""Reading JSON bodies: whatever arrives is either data that can be stored and answered, or an error of the sender."""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser, MultiPartParser

from core.sheets.archive import MAX_BYTES


class JSONBody(JSONParser):
    """DRF's parser with what it lacks: a limit of size, of nesting, and no halves of surrogate pairs.

    Such a half (`"\\ud800"`) is a valid JSON escape and no text: no database stores it and no answer can repeat it.
    """

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise _too_long()
        try:
            data = super().parse(BytesIO(body), media_type, parser_context)
            if b"\\ud" in body.lower():
                json.dumps(data, ensure_ascii=False).encode()
        except RecursionError:
            raise ParseError(_("The JSON body is nested too deeply.")) from None
        except UnicodeEncodeError:
            raise ParseError(_("The JSON body contains half of a surrogate pair, which is not a character.")) from None
        return data


class Upload(MultiPartParser):
    """A form with a sheet, no longer than any other body: what is longer was not awaited before a thread was given."""

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        request = (parser_context or {})["request"]
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise ParseError(_("The file is too large; at most %(limit)s MB are allowed.") % {"limit": MAX_BYTES >> 20})
        return super().parse(stream, media_type, parser_context)


def _too_long() -> ParseError:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return ParseError(_("The body is too long; at most %(limit)s bytes are allowed.") % {"limit": limit})
