"""From an empty product to a published image in a browser: an application, its build while it goes on, the inbox, the
library; every page on the way fits and reports nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.services.bridge import bridge
from tests.services.engine import RealEngine
from tests.services.engine_bed import EngineBed
from tests.services.registries import Registries

pytestmark = pytest.mark.real
LANGUAGES, WIDTHS = ("en", "zh-hans"), (1440, 390)
PATIENCE = 240_000  # milliseconds, of an engine that has much to do
DOCKERFILE = """ARG BASE_REGISTORY
ARG BASE_NAMESPACE
ARG BASE_IMAGE
ARG BASE_TAG
FROM ${BASE_REGISTORY}/${BASE_NAMESPACE}/${BASE_IMAGE}:${BASE_TAG}
RUN i=0; while [ $i -lt 200 ]; do echo "number $i of many"; i=$((i+1)); done
RUN echo "words <b>of</b> the step"
"""


@contextmanager
def without_new_addresses() -> Iterator[None]:
    """Chromium cuts its connections whenever an address appears on the machine, and with IPv6 every interface of a
    container gets one by itself."""
    switch = Path("/proc/sys/net/ipv6/conf/default/disable_ipv6")
    if not os.access(switch, os.W_OK):  # a machine without IPv6, or one where nobody may change that
        yield
        return
    before = switch.read_text()
    switch.write_text("1")
    try:
        yield
    finally:
        switch.write_text(before)


@pytest.fixture(scope="module", autouse=True)
def builder_engine(engine_bed: EngineBed) -> Iterator[RealEngine]:
    """Steps that run need a network. It is there before the browser is."""
    with (
        without_new_addresses(),
        bridge() as flags,
        closing(engine_bed.start_engine(extra_flags=flags)) as engine,
    ):
        yield engine


def assert_fits(site: Site, *paths: str) -> None:
    """In both languages, on a screen and on a telephone; afterwards everything is as before."""
    for language in reversed(LANGUAGES):
        cookie = {"name": "django_language", "value": language, "url": site.product.url}
        site.page.context.add_cookies([cookie])  # type: ignore[list-item]
        for path in paths:
            page = site.open(path)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                fits = "document.documentElement.scrollWidth <= window.innerWidth"
                page.wait_for_function(fits, timeout=15_000)
    site.page.set_viewport_size({"width": 1440, "height": 900})


def test_pages_of_an_empty_product_say_so_and_fit(site: Site) -> None:
    lists = [f"/admin/builds/{name}/" for name in ("application", "build", "submission", "webhooktarget")]
    assert_fits(site, *lists, *(f"{path}add/" for path in lists if "/build/" not in path))
    assert_fits(site, "/admin/builds/application/import/")
    page = site.open("/admin/builds/application/import/")
    expect(page.get_by_text("src/<application>/Dockerfile")).to_be_visible()


def test_from_an_application_to_the_library(site: Site, builder_engine: RealEngine, registries: Registries) -> None:
    registry, api = registries.basic, site.product.api
    node = api("POST", "/api/nodes/", json={"name": "builder1", "docker_address": builder_engine.unix_url})
    assert node.status_code == 201, node.text
    values = {"name": "ours", "endpoint": registry.address, "username": "pusher", "is_default": True}
    made = api("POST", "/api/registries/", json={**values, "password": registry.users["pusher"]})
    assert made.status_code == 201, made.text

    page = site.open("/admin/builds/application/add/")
    base = {"base_registry": registry.address, "base_namespace": "team", "base_image": "tiny", "base_tag": "1"}
    for name, value in {**base, "name": "greeter", "target_namespace": "browser", "suffix": "greets"}.items():
        page.fill(f"[name={name}]", value)
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/files/")
    page.get_by_label("Dockerfile", exact=True).fill(DOCKERFILE)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator('[data-part="repository"]')).to_contain_text(f"{registry.address}/browser/tiny-greets:1-")
    application = page.url.removeprefix(site.product.url).removesuffix("change/")

    page.get_by_role("link", name="Build…").click()
    start = page.url.removeprefix(site.product.url)
    page.get_by_role("button", name="Build", exact=True).click()
    build = watch_build(page, f"{registry.address}/browser/tiny-greets:1-").removeprefix(site.product.url)
    digest = page.locator('[data-part="digest"]').inner_text()
    read_log(page)

    page.get_by_role("link", name="Submit the image…").click()
    page.get_by_role("button", name="Submit", exact=True).click()
    page.locator("#result_list tbody").get_by_role("link").first.click()
    page.wait_for_url(re.compile(r"/admin/builds/submission/\d+/change/"))
    expect(page.get_by_role("link", name="Approve…")).to_be_visible(timeout=PATIENCE)
    submission = page.url.removeprefix(site.product.url).removesuffix("change/")
    assert api("GET", "/api/images/").json()["count"] == 0
    assert_fits(site, *(submission + name for name in ("change/", "approve/", "reject/", "withdraw/", "check/")))

    page = site.open(f"{submission}approve/")
    page.fill("[name=name]", "greeter for everybody")
    page.locator(f"#il-node-{node.json()['id']}").check()
    page.get_by_role("button", name="Approve and list").click()
    page.get_by_role("link", name="greeter for everybody").click()
    expect(page.locator("[name=address]")).to_have_value(re.compile(f"@{digest}$"))
    page = site.open("/admin/imagelib/imageregistry/")
    expect(page.locator("#result_list")).to_contain_text("greeter for everybody")
    expect(page.locator("#result_list")).to_contain_text(digest[:19])
    assert builder_engine.inspect(api("GET", "/api/images/").json()["results"][0]["address"]) is not None

    pages = ("change/", "values/", "files/", "copy/", "secrets/", "versions/1/", "versions/1/rollback/")
    lists = [f"/admin/builds/{name}/" for name in ("application", "build", "submission")]
    done = [build, *(build.replace("/change/", f"/{name}/") for name in ("cancel", "retry")), f"{submission}change/"]
    assert_fits(site, *lists, *(application + name for name in pages), start, *done)
    assert_times_of_the_reader(site, f"{application}change/")


def watch_build(page: Page, image: str) -> str:
    """Until it succeeded, without loading the page again. Returns its address."""
    page.wait_for_url(re.compile(r"/admin/builds/build/\d+/change/"))
    page.evaluate("window.sameDocument = true")
    expect(page.locator('[data-part="state"]')).to_have_text("succeeded", timeout=PATIENCE)
    expect(page.locator('[data-part="percent"]')).to_have_text(re.compile(r"^100"))
    expect(page.locator('[data-part="log"]')).to_contain_text("words <b>of</b> the step")
    expect(page.locator('[data-part="log"]')).not_to_contain_text("not consumed")
    step = page.locator('[data-part="steps"] tr', has_text='RUN echo "words <b>of</b> the step"')
    expect(step).to_contain_text("done")
    expect(page.locator('[data-part="steps"] tr').last).to_contain_text("added by this product")
    expect(page.locator('[data-part="image"]')).to_have_text(re.compile(f"^{re.escape(image)}[0-9a-f]{{40}}$"))
    expect(page.locator('[data-part="digest"]')).to_have_text(re.compile("^sha256:[0-9a-f]{64}$"))
    expect(page.locator('[data-part="cancel"]')).to_be_hidden()
    assert page.evaluate("window.sameDocument"), "the page was loaded again"
    return page.url


def read_log(page: Page) -> None:
    """It is at its end; a step leads to its lines, and long ones can be left as they are."""
    log, first = page.locator('[data-part="log"]'), page.get_by_text("number 0 of many", exact=True)
    expect(log).to_contain_text("The registry has it")
    log.scroll_into_view_if_needed()
    expect(first).not_to_be_in_viewport()
    expect(page.get_by_text("The registry has it")).to_be_in_viewport()
    page.locator('[data-part="steps"]').get_by_role("button", name=re.compile("of many")).click()
    expect(first).to_be_in_viewport()
    expect(page.get_by_text("The registry has it")).not_to_be_in_viewport()
    page.get_by_label("Wrap long lines").uncheck()
    expect(log).to_have_css("white-space", "pre")


def assert_times_of_the_reader(site: Site, path: str) -> None:
    """Whatever zone the server lives in."""
    browser = site.page.context.browser
    assert browser is not None
    with closing(browser.new_context(timezone_id="Asia/Shanghai")) as context:
        context.add_cookies(site.page.context.cookies())  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(site.product.url + path)
        shown = page.locator("time[data-moment]").first
        at = datetime.fromisoformat(shown.get_attribute("datetime") or "").astimezone(timezone(timedelta(hours=8)))
        expect(shown).to_contain_text(f"{at:%-I:%M}")
