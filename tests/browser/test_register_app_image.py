"""Registering in a browser: looked at first, then stored, and the image arrives on a real node while one watches."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Site
from tests.services.engine import RealEngine
from tests.services.registries import Registries
from tests.support.fake_registry import FakeImage
from tests.support.fake_transfers import archive_of
from tests.unit.test_register_app_image import TEMPLATE

pytestmark = pytest.mark.real
URL = "/admin/appimages/appimage/register/"


def test_a_template_is_registered_and_its_image_arrives(
    site: Site, registries: Registries, engine: RealEngine, node: dict[str, Any], tmp_path: Path
) -> None:
    reference = registries.open.reference("team/mid:1")
    file = tmp_path / "app_image.yaml"
    file.write_text(TEMPLATE)
    page = site.open(URL)
    row = page.locator(f'[data-node="{node["id"]}"]')
    page.locator("#il-image").fill(reference)
    expect(page.locator("#il-meaning")).to_contain_text(reference)
    expect(row.locator('[data-part="there"]')).to_be_hidden()
    page.locator("#il-file").set_input_files(file)
    page.locator("#il-name").fill("registered-here")
    row.locator("input").check()
    page.get_by_role("button", name="Show what would happen").click()
    expect(page.locator('[data-part="reference"]')).to_have_text(reference)
    expect(page.locator(".il-diff")).to_contain_text('name: "registered-here"')
    assert site.product.api("GET", "/api/appimages/?name=registered-here").json()["count"] == 0
    assert engine.inspect(reference) is None

    page.get_by_role("button", name="Register and import").click()
    page.wait_for_url(re.compile("/registered/"))
    expect(page.get_by_text("Registered: 1 new, 0 replaced, 0 as before.")).to_be_visible()
    expect(page.locator("[data-pull-state]")).to_have_text("succeeded", timeout=120_000)
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "100")
    expect(page.get_by_role("link", name="Cancel…")).to_be_hidden()
    assert engine.inspect(reference) is not None
    assert site.product.api("GET", "/api/appimages/registered-here/").json()["version"] == 1

    page.get_by_role("link", name="Register another image").click()
    page.locator("#il-image").fill(reference)
    expect(row.locator('[data-part="there"]')).to_be_visible()
    row.locator("input").check()
    page.get_by_role("button", name="Show what would happen").click()
    expect(row).to_contain_text("Nothing is done.")


def test_an_import_that_fails_says_why(site: Site, registries: Registries, node: dict[str, Any]) -> None:
    page = site.open(URL)
    page.locator("#il-image").fill(registries.open.reference("team/nosuch:1"))
    page.locator(f"#il-node-{node['id']}").check()
    page.get_by_role("button", name="Show what would happen").click()
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.locator("[data-pull-state]")).to_have_text("failed", timeout=120_000)
    expect(page.locator("[data-pull-error]")).not_to_be_empty()


def test_an_archive_goes_first(site: Site, node: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "image.tar"
    file.write_bytes(archive_of(FakeImage.sized("x", "1", [5]), []))
    page = site.open(URL)
    page.locator("#il-image").fill("team/from-archive:1")
    page.locator(f"#il-node-{node['id']}").check()
    page.locator("#il-source").select_option("archive")
    page.locator("#il-archive-file").set_input_files(file)
    page.get_by_role("button", name="Show what would happen").click()
    expect(page.locator(f'[data-node="{node["id"]}"]')).to_contain_text("From the archive.")
    expect(page.locator("[name=archive]")).to_have_value(re.compile("^[0-9a-f]{32}$"))
