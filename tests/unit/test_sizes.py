"""Sizes are decimal, as registries and disk makers count."""

from __future__ import annotations

import pytest

from pulls.sizes import human_bytes


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (None, "?"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1_500_000, "1.5 MB"),
        (2_000_000_000, "2.0 GB"),
        (3_400_000_000_000, "3.4 TB"),
        (5_000_000_000_000_000, "5000.0 TB"),
    ],
)
def test_units(count: int | None, shown: str) -> None:
    assert human_bytes(count) == shown
