"""A page that asks as the front end does, with the same axios and the same settings of it, against the real server."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Route, expect

from tests.browser.conftest import Site
from tests.services.process import wait_until
from tests.services.product import ADMIN, Product
from tests.services.requirements import require_axios
from tests.support.workbooks import file_of, rows_in

pytestmark = pytest.mark.real
PAGE = Path(__file__).parent / "spa_page"
USER = "ordinary"
FORMS: dict[str, dict[str, Any]] = {
    "imageRegistry": {"address": "registry.example.com/ml/app:1", "supportMemorySplit": True},
    "computeNode": {"publicIp": "203.0.113.7", "privateIp": "10.0.0.7", "password": "s3cr3t-Pa55", "cpu": 64},
    "productSpec": {"gpuModel": "A100", "gpuCount": 1, "pricePerHour": 12.5},
}
# What is wrong with a field, and what the message says about it.
WRONG = {
    "imageRegistry": ("address", "https://nginx", "地址 address: "),
    "computeNode": ("publicIp", "203.0.113.999", "公网 IP publicIp: "),
    "productSpec": ("pricePerHour", "-1.24", "每小时价格 pricePerHour: "),
}
MENU = ["镜像库", "算力节点", "产品规格", "实例管理"]


@pytest.fixture(scope="module")
def product(session_dir: Path) -> Iterator[Product]:
    """The product with the page in place of the built front end, and with an ordinary user."""
    axios = require_axios()
    built = session_dir / "spa-page"
    shutil.copytree(PAGE, built)
    shutil.copy(axios, built / "assets")
    product = Product(session_dir / "product-spa", {"IMAGELIB_SPA_DIR": str(built)}, name="product-spa")
    product.start()
    product.create_user(USER)
    yield product
    product.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(locale="zh-CN")
    context.set_default_timeout(15_000)
    yield context
    context.close()


class SpaSite(Site):
    """The page, as somebody sees it. `faults` holds whatever the browser's console reports."""

    def login(self, user: str = ADMIN, password: str | None = None) -> None:
        self.open("/")
        self.page.fill("[name=username]", user)
        self.page.fill("[name=password]", password or self.product.admin_password)
        self.page.click("text=登录")
        self.shows(user)

    def reload(self) -> None:
        self.page.reload()
        self.shows(ADMIN)

    def shows(self, user: str) -> None:
        """Whose page it is, and that the list has been read: nothing is on its way any more."""
        expect(self.page.locator("#who")).to_have_text(user)
        expect(self.page.locator("#total")).not_to_be_empty()

    @property
    def rows(self) -> Locator:
        return self.page.locator("#rows tr")

    @property
    def token(self) -> str:
        return str(self.page.evaluate("localStorage.getItem('token')"))

    def fill(self, values: dict[str, Any]) -> None:
        for key, value in values.items():
            field = self.page.locator(f"#fields [name={key}]")
            if isinstance(value, bool):
                field.set_checked(value)
            else:
                field.fill(str(value))

    def save(self) -> None:
        self.page.click("#save")

    def told(self, kind: str, text: str) -> None:
        """The last toast."""
        expect(self.page.locator("#toasts li").last).to_contain_text(text)
        expect(self.page.locator("#toasts li").last).to_have_class(kind)

    def downloaded(self, button: str) -> Path:
        """The file that the button opens in a new tab."""
        with self.page.expect_download() as download:
            self.page.click(button)
        return download.value.path()


@pytest.fixture
def site(product: Product, context: BrowserContext) -> Iterator[SpaSite]:
    site = SpaSite(product, context.new_page())
    yield site
    assert not site.faults
    expect(site.page.locator("#dialog")).to_be_hidden()


