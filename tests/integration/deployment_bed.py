"""AppImages in a running product: what the tests of deployments ask of it, in few words."""

from __future__ import annotations

import json
from typing import Any

from tests.integration.instance_bed import InstanceBed
from tests.services.process import wait_until

Shown = dict[str, Any]


class DeploymentBed:
    def __init__(self, beds: InstanceBed) -> None:
        self.beds, self.product = beds, beds.product

    def app_image(self, name: str, reference: str, *templates: dict[str, Any], **document: Any) -> str:
        """Store an AppImage of that image, in place of what has the name. Returns the name."""
        image, _, tag = reference.rpartition(":")
        whole: dict[str, Any] = {"image": {"name": image, "tag": tag}, **document, "deployTemplates": list(templates)}
        text = (
            "import json\n"
            "from django.contrib.auth.models import User\n"
            "from appimages.services import replace_app_image\n"
            f"document = json.loads({json.dumps(whole)!r})\n"
            f"replace_app_image(name={name!r}, document=document, author=User.objects.get(is_superuser=True))"
        )
        done = self.product.manage("shell", "--no-imports", "-c", text)
        assert done.returncode == 0, done.stderr
        return name

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
