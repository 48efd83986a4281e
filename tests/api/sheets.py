"""Pressing the Excel buttons as the front end does."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from rest_framework.test import APIClient

from tests.api.gva_client import done
from tests.support.workbooks import file_of

AT = "/sysExportTemplate"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def download(client: APIClient, button: str, template_id: str, *, prefix: str = "/api") -> Any:
    """The answer in the new tab, which has the browser's language and none of the front end's headers."""
    path = done(client.get(f"{prefix}{AT}/{button}?templateID={template_id}&params=filterDeleted%3Dtrue"))
    language = client._base_environ().get("HTTP_ACCEPT_LANGUAGE")
    return APIClient(**({"HTTP_ACCEPT_LANGUAGE": language} if language else {})).get(prefix + path)


def exported(client: APIClient, template_id: str) -> BytesIO:
    return _file(download(client, "exportExcel", template_id))


def template(client: APIClient, template_id: str) -> BytesIO:
    return _file(download(client, "exportTemplate", template_id))


def import_sheet(template_id: str, file: BytesIO) -> tuple[Any, ...]:
    """Arguments for `client.post`."""
    file.seek(0)
    file.name = "sheet.xlsx"
    return f"{AT}/importExcel?templateID={template_id}", {"file": file}, "multipart"


def imported(client: APIClient, template_id: str, file: BytesIO) -> dict[str, int]:
    """How many rows were created, changed, unchanged."""
    return done(client.post(*import_sheet(template_id, file)))  # type: ignore[no-any-return]


def import_rows(client: APIClient, template_id: str, *rows: Sequence[Any]) -> dict[str, int]:
    return imported(client, template_id, file_of(rows))


def _file(answer: Any) -> BytesIO:
    assert answer.status_code == 200 and answer["Content-Type"] == XLSX, answer.content
    return BytesIO(answer.content)
