"""Running an image by hand, in a browser: preview, pull, container, log, removal; every page without an error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.services.engine import RealEngine
from tests.services.process import wait_until
from tests.services.registries import Registries

pytestmark = pytest.mark.real
# Both end at once when they are told to: as the first process of a container, a mere `sleep` would not hear it.
GREETS = "echo hello from inside; trap exit TERM; while :; do sleep 0.1; done"
WAITS = ["sh", "-c", "trap exit TERM; while :; do sleep 0.1; done"]


@pytest.fixture
def spec(site: Site) -> str:
    """The name of a spec without GPUs."""
    known = site.product.api("GET", "/api/specs/").json()["results"]
    if not known:
        answer = site.product.api("POST", "/api/specs/", json={"name": "small", "memory_gb": 1, "data_disk_gb": 1})
        assert answer.status_code == 201, answer.text
    return "small"


def choose(page: Page, field: str, text: str) -> None:
    page.locator(f"[aria-labelledby=select2-id_{field}-container]").click()
    page.locator(".select2-dropdown .select2-search__field").fill(text)
    page.get_by_role("option", name=text).first.click()


def test_an_image_is_run_stopped_started_and_removed(
    site: Site, registries: Registries, add_image: Any, node: dict[str, Any], spec: str
) -> None:
    image = add_image("shell", registries.open.reference("library/tiny:1"))
    page = site.open(f"/admin/imagelib/imageregistry/{image}/change/")
    page.get_by_role("link", name="Run…").click()
    choose(page, "spec", spec)
    page.fill("[name=name]", "first")
    page.locator("details.il-details > summary").click()
    page.fill("[name=command]", f"sh -c '{GREETS}'")
    page.get_by_role("button", name="Show what would be used").click()
    expect(page.locator('[data-part="plan"]')).to_contain_text(GREETS)
    expect(page.get_by_text("The data disk at /data is not limited in size")).to_be_visible()
    assert site.product.api("GET", "/api/instances/").json()["count"] == 0

    page.get_by_role("button", name="Run it").click()
    state = page.locator('[data-part="state"]')
    expect(state).to_have_text("running", timeout=40_000)
    expect(page.locator('[data-part="log"]')).to_contain_text("hello from inside")
    expect(page.locator('[data-part="pids"]')).to_have_text(re.compile(r"^[1-9]"), timeout=20_000)

    for button, ended in (("Stop", "exited"), ("Start", "running")):
        page.get_by_role("link", name=f"{button}…").click()
        page.get_by_role("button", name=button).click()
        expect(state).to_have_text(ended, timeout=40_000)

    page.get_by_role("link", name="Remove…").click()
    page.get_by_role("button", name="Remove for ever").click()
    expect(page.get_by_text("This instance was removed")).to_be_visible(timeout=40_000)
    assert site.product.api("GET", "/api/instances/").json()["count"] == 0


@pytest.fixture
def running(
    site: Site, registries: Registries, add_image: Any, node: dict[str, Any], spec: str
) -> Iterator[dict[str, Any]]:
    """An instance that runs; removed afterwards."""
    ids = {row["name"]: row["id"] for row in site.product.api("GET", "/api/images/").json()["results"]}
    image = ids.get("followed") or add_image("followed", registries.open.reference("library/tiny:1"))
    [plan] = [row["id"] for row in site.product.api("GET", "/api/specs/").json()["results"] if row["name"] == spec]
    asked = {"image": image, "spec": plan, "name": "followed", "command": WAITS}
    made = site.product.api("POST", "/api/instances/", json=asked)
    assert made.status_code == 202, made.text
    at = f"/api/instances/{made.json()['id']}/"

    def show() -> dict[str, Any]:
        return dict(site.product.api("GET", at).json())

    wait_until("the instance", lambda: show()["state"] == "running" and not show()["operation"], timeout=60, step=0.2)
    yield show()
    site.product.api("DELETE", at)
    wait_until("its removal", lambda: site.product.api("GET", at).status_code == 404, timeout=60, step=0.2)


def test_pages_follow_what_happens_on_the_engine(site: Site, running: dict[str, Any], engine: RealEngine) -> None:
    container = f"/containers/{running['container_id']}"
    page = site.open("/admin/instances/instance/")
    row = page.locator(f'[data-instance="{running["id"]}"]')
    expect(row).to_contain_text("running")
    engine.request("POST", f"{container}/kill")
    expect(row).to_contain_text("exited", timeout=40_000)
    page = site.open(f"/admin/instances/instance/{running['id']}/change/")
    expect(page.locator('[data-part="link"]')).to_have_text("live")
    expect(page.locator('[data-part="ended"]')).to_have_text("It ended with exit code 137.")
    engine.request("POST", f"{container}/start")
    expect(page.locator('[data-part="state"]')).to_have_text("running", timeout=40_000)
    engine.request("DELETE", f"{container}?force=1")
    expect(page.locator('[data-part="state"]')).to_have_text("gone", timeout=40_000)
    expect(page.locator('[data-part="problem-text"]')).not_to_be_empty()


def test_without_event_streams_pages_ask_again_and_again(
    site: Site, running: dict[str, Any], engine: RealEngine
) -> None:
    site.page.route("**/api/instances/events/**", lambda route: route.abort())
    page = site.open(f"/admin/instances/instance/{running['id']}/change/")
    expect(page.locator('[data-part="link"]')).to_have_text("updated every 2 s", timeout=40_000)
    engine.request("POST", f"/containers/{running['container_id']}/kill")
    expect(page.locator('[data-part="state"]')).to_have_text("exited", timeout=40_000)
    site.faults = [fault for fault in site.faults if "ERR_FAILED" not in fault]  # the stream, cut by this test


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("width", [1440, 390])
def test_pages_of_instances_and_gpus_fit_and_report_nothing(
    site: Site, node: dict[str, Any], language: str, width: int
) -> None:
    site.page.context.add_cookies([{"name": "django_language", "value": language, "url": site.product.url}])
    site.page.set_viewport_size({"width": width, "height": 900})
    long = {"name": f"keys-{language}-{width}", "values": {"A_VERY_LONG_NAME_OF_A_VARIABLE_THAT_HOLDS_A_SECRET": "x"}}
    made = site.product.api("POST", "/api/secret-sets/", json=long)
    assert made.status_code == 201, made.text
    site.open("/admin/instances/secretset/").get_by_role("link", name=long["name"]).first.click()
    for path in (
        site.page.url.removeprefix(site.product.url),
        "/admin/instances/secretset/",
        "/admin/instances/deployment/add/",
        "/admin/appimages/appimage/",
        "/admin/appimages/appimage/register/",
        "/admin/instances/instance/",
        "/admin/instances/instance/add/",
        "/admin/instances/gpu/",
        f"/admin/instances/gpu/node/{node['id']}/",
        f"/admin/instances/gpu/node/{node['id']}/discover/",
    ):
        page = site.open(path)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{path} is too wide"