def test_wrong_passwords_are_told_in_a_toast_and_the_menu_follows_the_right_one(site: SpaSite) -> None:
    page = site.open("/")
    page.click("text=前往初始化")
    site.told("info", "已配置数据库信息")
    page.fill("[name=username]", ADMIN)
    page.fill("[name=password]", "wrong-password")
    page.click("text=登录")
    site.told("error", "用户名不存在或者密码错误。")
    site.login()
    assert page.locator("#menu a").all_inner_texts() == MENU
    assert page.url.endswith("#/layout/imageRegistry")
    site.reload()
    with page.expect_event("load"):  # it loads itself again
        page.click("#logout")
    expect(page.locator("#login")).to_be_visible()
    assert page.evaluate("localStorage.length") == 0
    page.reload()
    expect(page.locator("#login")).to_be_visible()


@pytest.mark.parametrize("kind", FORMS)
def test_a_record_from_the_first_entry_to_the_last_deletion(site: SpaSite, kind: str) -> None:
    site.login()
    page = site.page
    page.goto(f"{site.product.url}/#/layout/{kind}")
    expect(page.locator("#layout")).to_have_attribute("data-kind", kind)
    expect(site.rows).to_have_count(0)

    field, bad, message = WRONG[kind]
    page.click("#add")
    site.fill({"name": "first", **FORMS[kind], field: bad})
    site.save()
    site.told("error", f"创建失败:{message}")
    expect(page.locator("#save")).to_be_enabled()
    site.fill({field: FORMS[kind][field]})
    site.save()
    site.told("success", "创建/更改成功")
    expect(page.locator("#drawer")).to_be_hidden()

    page.click("text=编辑")
    for key, value in FORMS[kind].items():
        shown = page.locator(f"#fields [name={key}]")
        if value is True:
            expect(shown).to_be_checked()
        else:
            expect(shown).to_have_value("******" if key == "password" else str(value))
    site.fill({"name": "renamed", "remark": "edited"})
    site.save()
    expect(page.locator("#drawer")).to_be_hidden()
    expect(site.rows).to_contain_text(["renamed"])

    for name in ("second", "third"):
        page.click("#add")
        site.fill({"name": name, **FORMS[kind]})
        site.save()
        expect(site.rows.filter(has_text=name)).to_have_count(1)
    filters(site, renamed=1, nothing=0)
    page.click("text=重置")
    expect(site.rows).to_have_count(3)

    exports_and_imports_again(site)

    site.rows.filter(has_text="second").get_by_text("删除").click()
    site.told("success", "删除成功")
    expect(site.rows).to_have_count(2)
    for check in site.rows.locator("[type=checkbox]").all():
        check.check()
    page.click("#delete-many")
    site.told("success", "删除成功")
    expect(site.rows).to_have_count(0)
    page.click("#delete-many")
    site.told("error", "批量删除失败:IDs[]: ")


def filters(site: SpaSite, **found: int) -> None:
    """Looks for parts of these names."""
    for name, count in found.items():
        site.page.fill("#filters [name=name]", name[1:])
        site.page.get_by_role("button", name="查询").click()
        expect(site.rows).to_have_count(count)


def exports_and_imports_again(site: SpaSite) -> None:
    template = rows_in_file(site.downloaded("#template"))
    sheet = site.downloaded("#export")
    site.told("success", "创建导出任务成功")
    exported = rows_in_file(sheet)
    assert exported[0] == template[0] and [row[0] for row in exported[1:]] == ["third", "second", "renamed"]
    site.page.set_input_files("#import", {"name": "again.xlsx", "mimeType": "", "buffer": sheet.read_bytes()})
    site.told("success", "导入成功 导入完成：新增 0 条，修改 0 条，未变 3 条。")
    site.page.set_input_files("#import", {"name": "bad.xlsx", "mimeType": "", "buffer": b"no sheet"})
    site.told("error", "导入失败:")


def rows_in_file(path: Path) -> list[list[Any]]:
    return rows_in(BytesIO(path.read_bytes()))


