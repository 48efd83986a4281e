"""These routes in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema

from core.dialects.gva_schema import NOTHING, TAG, answer, json_object, refusal

TEXT, NUMBER, FLAG = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
MILLISECONDS = {"type": "integer", "format": "int64", "description": "Since 1970, in milliseconds."}
_ANY = {"type": "object", "nullable": True}
_ROLE = json_object(authorityId=NUMBER, authorityName=TEXT, defaultRouter=TEXT)
SETTING = {"type": "object", "description": "Whatever the front end wants to keep, up to 16 kB."}
USER = json_object(
    ID=NUMBER, uuid=TEXT, userName=TEXT, nickName=TEXT, headerImg=TEXT, authorityId=NUMBER, authority=_ROLE,
    authorities={"type": "array", "items": _ROLE}, originSetting=_ANY,
)  # fmt: skip
_PAGE = json_object(
    name=TEXT, path=TEXT, component=TEXT, hidden=FLAG,
    meta=json_object(title=TEXT, icon=TEXT, keepAlive=FLAG, defaultMenu=FLAG, closeTab=FLAG),
    children=_ANY, parameters={"type": "array", "items": {"type": "object"}}, btns=_ANY,
)  # fmt: skip
MENU = {"type": "array", "items": _PAGE}
JUMPBOX = {"type": "object", "properties": {"server-ip": TEXT, "port": NUMBER}}


class SpaSchema(AutoSchema):
    """Tag and name are those of the record routes; the text is that of the view."""

    def get_tags(self) -> list[str]:
        return [TAG]

    def get_operation_id(self) -> str:
        return str(self.path.rpartition("/")[2])


def answers(data: dict[str, Any] = NOTHING, *, public: bool = False) -> dict[int, Any]:
    """All answers of a route that has this in `data` when it succeeds."""
    found = {200: answer(data)}
    return found if public else found | {401: refusal()}
