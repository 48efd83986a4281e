"""The recorded contract with the front end of docker-gpu-manage, replayed route by route."""

from __future__ import annotations

from typing import Any

import pytest

from core.dialects import gva
from imagelib.urls import dialect_of
from tests.api.routes import all_routes
from tests.contract_spa.recordings import Story, stories
from tests.contract_spa.replay import Replay

STORIES = stories()
WEB_SOCKETS = {("GET", "instance/terminal")}  # recorded in terminal.json, replayed against an engine
OPEN_TO_ALL = {
    ("POST", "base/login"),
    ("POST", "init/checkdb"),
    ("GET", "sysExportTemplate/exportTemplateByToken"),
    ("GET", "sysExportTemplate/exportExcelByToken"),
}


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
@pytest.mark.parametrize(
    ("prefix", "browser"),
    [("", "zh"), ("/api", "zh-CN"), ("", "en"), ("/api", "en")],
    ids=lambda value: value or "bare",
)
def test_every_answer_is_as_recorded(db: None, engine: str, story: Story, prefix: str, browser: str) -> None:
    Replay(story, prefix=prefix, browser=browser, engine=engine).run()


def routes() -> set[tuple[str, str]]:
    """Those of the dialect, without the prefix."""
    found = [(method, path) for method, path in all_routes() if dialect_of(f"/{path}") is gva]
    bare = {(method, path) for method, path in found if not path.startswith("api/")}
    assert bare == {(method, path.removeprefix("api/")) for method, path in found if path.startswith("api/")}
    assert len(bare) > 30
    return bare


def recorded(*, status: int, code: int | None = None) -> set[tuple[str, str]]:
    """Routes with a recording of an answer like this; a file counts as success."""
    return {
        (step["request"]["method"], step["request"]["path"].lstrip("/").partition("?")[0])
        for story in STORIES
        for step in story.steps
        if "request" in step and step["answer"]["status"] == status and code in (None, _code(step["answer"], story))
    }


def _code(answer: dict[str, Any], story: Story) -> int:
    body = answer.get("body", {"code": 0})
    return int(story.shapes[body["$like"]]["code"] if "$like" in body else body["code"])


def test_every_route_has_a_recording_of_its_success() -> None:
    assert routes() - WEB_SOCKETS == recorded(status=200, code=0)


def test_every_route_has_a_recording_of_a_refusal() -> None:
    silent = {("POST", "init/checkdb"), ("POST", "menu/getMenu"), ("GET", "user/getUserInfo")}  # refuse only strangers
    silent |= {("POST", "system/getJumpboxConfig"), ("POST", "jwt/jsonInBlacklist")}
    silent |= {("GET", "instance/getInstanceDataSource")}
    silent |= {route for route in routes() if route[1].endswith("Public")}
    assert routes() - silent == recorded(status=200, code=7)


def test_every_route_has_a_recording_without_a_login() -> None:
    assert recorded(status=401) == routes() - OPEN_TO_ALL


def test_unknown_paths_and_wrong_methods_are_recorded_below_every_prefix_of_a_page() -> None:
    known = {path for _, path in routes()}
    unknown, wrong = recorded(status=404), recorded(status=405)
    assert not {path for _, path in unknown} & known and {path for _, path in wrong} <= known
    pages = {"imageRegistry", "computeNode", "productSpec", "instance", "sysExportTemplate", "menu", "base"}
    assert {path.partition("/")[0] for _, path in unknown} == pages


def test_recordings_name_no_route_that_is_not_there() -> None:
    assert recorded(status=200) == routes()
