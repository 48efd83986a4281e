"""Reading JSON bodies: whatever arrives is either data that can be stored and answered, or an error of the sender."""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, JSONParser, MultiPartParser
from rest_framework.request import Request

from core.documents import LARGEST
from core.errors import InvalidInput
from core.sheets.archive import MAX_BYTES

_NO_FILE = gettext_lazy(
    "Give the file as the body, or in a form under the name file, for example curl -F file=@app_image.yaml."
)


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


class FileBody(BaseParser):
    """A file as the body, whatever type it is said to be of: its numbers keep their text, also in JSON."""

    media_type = "*/*"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        return stream.read(LARGEST + 1)


class Upload(MultiPartParser):
    """A form with a file, no longer than any other body: what is longer was not awaited before a thread was given."""

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        request = (parser_context or {})["request"]
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise ParseError(_("The file is too large; at most %(limit)s MB are allowed.") % {"limit": MAX_BYTES >> 20})
        return super().parse(stream, media_type, parser_context)


def file_of(request: Request) -> tuple[bytes, dict[str, Any]]:
    """The file that `FileBody` or `Upload` read, and the values beside it: in the query, or in the form.

    Raises `InvalidInput` if there is none.
    """
    given: dict[str, Any] = request.query_params.dict()
    body: Any = request.data
    if isinstance(body, QueryDict):
        given |= body.dict()
        file = given.pop("file", None)
        body = file.read(LARGEST + 1) if isinstance(file, UploadedFile) else b""
    if not isinstance(body, bytes) or not body:
        raise InvalidInput({"file": _NO_FILE})
    return body, given


def _too_long() -> ParseError:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return ParseError(_("The body is too long; at most %(limit)s bytes are allowed.") % {"limit": limit})
