"""AppImages in a browser: imported, edited beside their YAML, compared, rolled back, rendered; without an error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.support.app_images import FILES

pytestmark = pytest.mark.real
LIST = "/admin/appimages/appimage/"
MANIFEST = """\
apiVersion: kuscia.secretflow/v1alpha1
kind: AppImage
metadata:
  name: shown
spec:
  image:
    name: team/app
    tag: 1.10
  configTemplates:
    app.conf: |
      {"task": "{{.TASK_ID}}"}
  deployTemplates:
  - name: app
    spec:
      containers:
      - name: app
        workingDir: /app
        configVolumeMounts:
        - mountPath: conf/app.conf
          subPath: app.conf
"""


@pytest.fixture
def app_image(site: Site) -> Iterator[dict[str, Any]]:
    """Imported through the page; removed afterwards."""
    page = site.open(f"{LIST}import/")
    page.locator("#il-text").fill(MANIFEST)
    page.get_by_role("button", name="Show what is in it").click()
    expect(page.locator("table")).to_contain_text("team/app:1.10")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("Imported: 1 new, 0 replaced.")).to_be_visible()
    yield dict(site.product.api("GET", "/api/appimages/shown/").json())
    site.product.api("DELETE", "/api/appimages/shown/")


def open_shown(site: Site) -> Page:
    page = site.open(LIST)
    page.get_by_role("link", name=re.compile("^shown")).click()
    return page


def test_an_edit_is_checked_while_it_is_typed_and_can_be_taken_back(site: Site, app_image: dict[str, Any]) -> None:
    page = open_shown(site)
    expect(page.locator('[data-part="reference"]')).to_have_text("docker.io/team/app:1.10")
    page.get_by_role("link", name="Edit", exact=True).click()
    text, verdict = page.locator("#il-text"), page.locator('[data-part="verdict"]')
    expect(verdict).to_contain_text("Nothing is changed")
    expect(page.locator("#il-image-tag")).to_have_value("1.10")

    page.locator("#il-image-tag").fill("1.11")
    expect(text).to_have_value(re.compile('tag: "1.11"'))
    expect(verdict).to_contain_text("Lines added: 1, removed: 1")
    expect(page.locator('[data-part="meaning"]')).to_contain_text("docker.io/team/app:1.11")

    page.get_by_label("Replicas").fill("none")
    expect(verdict).to_contain_text("This cannot be saved yet")
    page.get_by_label("Replicas").fill("2")
    expect(text).to_have_value(re.compile("replicas: 2"))
    expect(verdict).to_contain_text("Lines added: 2, removed: 1")

    right = text.input_value()
    text.fill(right.replace("containers:", "contaners:"))
    expect(verdict).to_contain_text("This cannot be saved yet")
    verdict.get_by_role("button", name=re.compile("^line ")).first.click()
    expect(text).to_be_focused()
    text.fill(right)
    expect(verdict).to_contain_text("Lines added: 2, removed: 1")

    page.get_by_role("button", name="Show what changes").click()
    expect(page.locator(".il-diff")).to_contain_text('+    tag: "1.11"')
    assert site.product.api("GET", "/api/appimages/shown/").json()["version"] == 1
    page.get_by_role("button", name="Save").click()
    expect(page.locator('[data-part="reference"]')).to_have_text("docker.io/team/app:1.11")

    page.get_by_role("link", name="What changed").last.click()
    page.get_by_role("link", name="Roll back…").click()
    page.get_by_role("button", name="Roll back").click()
    expect(page.locator('[data-part="reference"]')).to_have_text("docker.io/team/app:1.10")
    assert site.product.api("GET", "/api/appimages/shown/").json()["version"] == 3


def test_files_are_rendered_with_the_values_that_are_typed(site: Site, app_image: dict[str, Any]) -> None:
    page = open_shown(site)
    page.get_by_role("link", name="Render files").click()
    expect(page.get_by_text("Without a value, so empty:")).to_be_visible()
    page.get_by_label("TASK_ID").fill('say "x"')
    page.get_by_role("button", name="Render").click()
    expect(page.locator("pre")).to_have_text(r'{"task": "say \"x\""}')
    expect(page.get_by_text("/app/conf/app.conf")).to_be_visible()


def test_a_file_is_chosen_and_what_it_lacks_is_said(site: Site) -> None:
    page = site.open(f"{LIST}import/")
    page.locator("#il-file").set_input_files(FILES / "psi.yaml")
    page.get_by_role("button", name="Show what is in it").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was saved")
    assert site.product.api("GET", "/api/appimages/?name=psi").json()["count"] == 0
