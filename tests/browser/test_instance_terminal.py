"""The terminal and the live log of an instance, in a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.services.engine import RealEngine
from tests.services.process import wait_until
from tests.services.product import ADMIN
from tests.services.registries import Registries

pytestmark = pytest.mark.real
# Speaks on both streams, writes a line over, and goes on with each file that appears.
TALK = (
    "echo out-1; echo err-1 >&2; printf '10 percent\\r20 percent\\n'; n=0; "
    "while :; do if [ -e /go ]; then rm /go; n=$((n+1)); busybox seq $((n*1000)) $((n*1000+199)); fi; sleep 0.1; done"
)


@pytest.fixture
def instance(site: Site, registries: Registries, node: dict[str, Any], engine: RealEngine) -> Iterator[dict[str, Any]]:
    """Running. Removed afterwards."""
    product = site.product

    def ask(method: str, path: str, **body: Any) -> Any:
        return product.api(method, path, json=body or None)

    wait_until("the node", lambda: ask("GET", f"/api/nodes/{node['id']}/").json()["status"] == "connected", step=0.1)
    specs = ask("GET", "/api/specs/").json()["results"]
    spec = specs[0]["id"] if specs else ask("POST", "/api/specs/", name="small").json()["id"]
    images = ask("GET", "/api/images/").json()["results"]
    address = registries.open.reference("library/tiny:1")
    image = images[0]["id"] if images else ask("POST", "/api/images/", name="tiny", address=address).json()["id"]
    made = ask(
        "POST", "/api/instances/", image=image, spec=spec, node=node["id"], name="shell", command=["sh", "-c", TALK]
    ).json()
    seen: dict[str, Any] = {}

    def runs() -> bool:
        seen.update(ask("GET", f"/api/instances/{made['id']}/").json())
        return seen["state"] == "running" and seen["operation"] is None

    wait_until("the instance", runs, timeout=60, step=0.2)
    yield seen
    ask("DELETE", f"/api/instances/{made['id']}/")
    wait_until("its end", lambda: ask("GET", f"/api/instances/{made['id']}/").status_code == 404, timeout=60, step=0.2)


def go(engine: RealEngine, instance: dict[str, Any]) -> None:
    from nodes.engine import EngineEndpoint, connect

    with connect(EngineEndpoint(engine.unix_url)) as connection:
        connection.exec_run(instance["container_id"], ("sh", "-c", ": > /go"), within=10)


def page_of(site: Site, instance: dict[str, Any]) -> Page:
    return site.open(f"/admin/instances/instance/{instance['id']}/change/")


def is_at_end(page: Page) -> bool:
    return bool(
        page.locator('[data-part="log"]').evaluate("box => box.scrollHeight - box.scrollTop - box.clientHeight < 30")
    )


def test_the_log_is_followed_and_leaves_the_reader_where_he_is(
    site: Site, instance: dict[str, Any], engine: RealEngine
) -> None:
    page = page_of(site, instance)
    log = page.locator('[data-part="log"]')
    expect(log).to_contain_text("out-1")
    expect(log.locator(".il-stderr")).to_have_text("err-1")
    expect(log.get_by_text("20 percent")).to_be_visible()
    expect(log.get_by_text("10 percent")).to_have_count(0)
    go(engine, instance)
    expect(log).to_contain_text("1199")
    wait_until("the end in view", lambda: is_at_end(page))
    to_end = page.get_by_role("button", name="To the end")
    expect(to_end).to_be_hidden()

    log.evaluate("box => { box.scrollTop = 0; }")
    expect(to_end).to_be_visible()
    go(engine, instance)
    expect(log).to_contain_text("2199")
    assert log.evaluate("box => box.scrollTop") == 0
    to_end.click()
    wait_until("the end in view", lambda: is_at_end(page))

    page.get_by_label("Follow").uncheck()
    expect(page.get_by_text("Not followed. What is shown stays.")).to_be_visible()
    expect(log).to_contain_text("2199")
    page.locator("#il-tail").select_option("1000")
    go(engine, instance)
    page.get_by_label("Follow").check()
    expect(log).to_contain_text("3199")
    expect(log).to_contain_text("out-1")
    page.goto("about:blank")


def test_a_terminal_is_used_closed_and_opened_again(site: Site, instance: dict[str, Any], engine: RealEngine) -> None:
    page = page_of(site, instance)
    page.get_by_role("button", name="Open a terminal").click()
    screen = page.locator(".xterm-rows")
    expect(screen).to_contain_text("This is sh.")  # there is no bash
    expect(screen).to_contain_text("#")
    page.keyboard.type("echo $((40+2))-中文\n")
    expect(screen).to_contain_text("42-中文")
    page.keyboard.type("busybox stty size\n")
    expect(screen).to_contain_text(re.compile(r"size\s*\d{2} \d{3}"))
    page.set_viewport_size({"width": 600, "height": 900})
    page.wait_for_function("document.querySelector('.xterm-screen').clientWidth < 600")
    page.keyboard.type("echo d''one; busybox stty size\n")
    expect(screen).to_contain_text(re.compile(r"done\s*\d{2} \d{2}(?!\d)"))

    page.keyboard.type("exit\n")
    note = page.locator('[data-part="terminal-note"]')
    expect(note).to_have_text("The shell has ended.")
    page.get_by_role("button", name="Connect again").click()
    expect(note).to_have_text("")
    page.keyboard.type("sleep 4242\n")
    wait_until("the program", lambda: runs(engine, instance, "sleep 4242"))
    page.get_by_role("button", name="Close", exact=True).click()
    expect(note).to_have_text("Closed. The shell and what ran in it have been ended.")
    wait_until("its end", lambda: not runs(engine, instance, "sleep 4242"))


def test_leaving_the_page_ends_the_shell_and_the_record_says_so(
    site: Site, instance: dict[str, Any], engine: RealEngine
) -> None:
    page = page_of(site, instance)
    page.locator("#il-shell").select_option("sh")
    page.get_by_role("button", name="Open a terminal").click()
    expect(page.locator(".xterm-rows")).to_contain_text("#")
    page.keyboard.type("sleep 4343\n")
    wait_until("the program", lambda: runs(engine, instance, "sleep 4343"))
    site.open("/admin/instances/terminalsession/")
    wait_until("its end", lambda: not runs(engine, instance, "sleep 4343"))
    page = site.open("/admin/instances/terminalsession/")
    row = page.locator("#result_list tbody tr").first
    expect(row).to_contain_text("the browser left")
    row.get_by_role("link").first.click()
    expect(page.get_by_text("127.0.0.1")).to_be_visible()
    expect(page.locator("[name=_save]")).to_have_count(0)


def test_a_flood_is_drawn_and_can_be_interrupted(site: Site, instance: dict[str, Any]) -> None:
    page = page_of(site, instance)
    page.get_by_role("button", name="Open a terminal").click()
    screen = page.locator(".xterm-rows")
    expect(screen).to_contain_text("#")
    page.keyboard.type("busybox yes flooding\n")
    expect(screen).to_contain_text(re.compile(r"(flooding\s*){5}"))
    page.keyboard.press("Control+c")
    page.keyboard.type("echo calm-$((1+1))\n")
    expect(screen).to_contain_text("calm-2", timeout=60_000)


KNOCK = """address => new Promise(resolve => {
  const socket = new WebSocket(address);
  socket.onmessage = event => { resolve(typeof event.data === "string" ? event.data : "shown"); socket.close(); };
  socket.onclose = event => resolve("closed " + event.code);
})"""


@pytest.fixture
def neighbour() -> Iterator[str]:
    """A page on another port of the same host: for cookies it is the same site, so the browser sends them along."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BlankPage) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


class BlankPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_page_of_somebody_else_cannot_use_the_login(site: Site, instance: dict[str, Any], neighbour: str) -> None:
    """By the admin's session, and by the front end's cookie."""
    context, url = site.page.context, site.product.url
    body = {"username": ADMIN, "password": site.product.admin_password}
    token = site.product.api("POST", "/api/base/login", json=body, user=None).cookies["x-token"]
    context.add_cookies([{"name": "x-token", "value": token, "url": url, "httpOnly": True, "sameSite": "Lax"}])
    sockets = [
        f"/api/instances/{instance['id']}/terminal/?shell=sh",
        f"/instance/terminal?ID={instance['id']}&shell=sh",
    ]
    addresses = [url.replace("http", "ws") + path for path in sockets]
    foreign = context.new_page()  # what its console says is what is wanted
    foreign.goto(neighbour)
    assert [foreign.evaluate(KNOCK, address) for address in addresses] == ["closed 1006", "closed 1006"]
    assert [site.page.evaluate(KNOCK, address) for address in addresses] == ["shown", "shown"]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_page_fits_a_telephone(site: Site, instance: dict[str, Any], language: str, theme: str) -> None:
    site.page.context.add_cookies([{"name": "django_language", "value": language, "url": site.product.url}])
    site.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    site.page.set_viewport_size({"width": 390, "height": 844})
    page = page_of(site, instance)
    page.locator('[data-part="terminal-open"]').click()
    expect(page.locator(".xterm-rows")).to_contain_text("#")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    background = page.locator(".xterm-scrollable-element").first.evaluate(
        "node => getComputedStyle(node).backgroundColor"
    )
    assert background == ("rgb(17, 24, 39)" if theme == "dark" else "rgb(248, 250, 252)")


def runs(engine: RealEngine, instance: dict[str, Any], program: str) -> bool:
    found = engine.get(f"/containers/{instance['container_id']}/top")["Processes"]
    return any(program in row[-1] for row in found)
