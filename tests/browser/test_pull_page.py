"""The page of a pull and the lists that show pulls: everything moves without reloading, to the true end."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, megabytes
from tests.services.process import wait_until
from tests.services.product import Product
from tests.services.registries import Registries

pytestmark = pytest.mark.real
SLOW = 3_000_000  # bytes per second


def part(page: Page, name: str) -> Any:
    return page.locator(f'[data-part="{name}"]')


def percent(page: Page) -> float:
    return float(part(page, "percent").inner_text().split()[0])


def test_a_pull_arrives_while_somebody_watches(
    site: Site, registries: Registries, fault_proxy: Any, add_image: Any, start_pull: Any
) -> None:
    proxy = fault_proxy(registries.open)
    proxy.limit(SLOW)
    pull = start_pull(add_image("watched", proxy.reference("team/mid:1")))
    page = site.open(f"/admin/pulls/pulljob/{pull}/change/")
    page.evaluate("window.sameDocument = true")
    exact = megabytes(registries.open.image("team/mid:1"))
    expect(part(page, "downloaded")).to_contain_text(f"of {exact}")  # known from the start
    expect(part(page, "link")).to_contain_text("live")
    expect(page.locator(".il-layer")).to_have_count(5)
    expect(part(page, "speed")).to_have_text(re.compile(r"^[\d.]+ [kM]B/s$"))
    expect(part(page, "eta")).to_have_text(re.compile(r"^\d+ s( – \d+ s)?$"))
    seen = [percent(page)]
    while seen[-1] < 100:
        wait_until("the bar to move", lambda: percent(page) != seen[-1], timeout=30)
        seen.append(percent(page))
    assert seen == sorted(seen) and len(seen) > 5, seen
    expect(part(page, "state")).to_have_text("succeeded")
    expect(part(page, "log")).to_contain_text("Requested by admin.")
    expect(part(page, "log")).to_contain_text("The image is on the node")
    expect(part(page, "cancel")).to_be_hidden()
    assert page.evaluate("window.sameDocument"), "the page was loaded again"


def test_layers_that_are_there_already_are_hatched_and_counted(
    site: Site, registries: Registries, product: Product, add_image: Any, start_pull: Any
) -> None:
    product.wait_for_pull(start_pull(add_image("first", registries.open.reference("team/mid:1"))), "succeeded")
    pull = start_pull(add_image("second", registries.open.reference("team/mid:2")))
    product.wait_for_pull(pull, "succeeded")
    page = site.open(f"/admin/pulls/pulljob/{pull}/change/")
    expect(page.locator(".il-layer.il-reused")).to_have_count(4)
    expect(part(page, "reused")).to_contain_text("Saved")


def test_a_silent_registry_turns_the_age_amber_then_the_error_says_what_to_do(
    site: Site, registries: Registries, fault_proxy: Any, add_image: Any, start_pull: Any
) -> None:
    proxy = fault_proxy(registries.open)
    proxy.stall(after=500_000)
    pull = start_pull(add_image("stalled", proxy.reference("team/mid:1")))
    page = site.open(f"/admin/pulls/pulljob/{pull}/change/")
    expect(part(page, "age-card")).to_have_class(re.compile("il-warn"), timeout=20_000)
    expect(part(page, "age-note")).to_have_text("the attempt ends after 5 s without data")
    expect(part(page, "error")).to_be_visible(timeout=30_000)
    expect(part(page, "error-next")).to_contain_text("The next attempt starts")
    expect(part(page, "error")).to_have_class(re.compile("il-warn"))
    part(page, "cancel").click()
    page.get_by_role("button", name="Cancel the pull").click()
    expect(part(page, "state")).to_have_text("cancelled")


def test_a_failure_is_explained_and_can_be_repeated(
    site: Site, registries: Registries, product: Product, add_image: Any, start_pull: Any
) -> None:
    pull = start_pull(add_image("broken", registries.open.reference("team/nothing:1")))
    product.wait_for_pull(pull, "failed")
    page = site.open(f"/admin/pulls/pulljob/{pull}/change/")
    expect(part(page, "error")).to_be_visible()
    expect(part(page, "error-advice")).not_to_be_empty()
    part(page, "retry").click()
    page.get_by_role("button", name="Pull again").click()
    page.wait_for_url(re.compile(rf"/admin/pulls/pulljob/(?!{pull}/)\d+/change/"))
    expect(page.get_by_text(f"repeats pull {pull}")).to_be_visible()


def test_a_running_pull_is_cancelled_from_its_page(
    site: Site, registries: Registries, fault_proxy: Any, add_image: Any, start_pull: Any
) -> None:
    proxy = fault_proxy(registries.open)
    proxy.limit(1_000_000)
    pull = start_pull(add_image("cancelled", proxy.reference("team/mid:1")))
    page = site.open(f"/admin/pulls/pulljob/{pull}/change/")
    expect(part(page, "phase")).to_have_text("downloading")
    part(page, "cancel").click()
    page.get_by_role("button", name="Cancel the pull").click()
    expect(part(page, "state")).to_have_text("cancelled")
    expect(part(page, "retry")).to_be_visible()


@pytest.mark.parametrize("path", ["/admin/pulls/pulljob/", "/admin/"])
def test_bars_in_lists_move_by_themselves(
    site: Site, registries: Registries, fault_proxy: Any, add_image: Any, start_pull: Any, path: str
) -> None:
    proxy = fault_proxy(registries.open)
    proxy.limit(SLOW)
    pull = start_pull(add_image(f"listed in {path}", proxy.reference("team/mid:2")))
    page = site.open(path)
    bar = page.locator(f'[data-pull="{pull}"] .il-bar')
    start = float(bar.get_attribute("aria-valuenow") or 0)
    wait_until("the bar to move", lambda: float(bar.get_attribute("aria-valuenow") or 0) > start, timeout=30)
    expect(page.locator(f'[data-pull-state="{pull}"]')).to_have_text("succeeded", timeout=30_000)


def test_without_event_streams_the_page_polls(
    site: Site, registries: Registries, fault_proxy: Any, add_image: Any, start_pull: Any
) -> None:
    proxy = fault_proxy(registries.open)
    proxy.limit(SLOW)
    pull = start_pull(add_image("polled", proxy.reference("team/mid:1")))
    site.page.route("**/api/pulls/events/**", lambda route: route.abort())
    page = site.open(f"/admin/pulls/pulljob/{pull}/change/")
    expect(part(page, "state")).to_have_text("succeeded", timeout=40_000)
    site.faults = [fault for fault in site.faults if "ERR_FAILED" not in fault]  # the stream, cut by this test
