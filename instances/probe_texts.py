"""Sentences for what probes found, in the language of whoever reads them. English here, Chinese in the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from instances.refusal_texts import sentence

TEXTS: dict[str, Any] = {
    "exited": _("exit code %(status)s %(said)s"),
    "connected": _("connected"),
    "no_answer": _("no answer within %(seconds)s s"),
    "connection_refused": _("connection refused: nothing listens there"),
    "connection_failed": _("connection failed: %(reason)s"),
    "hung_up": _("connection closed at once"),
    "connection_closed": _("connection closed before an answer"),
    "http_status": _("HTTP status %(status)s"),
    "no_http": _("no HTTP answer"),
    "grpc_state": _("gRPC health %(state)s"),
    "grpc_status": _("gRPC status %(status)s"),
    "no_grpc_status": _("no gRPC status"),
    "no_grpc": _("no gRPC answer"),
    "grpc_refused": _("gRPC call refused"),
}


def probe_text(code: str, params: Mapping[str, Any]) -> str:
    """The code's words in the active language; codes of `instances.refusal_texts` say why it could not be asked."""
    if code not in TEXTS:
        return sentence(code, params)
    return (str(TEXTS[code]) % params).strip()
