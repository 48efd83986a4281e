"""What a build gets besides its files."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from builds.dockerfiles import read
from builds.furnishing import Logins, spec_for
from builds.models import Build
from builds.sources import Source
from nodes.engine import BUILDKIT, CLASSIC
from tests.support.patience import within


@pytest.mark.parametrize(
    ("text", "builder"),
    [
        ("FROM a" + "\n" * 190_000 + "LABEL x=y", CLASSIC),
        ("FROM a\n \tRUN --mount=type=cache,target=/x y", BUILDKIT),
        ("FROM a\n\nCOPY <<EOF /x\nEOF", BUILDKIT),
        (" # syntax = docker/dockerfile:1\nFROM a", BUILDKIT),
    ],
)
def test_buildkit_is_chosen_where_it_is_needed_however_long_the_file(text: str, builder: str) -> None:
    source = Source([], "0" * 40, datetime(2026, 1, 1, tzinfo=UTC), "urn:x")
    with within(seconds=120):
        spec = spec_for(Build(reference="r/a:1"), source, read(text), logins=Logins(), preferred=CLASSIC)
    assert spec.builder == builder
