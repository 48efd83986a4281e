"""Setting up and starting a pull by hand, in a browser; language, theme, every page without an error."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Site, megabytes
from tests.services.engine import RealEngine
from tests.services.registries import Registries

pytestmark = pytest.mark.real
PAGES = [
    "/admin/",
    "/admin/imagelib/imageregistry/",
    "/admin/imagelib/imageregistry/add/",
    "/admin/imagelib/registryendpoint/",
    "/admin/imagelib/registryendpoint/add/",
    "/admin/nodes/computenode/",
    "/admin/nodes/computenode/add/",
    "/admin/pulls/pulljob/",
    "/admin/pulls/pulljob/add/",
    "/admin/auth/user/",
    "/admin/auth/user/1/change/",
    "/admin/auditlog/logentry/",
    "/admin/axes/accessattempt/",
    "/admin/django_celery_beat/periodictask/",
]


def test_from_nothing_to_an_image_on_a_node(site: Site, engine: RealEngine, registries: Registries) -> None:
    engine.wipe()
    registry = registries.basic
    page = site.open("/admin/imagelib/registryendpoint/add/")
    page.fill("[name=name]", "Team")
    page.fill("[name=endpoint]", registry.address)
    page.fill("[name=username]", "puller")
    page.fill("[name=password]", "pull-s3cret")
    page.click("[name=_save]")

    page = site.open("/admin/imagelib/imageregistry/add/")
    page.fill("[name=name]", "Medium")
    page.fill("[name=address]", registry.reference("team/mid"))
    meaning = page.locator("#il-meaning")
    expect(meaning).to_contain_text(registry.reference("team/mid:latest"))
    expect(meaning).to_contain_text("With the credentials of “Team”")
    expect(meaning).to_contain_text("Pin a version")
    page.fill("[name=address]", registry.reference("team/mid:1"))
    expect(meaning).not_to_contain_text("Pin a version")
    page.click("[name=_save]")

    for name, address in (("gpu1", engine.unix_url), ("dead", "tcp://127.0.0.1:1")):
        page = site.open("/admin/nodes/computenode/add/")
        page.fill("[name=name]", name)
        page.fill("[name=docker_address]", address)
        page.click("[name=_save]")
        said = "Connected to gpu1" if name == "gpu1" else "Engine refused the connection"
        expect(page.get_by_text(said).first).to_be_visible()

    page = site.open("/admin/imagelib/imageregistry/")
    page.get_by_text("more_horiz").first.click()
    page.get_by_role("link", name="Pull onto nodes…").click()
    rows = page.locator("tr[data-node]")
    expect(rows.filter(has_text="dead")).to_contain_text("unknown")
    expect(rows.filter(has_text="gpu1")).to_contain_text(megabytes(registry.image("team/mid:1")))
    rows.filter(has_text="gpu1").locator("input").check()
    page.get_by_role("button", name="Pull onto 1 node").click()
    expect(page.locator('[data-part="state"]')).to_have_text("succeeded", timeout=30_000)
    assert engine.inspect(registry.reference("team/mid:1")) is not None


def test_the_check_page_says_what_the_registry_says(site: Site, registries: Registries, add_image: Any) -> None:
    good = add_image("good", registries.open.reference("team/multi:1"))
    absent = add_image("absent", registries.open.reference("team/absent:1"))
    page = site.open(f"/admin/imagelib/imageregistry/{good}/check/")
    expect(page.get_by_text("The image is there.")).to_be_visible()
    expect(page.get_by_text("linux/arm64")).to_be_visible()
    page = site.open(f"/admin/imagelib/imageregistry/{absent}/check/")
    expect(page.get_by_text("The registry does not have this image.")).to_be_visible()


def test_the_language_is_switched_in_the_menu(site: Site) -> None:
    page = site.open("/admin/")
    page.locator("#nav-sidebar, aside, body").first.get_by_text("admin", exact=True).last.click()
    page.get_by_role("button", name=re.compile("简体中文")).click()
    expect(page.get_by_role("heading", name="概览")).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "zh-hans"


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_opens_without_an_error(site: Site, language: str, theme: str) -> None:
    site.page.context.add_cookies([{"name": "django_language", "value": language, "url": site.product.url}])
    site.page.add_init_script(f"localStorage.setItem('adminTheme', '\"{theme}\"')")
    for path in PAGES:
        page = site.open(path)
        expect(page.locator("html")).to_have_class(re.compile("^dark$") if theme == "dark" else re.compile("^(?!dark)"))
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{path} is too wide"


@pytest.mark.parametrize("path", ["/admin/", "/admin/pulls/pulljob/", "/admin/nodes/computenode/add/"])
def test_pages_fit_a_telephone(site: Site, path: str) -> None:
    site.page.set_viewport_size({"width": 390, "height": 844})
    page = site.open(path)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{path} is too wide"


def test_an_image_is_found_by_typing_and_chosen_nodes_stay(site: Site, add_image: Any, node: dict[str, Any]) -> None:
    add_image("another", "registry.example.com/team/another:1")
    wanted = add_image("wanted", "registry.example.com/team/wanted:1")
    page = site.open(f"/admin/pulls/pulljob/add/?nodes={node['id']}")
    page.locator(".select2-selection").click()
    page.locator(".select2-search__field").fill("team/want")
    page.get_by_role("option", name="wanted – registry.example.com/team/wanted:1").click()
    expect(page).to_have_url(re.compile(rf"\?image={wanted}\b"))
    expect(page.locator("#il-onto")).to_have_attribute("data-image", str(wanted))
    page.locator(f"#il-node-{node['id']}").check()
    page.locator(".select2-selection").click()
    page.locator(".select2-search__field").fill("another")
    page.get_by_role("option", name="another – registry.example.com/team/another:1").click()
    expect(page).to_have_url(re.compile(rf"nodes={node['id']}"))
    expect(page.locator(f"#il-node-{node['id']}")).to_be_checked()