@pytest.mark.parametrize("last", [1, 3], ids=lambda page: f"page {page} arrives last")
def test_another_page_size_on_the_last_page_shows_every_record(site: SpaSite, last: int) -> None:
    """It asks for page 1 and for page 3, which there is no more. Whichever answer comes last, 25 records are shown."""
    site.login()
    page = site.page
    header = rows_in_file(site.downloaded("#template"))[0]
    sheet = file_of([header, *([f"image {n}", f"nginx:1.{n}"] for n in range(25))])
    with page.expect_response("**/getImageRegistryList?**"):  # the list is read again
        page.set_input_files("#import", {"name": "many.xlsx", "mimeType": "", "buffer": sheet.getvalue()})
    expect(page.locator("#total")).to_have_text("25")
    for number in ("2", "3"):
        page.click("#next")
        expect(page.locator("#page")).to_have_text(number)
    expect(site.rows).to_have_count(5)

    held: list[Route] = []
    page.route(f"**/getImageRegistryList?page={last}&pageSize=30", lambda route: held.append(route))
    with page.expect_response(f"**/getImageRegistryList?page={4 - last}&pageSize=30"):
        page.select_option("#size", "30")
    expect(site.rows).to_have_count(25)
    wait_until("the held request", lambda: page.wait_for_timeout(20) or held)
    with page.expect_response(f"**/getImageRegistryList?page={last}&pageSize=30") as response:
        held[0].continue_()
    assert response.value.json()["data"]["page"] == 1
    expect(site.rows).to_have_count(25)
    expect(page.locator("#page")).to_have_text("1")


def test_ordinary_users_see_listed_records_and_are_told_what_they_may_not(site: SpaSite, product: Product) -> None:
    for name, listed in (("shown to all", True), ("kept back", False)):
        body = {"name": name, "address": "nginx:1.27", "is_listed": listed}
        assert product.api("POST", "/api/images/", json=body).status_code == 201
    site.login(USER, "user-s3cret-of-the-tests")
    filters(site, **{"shown to all": 1, "kept back": 0})
    page = site.page
    page.click("#add")
    site.fill({"name": "mine", "address": "nginx"})
    site.save()
    site.told("error", "权限不足")
    expect(page.locator("#save")).to_be_enabled()
    page.click("#cancel")


def test_an_expired_login_ends_in_a_dialog_and_then_at_the_form(
    site: SpaSite, make_token: Callable[[int], str]
) -> None:
    site.login()
    page = site.page
    site.reload()
    expired = make_token(-1)
    page.evaluate("token => localStorage.setItem('token', token)", expired)
    page.reload()
    expect(page.locator("#dialog h2")).to_have_text("身份认证失败")
    expect(page.locator("#dialog p")).to_have_text("未登录或登录已过期，请重新登录。")
    page.click("#dialog button")
    expect(page.locator("#login")).to_be_visible()
    # The browser itself reports the two answers, to getMenu and to getUserInfo; nobody else reports anything.
    assert len(site.faults) == 4 and all("401" in fault for fault in site.faults), site.faults
    assert {fault.rpartition("/")[2] for fault in site.faults if fault.startswith("401 ")} == {"getMenu", "getUserInfo"}
    site.faults.clear()
    site.login()


def test_a_login_that_ends_soon_is_renewed_and_goes_on(site: SpaSite, make_token: Callable[[int], str]) -> None:
    site.login()
    page = site.page
    ending = make_token(3600)
    page.evaluate("token => localStorage.setItem('token', token)", ending)
    site.reload()
    assert site.token != ending
    site.reload()
    cookie = next(cookie for cookie in page.context.cookies() if cookie["name"] == "x-token")
    assert cookie["httpOnly"] and cookie["sameSite"] == "Lax" and cookie["value"] != ending


@pytest.fixture
def make_token(product: Product) -> Callable[[int], str]:
    """`make_token(seconds)`: a login of the administrator that ends then."""

    def make(seconds: int) -> str:
        text = (
            "from datetime import timedelta; from core.logins import LoginToken\n"
            "from django.contrib.auth.models import User\n"
            f"token = LoginToken.for_user(User.objects.get(username={ADMIN!r}))\n"
            f"token.set_exp(lifetime=timedelta(seconds={seconds})); print(token)"
        )
        done = product.manage("shell", "--no-imports", "-c", text)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return make
