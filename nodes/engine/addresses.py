"""The grammar of engine addresses: what a person may type for "where does this engine listen". Pure.

    unix:///var/run/docker.sock      tcp://10.0.0.7:2376      tcp://[2001:db8::7]:2376      ssh://root@gpu7:22

A TCP port is required because Docker has two customary ones (2375 plain, 2376 TLS) and guessing would hide a mistake.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address

MAX_LENGTH = 300
MAX_UNIX_PATH = 107  # sockaddr_un.sun_path on Linux, without its closing NUL
EXAMPLES = {
    "unix": "unix:///var/run/docker.sock",
    "tcp": "tcp://10.0.0.7:2376",
    "ssh": "ssh://root@10.0.0.7:22",
}
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,63}")
_CONTROL_OR_SPACE = re.compile(r"[\s\x00-\x1f\x7f]")


class EngineAddressError(ValueError):
    """An address breaks the grammar. `code` says which rule; `params` has what its sentence needs, never a password.

    Codes: address_empty, address_too_long, address_whitespace, address_scheme_missing, address_scheme_unknown,
    address_http, address_unix_path, address_host_missing, address_host_invalid, address_port_missing,
    address_port_invalid, address_path_not_allowed, address_user_not_allowed, address_user_invalid,
    address_password_not_allowed. `params["example"]` is always an address that would be accepted.
    """

    def __init__(self, code: str, *, example: str = EXAMPLES["tcp"], **params: str) -> None:
        self.code = code
        self.params = {"example": example, **params}
        super().__init__(code)


@dataclass(frozen=True, slots=True)
class ParsedAddress:
    """One engine address in pieces. `path` for unix; `host` (IPv6 without brackets) and `port` for tcp and ssh."""

    scheme: str  # "unix", "tcp", "ssh"
    path: str = ""
    host: str = ""
    port: int | None = None  # None: ssh without a port
    username: str = ""

    @property
    def canonical(self) -> str:
        """The normal spelling, to store and to compare."""
        if self.scheme == "unix":
            return f"unix://{self.path}"
        user = f"{self.username}@" if self.username else ""
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}://{user}{self.url_host}{port}"

    @property
    def is_in_the_clear(self) -> bool:
        """Whether what is said there travels through a network as it is, unless TLS is switched on."""
        return self.scheme == "tcp" and not (self.host == "localhost" or _is_loopback(self.host))

    @property
    def url_host(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


def parse_address(text: str) -> ParsedAddress:
    """Read an engine address; raises `EngineAddressError`. Surrounding white space is forgiven, case is normalised."""
    text = text.strip()
    if not text:
        raise EngineAddressError("address_empty")
    if len(text) > MAX_LENGTH:
        raise EngineAddressError("address_too_long", limit=str(MAX_LENGTH))
    if _CONTROL_OR_SPACE.search(text):
        raise EngineAddressError("address_whitespace")
    scheme, separator, rest = text.partition("://")
    if not separator:
        raise _without_scheme(text)
    scheme = scheme.lower()
    if scheme in ("http", "https"):
        raise EngineAddressError("address_http", example=_suggest("tcp", rest))
    if scheme == "unix":
        return _parse_unix(rest)
    if scheme == "tcp":
        return _parse_tcp(rest)
    if scheme == "ssh":
        return _parse_ssh(rest)
    raise EngineAddressError("address_scheme_unknown", scheme=scheme[:20])


def _without_scheme(text: str) -> EngineAddressError:
    example = _suggest("unix", text) if text.startswith("/") else _suggest("tcp", text)
    return EngineAddressError("address_scheme_missing", example=example)


def _suggest(scheme: str, rest: str) -> str:
    """The address probably meant, when it would be a right one; else the general example."""
    try:
        return (_parse_unix(rest) if scheme == "unix" else _parse_tcp(rest)).canonical
    except EngineAddressError:
        return EXAMPLES[scheme]


def _parse_unix(path: str) -> ParsedAddress:
    too_long = len(path.encode(errors="replace")) > MAX_UNIX_PATH
    if not path.startswith("/") or path.endswith("/") or too_long:
        raise EngineAddressError("address_unix_path", example=EXAMPLES["unix"], limit=str(MAX_UNIX_PATH))
    return ParsedAddress(scheme="unix", path=path)


def _parse_tcp(rest: str) -> ParsedAddress:
    authority = _without_path(rest, example=EXAMPLES["tcp"])
    if "@" in authority:
        raise EngineAddressError("address_user_not_allowed")
    host, port = _split_port(authority, example=EXAMPLES["tcp"])
    if port is None:
        raise EngineAddressError("address_port_missing", example=ParsedAddress("tcp", host=host, port=2376).canonical)
    return ParsedAddress(scheme="tcp", host=host, port=port)


def _parse_ssh(rest: str) -> ParsedAddress:
    authority = _without_path(rest, example=EXAMPLES["ssh"])
    username, at, place = authority.rpartition("@")
    if ":" in username:
        raise EngineAddressError("address_password_not_allowed", example=EXAMPLES["ssh"])
    if at and not _USER.fullmatch(username):
        raise EngineAddressError("address_user_invalid", example=EXAMPLES["ssh"])
    host, port = _split_port(place, example=EXAMPLES["ssh"])
    return ParsedAddress(scheme="ssh", host=host, port=port, username=username)


def _without_path(rest: str, *, example: str) -> str:
    authority = rest.removesuffix("/")
    if any(mark in authority for mark in "/?#"):
        raise EngineAddressError("address_path_not_allowed", example=example)
    return authority


def _split_port(place: str, *, example: str) -> tuple[str, int | None]:
    if place.startswith("["):
        host, bracket, tail = place[1:].partition("]")
        if not bracket or (tail and not tail.startswith(":")):
            raise EngineAddressError("address_host_invalid", example=example, host=place[:100])
        return _check_ipv6(host, example=example), _check_port(tail[1:], example=example)
    host, _, port = place.partition(":")
    if ":" in port:  # IPv6 without brackets: its last group cannot be told from a port
        raise EngineAddressError("address_host_invalid", example=example, host=place[:100])
    return _check_host(host, example=example), _check_port(port, example=example)


def _check_ipv6(host: str, *, example: str) -> str:
    try:
        address = IPv6Address(host)
    except AddressValueError:
        raise EngineAddressError("address_host_invalid", example=example, host=host) from None
    if address.scope_id:
        raise EngineAddressError("address_host_invalid", example=example, host=host[:100])
    return str(address)


def _check_host(host: str, *, example: str) -> str:
    if not host:
        raise EngineAddressError("address_host_missing", example=example)
    host = host.lower()
    labels = host.split(".")
    fits = len(host) <= 253 and all(_LABEL.fullmatch(label) for label in labels)
    if not fits or (labels[-1].isdigit() and not _is_ipv4(host)):
        raise EngineAddressError("address_host_invalid", example=example, host=host[:100])
    return host


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_ipv4(host: str) -> bool:
    try:
        IPv4Address(host)
    except AddressValueError:
        return False
    return True


def _check_port(port: str, *, example: str) -> int | None:
    """None for an empty one: `host` and `host:` both mean that no port was given."""
    if not port:
        return None
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):
        raise EngineAddressError("address_port_invalid", example=example, port=port[:20])
    return int(port)
