"""A running product that builds: applications, builds and their logs, in few words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import count
from typing import Any

from tests.integration.pull_bed import FINAL, PullBed, Snapshot, Watch
from tests.services.process import wait_until
from tests.services.product import ADMIN
from tests.services.registry import Registry

_numbers = count(1)
# The rows that the API of applications makes for the administrator, in one process for all that a test needs.
_MAKE = """
import json
from django.contrib.auth.models import User
from builds.models import Application, BuildSecret
from builds.trees import entries_of, revision_of
from imagelib.models import RegistryEndpoint
values = json.load(open({path!r}))
target = RegistryEndpoint.objects.get(pk=values.pop("target_registry"))
files, secrets = values.pop("files"), values.pop("secrets")
owner = User.objects.get(username={owner!r})
app = Application.objects.create(owner=owner, target_registry=target, version=1, **values)
if files:
    app.versions.create(number=1, files=files, revision=revision_of(entries_of(files)))
for name, value in secrets.items():
    BuildSecret.objects.create(application=app, name=name, value=value)
print("id", app.pk)
"""


class BuildBed:
    """On top of the bed of pulls, which makes nodes and endpoints."""

    def __init__(self, pulls: PullBed) -> None:
        self.pulls, self.product = pulls, pulls.product

    def application(
        self, registry: Registry, endpoint: int, files: Mapping[str, str], *, secrets: Any = None, **values: Any
    ) -> int:
        """Its base is team/tiny:1 of the registry, its target team/ there, unless `values` say otherwise."""
        number = next(_numbers)
        usual = {
            "name": f"app-{number}", "base_registry": registry.address, "base_namespace": "team",
            "base_image": "tiny", "base_tag": "1", "target_namespace": "built", "suffix": f"s{number}",
            "target_registry": endpoint, "files": dict(files), "secrets": secrets or {},
        }  # fmt: skip
        path = self.product.directory / f"application{number}.json"
        path.write_text(json.dumps({**usual, **values}))
        done = self.product.manage("shell", "--no-imports", "-c", _MAKE.format(path=str(path), owner=ADMIN))
        assert done.returncode == 0, done.stderr
        return int(done.stdout.split("id ")[1])

    def build(self, application: int, **asked: Any) -> int:
        answer = self.product.api("POST", "/api/builds/", json={"application": application, **asked})
        assert answer.status_code == 202, answer.text
        return int(answer.json()["id"])

    def snapshot(self, pk: int) -> Snapshot:
        answer = self.product.api("GET", f"/api/builds/{pk}/")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def wait(self, pk: int, *states: str, timeout: float = 240.0) -> Snapshot:
        """The snapshot, once the build is in one of `states` (none given: in a final one)."""
        seen: Snapshot = {}

        def reached() -> bool:
            seen.update(self.snapshot(pk))
            return seen["state"] in (states or FINAL)

        wait_until(f"build {pk} to be {' or '.join(states or FINAL)}", reached, timeout=timeout, step=0.2)
        return seen

    def watch(self, pk: int) -> Watch:
        watch = Watch(self.product, pk, kind="builds")
        self.pulls._watches.append(watch)
        return watch

    def log(self, pk: int) -> list[list[Any]]:
        """The whole log, read as a browser does."""
        lines: list[list[Any]] = []
        position = 0
        while True:
            page = self.product.api("GET", f"/api/builds/{pk}/log/?from={position}").json()
            lines, position = lines + page["lines"], page["next"]
            if page["complete"] or not page["lines"]:
                return lines

    def wait_for_line(self, pk: int, text: str, *, timeout: float = 240.0) -> None:
        def written() -> bool:
            return any(line[2] == "output" and text in line[3] for line in self.log(pk))

        wait_until(f"the log of build {pk} to say {text}", written, timeout=timeout, step=0.2)
