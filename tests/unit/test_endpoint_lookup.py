"""Which endpoint an image belongs to, for a whole page of images: rows are read and understood once."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest

from imagelib.addresses import AddressError
from imagelib.models import RegistryEndpoint
from imagelib.references import Endpoints


def rows(*endpoints: str, default: str = "") -> list[RegistryEndpoint]:
    return [RegistryEndpoint(name=text, endpoint=text, is_default=text == default) for text in endpoints]


def test_an_endpoint_is_understood_once_however_many_images_are_looked_up() -> None:
    stored = rows(*(f"r{number}.example.com/team" for number in range(50)), default="r7.example.com/team")
    parsed = 0

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal parsed
        parsed += event == "call" and frame.f_code.co_name == "parse_endpoint"

    sys.setprofile(count)
    try:
        endpoints = Endpoints(stored)
        found = [endpoints.effective(f"r{number % 50}.example.com/team/app:{number}") for number in range(100)]
        short = endpoints.effective("app:1")
    finally:
        sys.setprofile(None)
    assert [item.endpoint for item in found] == [stored[number % 50] for number in range(100)]
    assert (short.reference.canonical, short.endpoint) == ("r7.example.com/team/app:1", stored[7])
    assert parsed == len(stored)


@pytest.mark.parametrize("broken", ["harbor", "", "https://", "u:p@r.example.com", "r.example.com/Team", "a b"])
def test_a_stored_endpoint_that_cannot_be_used_counts_as_not_there(broken: str) -> None:
    stored = rows(broken, "r.example.com", default=broken)
    endpoints = Endpoints(stored)
    assert endpoints.effective("app:1").reference.canonical == "docker.io/library/app:1"
    assert endpoints.effective("r.example.com/team/app:1").endpoint is stored[1]


def test_a_wrong_address_is_still_told() -> None:
    with pytest.raises(AddressError):
        Endpoints([]).effective("UPPER/case")
