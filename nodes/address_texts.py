"""Sentences for engine addresses that break the grammar: the rule and an example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

_RULES: Mapping[str, Any] = {
    "address_empty": _("Say where the engine listens."),
    "address_too_long": _("The address is too long: at most {limit} characters."),
    "address_whitespace": _("The address must not contain spaces or control characters."),
    "address_scheme_missing": _("The address begins with unix://, tcp:// or ssh://."),
    "address_scheme_unknown": _("“{scheme}” is not a known scheme: unix://, tcp:// or ssh://."),
    "address_http": _("Write tcp:// instead of http:// or https://; TLS is a switch of its own."),
    "address_unix_path": _("Give an absolute path of at most {limit} characters."),
    "address_host_missing": _("The host is missing."),
    "address_host_invalid": _("“{host}” is not a host name or IP address; an IPv6 address stands in brackets."),
    "address_port_missing": _("The port is missing: Docker usually listens on 2376 with TLS, on 2375 without."),
    "address_port_invalid": _("A port is a number from 1 to 65535."),
    "address_path_not_allowed": _("Nothing may follow the host and port."),
    "address_user_not_allowed": _("A tcp:// address has no user name."),
    "address_user_invalid": _("The user name has characters that are not allowed."),
    "address_password_not_allowed": _("Do not write a password into the address; it has a field of its own."),
}

UNPROTECTED = _(
    "This engine is spoken to without encryption: registry passwords that go along with pulls can be read on the way, "
    "and whoever reaches the port owns the machine. Use TLS (usually tcp://…:2376) or ssh://."
)


def address_problem(code: str, params: Mapping[str, str]) -> Any:
    """The rule that was broken and an address that would be accepted. Codes are those of `EngineAddressError`."""
    rule = format_lazy(_RULES[code], **params)
    return format_lazy("{rule} {example}", rule=rule, example=_example(params["example"]))


def _example(example: str) -> Any:
    return format_lazy(_("For example: {example}"), example=example)
