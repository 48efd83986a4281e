"""Which failure an engine speaks of. Pure.

Engines hide the registry's status behind their own, differently in every version and image store, and move the same
failure between an HTTP error and an event inside the stream. What stays is the wording, so it decides; the status is
only asked when the words say nothing. Names are masked first (`pulls.masking`). The wordings are those of Docker
20.10 and 28 with graph drivers and of 28 with the containerd image store (docker-engine.md §3), of distribution,
Harbor, Quay and ghcr.io as registries, and of Go's network library, which they all are built on.
"""

from __future__ import annotations

import re

from pulls.masking import mask

_N = "<name>"
_Rule = tuple[str, re.Pattern[str]]


def _rules(*rows: tuple[str, str]) -> tuple[_Rule, ...]:
    return tuple((code, re.compile(pattern)) for code, pattern in rows)


# The order is part of the rules: the first that fits decides, so the node's own trouble comes before everything that
# is only its consequence, and the exact wording before the vague one.
_NODE = _rules(
    ("no_space_left", r"no space left on device|disk quota exceeded"),
    ("engine_rejected", r"authorization denied by plugin"),
    ("engine_api_too_old", r"client version \S+ is too new"),
    ("engine_api_too_new", r"client version \S+ is too old"),
    (
        "engine_restarted",
        r"dial unix|failed to send write: eof|transport is closing|error reading from server|context canceled",
    ),
    ("node_out_of_resources", r"cannot allocate memory|too many open files|resource temporarily unavailable"),
    (
        "node_storage_failed",
        r"read-only file system|input/output error|structure needs cleaning|error creating overlay mount"
        rf"|\b(?:open|mkdir|rename|write|chmod|mount|unlinkat|symlink|link|remove|stat|lstat) (?:{_N} )?{_N}:"
        r" (?:permission denied|operation not permitted)",
    ),
    ("too_many_layers", r"max depth exceeded"),
)
_CONTENT = _rules(
    (
        "layer_corrupt",
        r"verification failed for digest|unexpected commit (?:digest|size)|invalid tar header|magic number mismatch"
        r"|\b(?:gzip|flate): |(?:register|extract)\b.*\bunexpected eof",
    ),
    ("schema1_unsupported", r"schema 1\b|distribution\.manifest\.v1\+(?:prettyjws|json)"),
    ("not_an_image", r"encountered remote|unexpected media type|mismatched image rootfs"),
    (
        "manifest_unsupported",
        r"unsupported manifest media type|vnd\.\S+ not supported|mediatype in manifest should be|missing signature key",
    ),
    ("platform_missing", r"no matching manifest|no match for platform"),
    ("platform_invalid", r"cannot parse platform|unknown operating system or architecture"),
    ("platform_mismatch", r"match the specified platform|cannot be used on this platform"),
    ("layer_unpack_failed", r"failed to (?:register|extract) layer|failed to unpack image on"),
    ("invalid_reference", r"invalid reference format|invalid tag format|invalid checksum digest"),
    ("registry_policy_blocked", r"due to configured policy|image is not signed"),
)
_RIGHTS = _rules(
    (
        "registry_proxy",  # Go gives the status words of a proxy that refuses to connect through, and nothing else
        rf"proxyconnect|(?:get|head) {_N}: (?:forbidden|bad gateway|service unavailable|gateway timeout|proxy auth.*)$",
    ),
    ("registry_rate_limited", r"toomanyrequests|too many requests|rate.?limit"),
    (
        "registry_credentials_missing",
        r"no basic auth credentials|fetch anonymous token: (?!.*\bdial\b).*\b(?:401|403|unauthorized|denied)\b",
    ),
    ("image_access_denied", r"pull access denied"),
    ("registry_denied", r"unauthorized to access repository|is not authorized"),
    ("registry_unauthorized", r"\bunauthorized\b|authentication required"),
    ("registry_denied", r"\bdenied\b|\bforbidden\b"),
)
_NETWORK = _rules(
    ("registry_plain_http", r"http response to https client"),
    ("registry_tls_unknown_ca", r"unknown authority"),
    ("registry_tls_expired", r"certificate has expired or is not yet valid"),
    (
        "registry_tls_host_mismatch",
        r"certificate is (?:not )?valid for|cannot validate certificate for|legacy common name field",
    ),
    ("registry_tls_failed", r"\bx509:|\btls:"),
    ("registry_dns", rf"\blookup {_N}"),
    ("registry_server_error", r"error from registry: (?:unknown|unavailable)\b"),
    ("registry_bad_answer", r"content descriptor \S+ \((?:application/json|text/\S+)\)"),
    ("layer_missing", r"unknown blob|blob unknown|could not fetch content descriptor"),
    (
        "registry_bad_answer",
        r"invalid character|unexpected end of json|cannot unmarshal|malformed http|content-type header",
    ),
    ("repository_not_found", rf"name unknown|repository name not known|(?:repository|project) {_N} not found"),
    ("image_not_found", r"manifest unknown|not found|no such image"),
    ("registry_unreachable", r"no route to host|network is unreachable"),
    ("registry_refused", r"connection refused"),
    ("registry_timeout", r"timeout|timed out|deadline exceeded"),
    (
        "registry_reset",
        r"connection reset|broken pipe|\beof\b|connection lost|goaway|stream error|closed network connection"
        r"|server closed",
    ),
)
_LOADING = _rules(
    ("platform_mismatch", r"match the specified platform|cannot be used on this platform"),
    ("layer_unpack_failed", r"failed to (?:register|extract) layer|applylayer|failed to unpack image on"),
)
_REGISTRY_STATUS = re.compile(
    rf"\bstatus(?: code)?(?: from \w+ request to {_N})?:? ([1-5]\d\d)\b|\bparsing http ([1-5]\d\d) response"
)
_BY_REGISTRY_STATUS = {
    401: "registry_unauthorized",
    403: "registry_denied",
    404: "image_not_found",
    408: "registry_timeout",
    412: "registry_policy_blocked",
    429: "registry_rate_limited",
}
_BLOB = re.compile(
    r"failed to copy|httpreadseeker|error from registry|pulling image configuration|download failed after"
)
_BY_DIGEST = re.compile(r"@sha\d+:[0-9a-f]{32,}[\"':]* (?:not found|failed)|@sha\d+:[0-9a-f]{32,}\\?\":", re.IGNORECASE)
_HUB_HOSTS = frozenset({"registry-1.docker.io", "index.docker.io", "auth.docker.io", "docker.io"})
_UNREACHABLE = frozenset(
    {"registry_dns", "registry_timeout", "registry_reset", "registry_refused", "registry_unreachable"}
)
_NO_RIGHTS = frozenset(
    {"registry_unauthorized", "registry_denied", "registry_credentials_missing", "image_access_denied"}
)


