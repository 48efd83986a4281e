"""The vGPU doctor in a browser: what it found, with what to do; and what an image's page tells of it afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.services.engine import RealEngine
from tests.services.images import ImageSpec, LayerSpec
from tests.services.registries import Registries
from tests.support.elf_files import elf_file

pytestmark = pytest.mark.real


@pytest.fixture
def image(site: Site, node: dict[str, Any], engine: RealEngine, registries: Registries, tmp_path: Path) -> int:
    """An entry that allows slices, of an image that is on the node and built on musl; the node has a library."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    (tmp_path / "libvgpu.so").write_bytes(elf_file(needed=("libc.so.6",), glibc_needed=("GLIBC_2.28",)))
    path = f"/api/nodes/{node['id']}/"
    assert site.product.api("PATCH", path, json={"hami_core": str(tmp_path)}).status_code == 200
    files = (("lib/ld-musl-x86_64.so.1", b"loader"),)
    registries.open.push_image(ImageSpec("doctor/alpine", "1", (LayerSpec("doctor musl", files=files),)))
    reference = registries.open.reference("doctor/alpine:1")
    engine.pull(reference)
    known = site.product.api("GET", "/api/images/").json()["results"]
    if known:
        return known[0]["id"]
    values = {"name": "alpine", "address": reference, "supports_vgpu": True}
    return site.product.api("POST", "/api/images/", json=values).json()["id"]


def examine(page: Page, button: str) -> None:
    page.get_by_role("button", name=button).click()
    expect(page.locator(".il-checks tbody tr")).to_have_count(4, timeout=60_000)


def test_a_node_is_examined_and_the_image_tells_of_it(site: Site, node: dict[str, Any], image: int) -> None:
    page = site.open(f"/admin/nodes/computenode/{node['id']}/change/")
    page.get_by_role("link", name="vGPU doctor").click()
    expect(page.get_by_text("What is examined")).to_be_visible()
    examine(page, "Examine the node")
    table = page.locator(".il-checks")
    expect(table).to_contain_text("the GPU vendor's container toolkit is missing there. ")
    expect(table).to_contain_text("It needs glibc 2.28.")
    expect(table).to_contain_text("The image “alpine” cannot be used for slices here. The image is built on musl")
    expect(table).to_contain_text("Base the image on a system with glibc")
    expect(page.get_by_text("GPU memory slices cannot be used here as it is")).to_be_visible()
    examine(page, "Examine again")
    page = site.open(f"/admin/imagelib/imageregistry/{image}/change/")
    expect(page.get_by_text("Slices cannot be had with this image")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("language", "button"), [("en", "Examine the node"), ("zh-hans", "检查节点")])
def test_its_pages_fit(site: Site, node: dict[str, Any], image: int, language: str, button: str, scheme: Any) -> None:
    site.page.context.add_cookies([{"name": "django_language", "value": language, "url": site.product.url}])
    site.page.emulate_media(color_scheme=scheme)
    for width, height in ((1440, 900), (390, 844)):
        site.page.set_viewport_size({"width": width, "height": height})
        page = site.open(f"/admin/instances/gpu/node/{node['id']}/doctor/")
        fits(page)
        examine(page, button)
        fits(page)
        fits(site.open(f"/admin/imagelib/imageregistry/{image}/change/"))


def fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{page.url} is too wide"
