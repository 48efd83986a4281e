"""What can be wrong with an address, as codes."""

from __future__ import annotations

from typing import Literal

AddressCode = Literal[
    "empty",
    "too_long",
    "whitespace",
    "not_ascii",
    "scheme_present",
    "credentials_present",
    "credentials_need_host",
    "username_missing",
    "username_colon",
    "password_missing",
    "host_invalid",
    "ipv6_brackets",
    "port_invalid",
    "path_empty_part",
    "repository_uppercase",
    "repository_invalid",
    "repository_too_long",
    "image_id",
    "tag_invalid",
    "digest_invalid",
    "endpoint_host",
    "endpoint_scheme",
    "endpoint_credentials",
    "endpoint_is_image",
]


class AddressError(ValueError):
    """An address breaks the rule `code`; `params` holds limits only.

    Neither carries any of the text that was typed: a mistyped address may hold a password in any place.
    """

    def __init__(self, code: AddressCode, **params: int) -> None:
        super().__init__(code)
        self.code = code
        self.params = params
