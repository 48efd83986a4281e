"""An AppImage is run from its page in a browser: role, variables, files, readiness as it changes, removal; no error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from nodes.engine import EngineEndpoint, connect
from tests.browser.conftest import Site
from tests.browser.test_instances import choose, spec
from tests.services.engine import RealEngine
from tests.services.process import wait_until
from tests.services.product import Product
from tests.services.registries import Registries

pytestmark = pytest.mark.real
__all__ = ["spec"]
MANIFEST = """\
apiVersion: kuscia.secretflow/v1alpha1
kind: AppImage
metadata:
  name: shown
spec:
  image: {name: "IMAGE", tag: "1"}
  configTemplates:
    app.conf: "task {{.TASK_ID}}\\n"
  deployTemplates:
  - name: others
    spec: {containers: [{name: other, workingDir: /}]}
  - name: for-clients
    role: client,guest
    spec:
      containers:
      - name: app
        workingDir: /srv
        command: [sh, -c]
        args: ["touch /srv/ready; cat $(CONF); exec sleep 3600"]
        env: [{name: CONF, value: /srv/app.conf}]
        configVolumeMounts: [{mountPath: app.conf, subPath: app.conf}]
        readinessProbe: {exec: {command: [sh, -c, "test -e /srv/ready"]}, periodSeconds: 1, timeoutSeconds: 10}
"""


@pytest.fixture
def app_image(site: Site, registries: Registries, node: dict[str, Any]) -> Iterator[int]:
    """The id in the admin's addresses; removed afterwards with all that runs it."""
    text = MANIFEST.replace("IMAGE", registries.open.reference("library/tiny:1").removesuffix(":1"))
    api, kind = site.product.api, {"Content-Type": "application/yaml"}
    answer = api("POST", "/api/appimages/import/", data=text.encode(), headers=kind)
    assert answer.status_code == 200, answer.text
    page = site.open("/admin/appimages/appimage/")
    page.get_by_role("link", name="shown").first.click()
    yield int(page.url.rstrip("/").split("/")[-2])
    for row in api("GET", "/api/deployments/").json()["results"]:
        api("DELETE", f"/api/deployments/{row['id']}/")
    wait_until("the deployments to go", lambda: not api("GET", "/api/deployments/").json()["count"], timeout=120)
    assert api("DELETE", "/api/appimages/shown/").status_code == 204


def in_it(engine: RealEngine, command: str) -> None:
    with connect(EngineEndpoint(engine.unix_url)) as connection:
        [container] = connection.list_containers(labels={"imagelib.name": "shown-1"})
        assert connection.exec_run(container.id, ("sh", "-c", command), within=60).exit_code == 0


def test_an_app_image_is_run_watched_and_removed(
    site: Site, product: Product, context: BrowserContext, app_image: int, spec: str, engine: RealEngine
) -> None:
    page = site.page
    page.get_by_role("link", name="Run…").click()
    expect(page.locator("[name=app_image]")).to_have_value("shown")
    page.fill("[name=role]", "guest")
    choose(page, "spec", spec)
    page.fill("[name=variables]", "TASK_ID=task-<7>")
    page.get_by_role("button", name="Show the configuration files").click()
    expect(page.get_by_text("With the deploy template “for-clients”.")).to_be_visible()
    expect(page.locator(".il-pre")).to_have_text("task task-<7>")
    assert product.api("GET", "/api/deployments/").json()["count"] == 0

    page.get_by_role("button", name="Run it").click()
    state, row = page.locator("#il-deployment-live > .il-status"), page.locator("#il-deployment-live tbody tr")
    expect(state).to_have_text("running 1 of 1 containers are ready", timeout=120_000)
    expect(row).to_contain_text("shown-1")
    expect(row.locator(".il-label").last).to_have_text("ready")
    expect(row).to_contain_text("readiness: exit code 0")
    expect(page.get_by_text("task task-<7>")).to_be_hidden()  # until somebody wants to see the file

    in_it(engine, "rm /srv/ready")
    expect(row).to_contain_text("not ready", timeout=60_000)
    expect(state).to_contain_text("0 of 1 containers are ready")
    in_it(engine, "touch /srv/ready")
    expect(state).to_have_text("running 1 of 1 containers are ready", timeout=60_000)

    other = Site(product, context.new_page())
    left = other.open(page.url.replace(product.url, ""))
    page.get_by_role("link", name="Remove…").click()
    page.get_by_role("button", name="Remove for ever").click()
    expect(page.get_by_text("Being removed: shown")).to_be_visible()
    expect(left.get_by_text("This deployment was removed")).to_be_visible(timeout=120_000)
    assert product.api("GET", "/api/deployments/").json()["count"] == 0
    assert not other.faults
