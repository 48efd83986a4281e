"""System checks of the front end's settings, at every start."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import Error, register

_HOST = re.compile(r"[A-Za-z0-9._:-]{1,255}")


@register
def front_end_is_there(app_configs: Any, **_options: Any) -> list[Error]:
    """A wrong directory would be noticed only by people who find no page."""
    if not settings.SPA_DIR:
        return []
    try:
        with (Path(settings.SPA_DIR) / "index.html").open("rb"):
            return []
    except OSError as error:
        text = f"IMAGELIB_SPA_DIR={settings.SPA_DIR!r} holds no readable index.html: {error.strerror}."
        hint = "Name the directory of the built front end (dist), or leave the variable out. See docs/spa.md."
        return [Error(text, hint=hint, id="imagelib.E003")]


@register
def jumpbox_is_a_host(app_configs: Any, **_options: Any) -> list[Error]:
    """The front end puts this text into HTML as it is."""
    faults = []
    if settings.JUMPBOX_HOST and not _HOST.fullmatch(settings.JUMPBOX_HOST):
        text = "IMAGELIB_JUMPBOX_HOST is neither a host name nor an IP address."
        faults.append(Error(text, hint="For example jump.example.com or 10.0.0.5.", id="imagelib.E004"))
    if settings.JUMPBOX_PORT > 65535:
        faults.append(Error("IMAGELIB_JUMPBOX_PORT is no port: at most 65535.", id="imagelib.E005"))
    return faults
