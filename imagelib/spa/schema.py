"""What these routes answer, for the OpenAPI document."""

from __future__ import annotations

from core.dialects.gva_schema import FLAG, NUMBER, TEXT, json_object

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