def recognise(text: str, *, status: int | None) -> tuple[str, dict[str, str]]:
    """Code and parameters. `status`: of the engine's answer, None for an event inside a stream."""
    masked = mask(text)
    code = (
        _first(_NODE, masked)
        or _first(_CONTENT, masked)
        or _first(_RIGHTS, masked)
        or _from_registry_status(masked)
        or _first(_NETWORK, masked)
        or _from_engine_status(status)
    )
    code = _by_context(code, text, masked, in_stream=status is None)
    return code, _params(code, text)


def node_trouble(text: str) -> str:
    """The code of a trouble that the node has with itself, whatever it was asked to do; "" for any other."""
    return _first(_NODE, mask(text))


def recognise_loading(text: str, *, status: int | None) -> tuple[str, dict[str, str]]:
    """Code and parameters for what an engine says of an archive that it does not take. No registry has a part in it."""
    code = node_trouble(text) or _first(_LOADING, mask(text))
    if not code:
        code = "archive_damaged" if status is None or status >= 500 else "engine_rejected"
    return code, _params(code, text)


def _first(rules: tuple[_Rule, ...], masked: str) -> str:
    return next((code for code, pattern in rules if pattern.search(masked)), "")


def _from_registry_status(masked: str) -> str:
    """The registry's HTTP status, where the engine quotes it."""
    found = _REGISTRY_STATUS.search(masked)
    if not found:
        return ""
    number = int(found[1] or found[2])
    if found[2] and number == 404:  # a page in place of a registry's JSON
        return "registry_bad_answer"
    return "registry_server_error" if number >= 500 else _BY_REGISTRY_STATUS.get(number, "registry_bad_answer")


def _from_engine_status(status: int | None) -> str:
    if status == 429:
        return "registry_rate_limited"
    if status in (502, 503, 504):  # not the engine's own: a proxy before it
        return "engine_server_error"
    return "engine_rejected" if status is not None and 400 <= status < 500 else "unknown"


def _by_context(code: str, text: str, masked: str, *, in_stream: bool) -> str:
    """What the same words mean at this point of the pull."""
    moving = bool(_BLOB.search(masked)) or (in_stream and "failed to resolve reference" not in masked)
    if code in _NO_RIGHTS and moving:
        return "registry_auth_expired"
    if code in _UNREACHABLE and not moving and _host(text) in _HUB_HOSTS:
        return "docker_hub_unreachable"
    if code == "image_not_found" and _BY_DIGEST.search(text):
        return "digest_not_found"
    return code


# --- parameters -------------------------------------------------------------------------------------------------------

_HOSTS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\blookup ([\w.-]+)",
        r"https?://(?:[^\s/@\"']*@)?([\w.-]+(?::\d+)?|\[[0-9a-f:.]+\](?::\d+)?)/",
        r"(?:\breference \\?\"|\bmanifest for |\bdenied for )((?:[\w-]+\.)+[\w-]+(?::\d+)?|[\w-]+:\d+|localhost)/",
    )
)
_WANTED = re.compile(r"no matching manifest for (\S+) in")
_MISMATCHES = (
    re.compile(r"wanted (?P<node>[\w/.-]+?), actual:? (?P<image>[\w/.-]+)"),
    re.compile(r"platform \((?P<image>\S+)\) does not match the specified platform \((?P<node>\S+)\)"),
)


def _host(text: str) -> str:
    """The host that the engine could not talk to well, as far as it is named."""
    for pattern in _HOSTS:
        found = pattern.search(text)
        if found:
            return found[1]
    return ""


def _params(code: str, text: str) -> dict[str, str]:
    if code == "platform_missing":
        return _wanted_platform(text)
    if code == "platform_mismatch":
        return _mismatched_platforms(text)
    host = _host(text)
    return {"host": host} if host else {}


def _wanted_platform(text: str) -> dict[str, str]:
    found = _WANTED.search(text)
    return {"wanted": found[1]} if found else {}


def _mismatched_platforms(text: str) -> dict[str, str]:
    found = next(filter(None, (pattern.search(text) for pattern in _MISMATCHES)), None)
    return found.groupdict() if found else {}
