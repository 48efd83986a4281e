"""The recorded contract with the front end of docker-gpu-manage, replayed route by route."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import resolve

from core.dialects import gva
from imagelib.urls import dialect_of
from tests.api.routes import all_routes
from tests.contract_spa.recordings import Story, stories
from tests.contract_spa.replay import Replay

STORIES = stories()
OPEN_TO_ALL = {
    ("POST", "base/login"),
    ("POST", "init/checkdb"),
    ("GET", "sysExportTemplate/exportTemplateByToken"),
    ("GET", "sysExportTemplate/exportExcelByToken"),
}


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
@pytest.mark.parametrize(
    ("prefix", "browser"), [("", "zh"), ("/api", "zh-CN"), ("", "en"), ("/api", "en")], ids=lambda value: value or "bare"
)
def test_every_answer_is_as_recorded(db: None, story: Story, prefix: str, browser: str) -> None:
    Replay(story, prefix=prefix, browser=browser).run()


def routes() -> set[tuple[str, str]]:
    """Those of the dialect, without the prefix."""
    found = [(method, path) for method, path in all_routes() if dialect_of(f"/{path}") is gva]
    bare = {(method, path) for method, path in found if not path.startswith("api/")}
    assert bare == {(method, path.removeprefix("api/")) for method, path in found if path.startswith("api/")}
    assert len(bare) > 30
    return bare


def recorded(**of_answer: Any) -> set[tuple[str, str]]:
    """Routes with a recording whose answer has this status, or whose body has this code."""
    return {
        (step["request"]["method"], step["request"]["path"].lstrip("/").partition("?")[0])
        for story in STORIES
        for step in story.steps
        if "request" in step and all(_told(step["answer"], name) == value for name, value in of_answer.items())
    }


def _told(answer: dict[str, Any], name: str) -> Any:
    return answer[name] if name == "status" else 0 if "sheet" in answer else answer["body"].get("code")


def test_every_route_has_a_recording_of_its_success() -> None:
    assert routes() == recorded(status=200, code=0)


def test_every_route_has_a_recording_of_a_refusal() -> None:
    silent = {("POST", "init/checkdb"), ("POST", "menu/getMenu"), ("GET", "user/getUserInfo")}  # refuse only strangers
    silent |= {("POST", "system/getJumpboxConfig"), ("POST", "jwt/jsonInBlacklist")}
    silent |= {route for route in routes() if route[1].endswith("Public")}
    assert routes() - silent == recorded(status=200, code=7)


def test_every_route_has_a_recording_without_a_login() -> None:
    assert recorded(status=401) == routes() - OPEN_TO_ALL


def test_what_is_no_route_is_recorded_as_such() -> None:
    others = recorded() - routes()
    assert others and others <= recorded(status=404) | recorded(status=405)


def test_unknown_paths_below_a_prefix_reach_the_dialect() -> None:
    for _, path in routes():
        assert resolve(f"/{path.partition('/')[0]}/nothing").func is gva.not_found
