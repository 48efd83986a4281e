"""A browser in front of the whole product: real server, real worker, real engine, real registry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, expect, sync_playwright

from tests.services.engine import RealEngine
from tests.services.product import ADMIN, Product
from tests.services.requirements import program, require

expect.set_options(timeout=30_000)  # patience costs nothing when it holds
_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium per file: its event loop must be gone before other tests use the database."""
    require("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium"), args=_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def product(session_dir: Path, request: pytest.FixtureRequest) -> Iterator[Product]:
    """The whole product in one process, empty."""
    name = f"product-{request.module.__name__.rpartition('.')[2]}"
    product = Product(session_dir / name, {"IMAGELIB_STALL_AFTER": "5"}, name=name)
    product.start()
    yield product
    product.close()


class Site:
    """The product's admin, as somebody who is logged in sees it."""

    def __init__(self, product: Product, page: Page) -> None:
        self.product, self.page = product, page
        self.faults: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.faults.append(f"{page.url}: {error}"))
        page.on("response", self._see)

    def open(self, path: str) -> Page:
        """Go there."""
        answer = self.page.goto(self.product.url + path)
        assert answer is not None and answer.status == 200, (path, answer and answer.status)
        return self.page

    def login(self) -> None:
        self.open("/admin/login/")
        self.page.fill("[name=username]", ADMIN)
        self.page.fill("[name=password]", self.product.admin_password)
        self.page.click("[type=submit]")
        self.page.wait_for_url("**/admin/")

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"{self.page.url}: {message.text}")

    def _see(self, answer: Response) -> None:
        if answer.status >= 400:
            self.faults.append(f"{answer.status} {answer.url}")


def english_context(browser: Browser, product: Product) -> BrowserContext:
    context = browser.new_context(locale="en-GB", viewport={"width": 1440, "height": 900})
    context.set_default_timeout(15_000)
    context.add_cookies([{"name": "django_language", "value": "en", "url": product.url}])
    return context


@pytest.fixture
def context(browser: Browser, product: Product) -> Iterator[BrowserContext]:
    with closing(english_context(browser, product)) as context:
        yield context


@pytest.fixture(scope="module")
def login(browser: Browser, product: Product) -> list[Any]:
    """The cookies of the administrator, who used the form once for all tests of a file."""
    with closing(english_context(browser, product)) as context:
        site = Site(product, context.new_page())
        site.login()
        assert not site.faults
        return context.cookies()


@pytest.fixture
def site(product: Product, context: BrowserContext, login: list[Any]) -> Iterator[Site]:
    """Logged in as the administrator. Anything that the browser's console reports fails the test."""
    context.add_cookies(login)
    site = Site(product, context.new_page())
    site.open("/admin/")
    yield site
    assert not site.faults


@pytest.fixture
def node(product: Product, engine: RealEngine) -> dict[str, Any]:
    """The shared engine, wiped, as a node of the product."""
    engine.wipe()
    known = {row["name"]: row for row in product.api("GET", "/api/nodes/").json()["results"]}
    if "gpu1" in known:
        return known["gpu1"]
    return product.api("POST", "/api/nodes/", json={"name": "gpu1", "docker_address": engine.unix_url}).json()


@pytest.fixture
def add_image(product: Product) -> Any:
    """`add_image(name, address) -> id`."""

    def add(name: str, address: str) -> int:
        answer = product.api("POST", "/api/images/", json={"name": name, "address": address})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    return add


@pytest.fixture
def start_pull(product: Product, node: dict[str, Any]) -> Any:
    """`start_pull(image id) -> pull id`, onto the node."""

    def start(image: int) -> int:
        answer = product.api("POST", "/api/pulls/", json={"image": image, "nodes": [node["id"]]})
        assert answer.status_code == 202, answer.text
        return answer.json()["results"][0]["pull"]["id"]

    return start


def megabytes(image: Any) -> str:
    """What the pages write for the image's layers."""
    return f"{sum(layer.size for layer in image.layers) / 1e6:.1f} MB"
