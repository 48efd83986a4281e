"""The sentences for the codes of `imagelib.addresses`: the rule, then an example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from imagelib.addresses import AddressCode, WarningCode

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

_ERRORS: dict[AddressCode, _StrPromise] = {
    "empty": _("Enter an image address, for example nginx:1.27 or registry.example.com/team/app:v1."),
    "too_long": _(
        "An address has at most {limit} characters, registry host and tag included, for example "
        "registry.example.com/team/app:v1. Long credentials belong in a registry endpoint."
    ),
    "whitespace": _(
        "An address contains no spaces, line breaks or control characters. A password with spaces belongs "
        "in a registry endpoint. Example: registry.example.com/team/app:v1."
    ),
    "not_ascii": _(
        "An address consists of plain (ASCII) letters, digits and signs; check for full-width signs such "
        "as “：” or “／”. Example: registry.example.com:5000/team/app:v1."
    ),
    "scheme_present": _(
        "Leave out the beginning up to “://”: an image address starts with the registry host. Example: "
        "registry.example.com/team/app:v1."
    ),
    "credentials_present": _(
        "An image address holds no user name and password here; they belong in a registry endpoint. "
        "Example: registry.example.com/team/app:v1."
    ),
    "credentials_need_host": _(
        "A user name and password must be followed by the registry host they are for and by the image. "
        "Example: user:password@registry.example.com/team/app:v1; for Docker Hub "
        "user:password@docker.io/library/nginx:1.27."
    ),
    "username_missing": _(
        "Before “@” comes a user name, “:” and a password. Example: user:password@registry.example.com/team/app:v1."
    ),
    "username_colon": _(
        "A user name cannot contain “:”, not even an escaped one. Example: "
        "user:password@registry.example.com/team/app:v1."
    ),
    "password_missing": _(
        "The user name must be followed by “:” and a password that is not empty. Example: "
        "user:password@registry.example.com/team/app:v1."
    ),
    "host_invalid": _(
        "A registry host is a name of letters, digits, hyphens and dots, an IPv4 address, or an IPv6 "
        "address in brackets. Examples: registry.example.com, 192.0.2.7:5000, [2001:db8::7]:5000."
    ),
    "ipv6_brackets": _(
        "A host has one “:” at most, before the port; an IPv6 address goes in brackets. Examples: "
        "registry.example.com:5000, [2001:db8::7]:5000."
    ),
    "port_invalid": _(
        "The port after the host is a number from 1 to {limit}. Example: registry.example.com:5000/team/app:v1."
    ),
    "path_empty_part": _(
        "The image name is missing, or there is a “/” at its beginning or end or twice in a row. Example: "
        "registry.example.com/team/app:v1."
    ),
    "repository_uppercase": _(
        "Image names and namespaces are written in lower case; only tags may have capitals. Example: "
        "registry.example.com/team/app:V1."
    ),
    "repository_invalid": _(
        "Each part of an image name consists of lower-case letters and digits, with “.”, “_”, “__” or "
        "hyphens only between them. Example: registry.example.com/my-team/app_1.2:v1."
    ),
    "repository_too_long": _(
        "The namespace and name of an image have at most {limit} characters together. Example: "
        "registry.example.com/team/app:v1."
    ),
    "image_id": _(
        "This is the id of an image on one engine; no registry can be asked for it. Enter its name, for "
        "example registry.example.com/team/app:v1."
    ),
    "tag_invalid": _(
        "A tag has at most {limit} letters, digits, “_”, “.” and “-”, and does not start with “.” or “-”. "
        "Example: registry.example.com/team/app:2.10.0-gpu."
    ),
    "digest_invalid": _(
        "After “@” comes a digest: “sha256:” and 64 hexadecimal digits in lower case; a tag follows “:”. "
        "Examples: app@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08, app:v1."
    ),
    "endpoint_host": _(
        "An endpoint starts with a registry host, which has a dot or a port, or is localhost. Examples: "
        "registry.example.com, harbor:5000/team."
    ),
    "endpoint_scheme": _(
        "An endpoint starts with its host, or with http:// or https:// and the host. Example: "
        "https://registry.example.com/team."
    ),
    "endpoint_credentials": _(
        "An endpoint contains no user name and password; they have fields of their own. Example: "
        "registry.example.com/team."
    ),
    "endpoint_is_image": _(
        "An endpoint has no tag and no digest: it is the part that its images have in common. Example: "
        "registry.example.com:5000/team."
    ),
}

_WARNINGS: dict[WarningCode, _StrPromise] = {
    "namespace_dropped": _(
        "The default registry replaces the namespace {namespace}: the image is {reference}. To keep the "
        "namespace, write the registry host too, for example {kept}:v1."
    ),
    "host_kept": _(
        "The address names the host {host}, so neither the default registry {endpoint} nor its "
        "credentials are used. To follow the default registry, enter the image name only, for example "
        "app:v1."
    ),
    "deep_path_kept": _(
        "{path} has more than two parts and names no host, so it is looked up on Docker Hub and not in "
        "the default registry {endpoint}. Write the registry host too, for example "
        "registry.example.com/{path}:v1."
    ),
    "tag_missing": _(
        "Without a tag this means {reference}, which changes over time. Pin a version, for example app:2.10.0-gpu."
    ),
}


def address_error_text(code: AddressCode, params: Mapping[str, object]) -> _StrPromise:
    """The lazily translated sentence for `AddressError.code` and `.params`: rule and example."""
    return format_lazy(_ERRORS[code], **params)


def warning_text(code: WarningCode, params: Mapping[str, object]) -> _StrPromise:
    """The lazily translated sentence for `AddressWarning.code` and `.params`."""
    return format_lazy(_WARNINGS[code], **params)
