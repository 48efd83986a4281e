"""AppImages in a running product: what the tests of deployments ask of it, in few words."""

from __future__ import annotations

from typing import Any

import yaml

from tests.integration.instance_bed import InstanceBed
from tests.services.process import wait_until

Shown = dict[str, Any]


class DeploymentBed:
    def __init__(self, beds: InstanceBed) -> None:
        self.beds, self.product = beds, beds.product

    def app_image(self, name: str, reference: str, *templates: dict[str, Any], **document: Any) -> str:
        """Import an AppImage of that image, in place of what has the name. Returns the name."""
        image, _, tag = reference.rpartition(":")
        whole: dict[str, Any] = {"image": {"name": image, "tag": tag}, **document, "deployTemplates": list(templates)}
        head = {"apiVersion": "kuscia.secretflow/v1alpha1", "kind": "AppImage", "metadata": {"name": name}}
        self.import_file(yaml.safe_dump({**head, "spec": whole}, allow_unicode=True))
        return name

    def import_file(self, text: str, **values: str) -> list[str]:
        """`values` fill the placeholders of a template. Returns the names of what is in it."""
        answer = self.product.api(
            "POST",
            "/api/appimages/import/",
            data=text.encode(),
            params=values,
            headers={"Content-Type": "application/yaml"},
        )
        assert answer.status_code == 200 and not answer.json()["errors"], answer.text
        return sorted(answer.json()["created"] + answer.json()["updated"])

    def run(self, name: str, node: int, **asked: Any) -> Shown:
        """Asked for; what the answer shows."""
        values = {"spec": self.beds.spec(**asked.pop("sizes", {})), "node": node, **asked}
        return dict(self.beds.post(f"/api/appimages/{name}/run/", 202, **values))

    def operate(self, kind: str, pk: int) -> None:
        self.beds.post(f"/api/deployments/{pk}/{kind}/", 202)

    def show(self, pk: int) -> Shown:
        return dict(self.beds.get(f"/api/deployments/{pk}/"))

    def until(self, pk: int, *states: str) -> Shown:
        return self.sees(pk, " or ".join(states), lambda shown: shown["state"] in states)

    def sees(self, pk: int, what: str, condition: Any) -> Shown:
        """The first picture of the deployment that meets the condition."""
        seen: Shown = {}

        def met() -> bool:
            seen.update(self.show(pk))
            return bool(condition(seen))

        try:
            wait_until(f"deployment {pk}: {what}", met, timeout=180, step=0.2)
        except Exception as error:
            raise AssertionError(f"{error}: {seen}") from error
        return seen

    def remove_all(self) -> None:
        for one in self.beds.get("/api/deployments/?page_size=100")["results"]:
            answer = self.product.api("DELETE", f"/api/deployments/{one['id']}/")
            assert answer.status_code == 202, answer.text
        wait_until("the deployments to go", lambda: not self.beds.get("/api/deployments/")["count"], timeout=120)
