"""Fixtures of the contract tests."""

from __future__ import annotations

import pytest

from tests.contract.worlds import FakeWorld, RealWorld, World


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.real)])
def world(request: pytest.FixtureRequest) -> World:
    """Runs the test twice: the fake may not promise what a real engine does not keep."""
    if request.param == "fake":
        return FakeWorld()
    services = [request.getfixturevalue(name) for name in ("engine", "registries", "fault_proxy")]
    return RealWorld(*services)
