"""From a folder of a git repository to a container: imported, pushed, built, offered, approved, pulled, run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.integration.build_bed import BuildBed
from tests.integration.instance_bed import InstanceBed, nothing_is_left
from tests.integration.pull_bed import PullBed
from tests.services.bridge import bridge
from tests.services.engine import RealEngine
from tests.services.engine_bed import EngineBed
from tests.services.git_server import GitServer, git
from tests.services.images import ImageSpec
from tests.services.process import wait_until
from tests.services.registries import Registries
from tests.services.registry import Registry
from tests.support.pushes import encoded, github_push, signature

pytestmark = pytest.mark.real

AUTHOR, APP, HOOK_SECRET, GIT_PASSWORD = "ulrich", "jupyter-pytorch-x", "hook-S3cret-Words", "git-S3cret-Words"
DOCKERFILE = """ARG BASE_REGISTORY
ARG BASE_NAMESPACE
ARG BASE_IMAGE
ARG BASE_TAG
FROM ${BASE_REGISTORY}/${BASE_NAMESPACE}/${BASE_IMAGE}:${BASE_TAG}

COPY requirements.txt noop.txt /tmp/pip-tmp/
RUN if [ -f /tmp/pip-tmp/requirements.txt ]; then cat /tmp/pip-tmp/requirements.txt > /installed; fi \\
   && rm -rf /tmp/pip-tmp
"""
# Laid out as people who build with GitHub have it, spelling included.
WORKFLOW = """name: build push jupyter-pytorch-x
on:
  push:
    branches: ["main", "feat/**"]
    paths: ["src/jupyter-pytorch-x/**"]
env:
  TARGET_REGISTORY: HOST
  TARGET_NAMESPACE: people
  WORKLOAD_TYPE: jupyter-pytorch-x
  BASE_REGISTORY: HOST
  BASE_NAMESPACE: jupyter
  BASE_IMAGE: scipy-notebook
  BASE_TAG: python-3.11
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
    - uses: actions/checkout@v4
    - run: echo "APP_VERSION=$(git rev-parse --short HEAD)" >> $GITHUB_ENV
    - uses: docker/build-push-action@v5
      with:
        context: src/${{ env.WORKLOAD_TYPE }}
        push: true
        tags: NAME:${{ env.BASE_TAG }}-${{ env.APP_VERSION }}
"""
NAME = "${{ env.TARGET_REGISTORY }}/${{ env.TARGET_NAMESPACE }}/${{ env.BASE_IMAGE }}-x"


@pytest.fixture
def registry(registries: Registries) -> Registry:
    """It wants a login, and has the base."""
    registries.basic.push_image(ImageSpec("jupyter/scipy-notebook", "python-3.11", glibc=True))
    return registries.basic


@pytest.fixture
def builder_engine(engine_bed: EngineBed) -> Iterator[RealEngine]:
    """Steps that run need a network."""
    with bridge() as flags, closing(engine_bed.start_engine(extra_flags=flags)) as engine:
        yield engine


@pytest.fixture
def server(git_server: Callable[..., GitServer]) -> GitServer:
    return git_server(users={"robot": GIT_PASSWORD})


class Walk:
    """An ordinary user and the operator, with one repository of applications."""

    def __init__(self, pulls: PullBed, registry: Registry, server: GitServer) -> None:
        self.product, self.builds, self.instances = pulls.product, BuildBed(pulls), InstanceBed(pulls)
        self.server, self.repository = server, server.repository()
        self.first = self.repository.commit(
            {
                f".github/workflows/build-push-{APP}.yaml": WORKFLOW.replace("HOST", registry.address).replace(
                    "NAME:", f"{NAME}:"
                ),
                f"src/{APP}/Dockerfile": DOCKERFILE,
                f"src/{APP}/noop.txt": "",
                f"src/{APP}/requirements.txt": "torch==2.2.1\n",
                "README.md": "# Images\n",
            }
        )
        self.product.create_user(AUTHOR)

    def ask(self, method: str, path: str, status: int, *, user: str = AUTHOR, **options: Any) -> Any:
        answer = self.product.api(method, path, user=user, **options)
        assert answer.status_code == status, answer.text
        return answer.json()

    def import_repository(self) -> int:
        """The application, which stays in the repository."""
        place = {"git_url": self.server.url_of(self.repository), "git_username": "robot", "git_password": GIT_PASSWORD}
        told = self.ask("POST", "/api/applications/import/", 200, json=place)
        assert told == {"created": [APP], "updated": [], "warnings": [], "errors": []}
        [row] = self.ask("GET", f"/api/applications/?name={APP}", 200)["results"]
        assert (row["owner"], row["git_branch"], row["git_path"]) == (AUTHOR, "main", f"src/{APP}")
        self.ask("PATCH", f"/api/applications/{row['id']}/", 200, json={"webhook_secret": HOOK_SECRET})
        return int(row["id"])

    def push(self, files: dict[str, str]) -> tuple[str, Any]:
        """A commit of these files, and what came of the git server's message about it."""
        before = git("rev-parse", "HEAD", at=self.repository.work)
        after = self.repository.commit(files)
        message = github_push(after=after, before=before, files={"added": [], "removed": [], "modified": [*files]})
        url = self.server.url_of(self.repository)
        when = git("show", "-s", "--format=%cI", after, at=self.repository.work)
        for commit in message["commits"]:
            commit["timestamp"] = when
        message["repository"] = {"clone_url": url, "html_url": url.removesuffix(".git")}
        body = encoded(message)
        headers = {
            "Content-Type": "application/json", "X-GitHub-Event": "push", "X-GitHub-Delivery": after[:8],
            "X-Hub-Signature-256": f"sha256={signature(HOOK_SECRET, body)}",
        }  # fmt: skip
        [taken] = self.ask("POST", "/api/hooks/git/", 200, user=None, data=body, headers=headers)["results"]  # type: ignore[arg-type]
        return after, taken

    def checked(self, submission: int) -> Any:
        """The submission, once nothing is looked at any more."""
        seen: dict[str, Any] = {}

        def ended() -> bool:
            seen.update(self.ask("GET", f"/api/submissions/{submission}/", 200))
            return seen["state"] in ("succeeded", "failed", "cancelled")

        wait_until(f"the checks of submission {submission}", ended, timeout=240, step=0.2)
        return seen


def test_from_a_push_to_a_container(
    embedded: PullBed, builder_engine: RealEngine, engine: RealEngine, registry: Registry, server: GitServer
) -> None:
    walk = Walk(embedded, registry, server)
    login = {"username": "pusher", "password": registry.users["pusher"]}
    endpoint = embedded.registry(registry.address, users_push_to="people", **login)
    builder = walk.instances.node(builder_engine, labels={"builder": "yes"})
    engine.wipe()
    other = walk.instances.node(engine)
    walk.instances.entry(f"{registry.address}/jupyter/scipy-notebook:python-3.11")  # a base for everybody

    application = walk.import_repository()
    commit, taken = walk.push({f"src/{APP}/requirements.txt": "torch==2.2.1\nmpi4py==3.1.6\n"})
    assert (taken["application"], taken["outcome"]) == (APP, "built")
    built = walk.builds.wait(taken["build"])
    assert built["state"] == "succeeded", (built["error"], walk.builds.log(built["id"]))
    assert built["image"] == f"{registry.address}/people/scipy-notebook-x:python-3.11-{commit}"
    assert (built["node"]["id"], built["revision"], built["trigger"]) == (builder, commit, "webhook")
    assert registry.request_count(rf"PUT /v2/people/scipy-notebook-x/manifests/python-3.11-{commit} 201") == 1
    _, elsewhere = walk.push({"README.md": "# Our images\n"})
    assert (elsewhere["outcome"], elsewhere["build"]) == ("other_paths", None)

    offered = walk.ask("POST", "/api/submissions/", 202, json={"build": built["id"], "name": "pytorch x"})
    images = "/api/images/?address=scipy-notebook-x"
    assert walk.ask("GET", images, 200)["count"] == 0, "listed before anybody approved"
    offered = walk.checked(offered["id"])
    verdicts = {check["key"]: check["verdict"] for check in offered["checks"]}
    passed = dict.fromkeys(("exists", "digest", "size", "platforms", "libc", "source"), "passed")
    assert verdicts == {**passed, "vulnerabilities": "unknown"}, offered["checks"]
    assert offered["digest"] == built["digest"] and offered["libc"].startswith("glibc")
    at = f"/api/submissions/{offered['id']}/approve/"
    walk.ask("POST", at, 403, json={})
    done = walk.ask("POST", at, 200, user="admin", json={"nodes": [other]})
    entry = done["submission"]["entry"]
    assert entry["address"] == f"{built['image']}@{built['digest']}" and done["moved_to"] == ""
    assert [row["id"] for row in walk.ask("GET", images, 200)["results"]] == [entry["id"]]

    [pull] = done["pulls"]
    pulled = embedded.wait(pull, timeout=240)
    assert (pulled["state"], pulled["node"]["id"]) == ("succeeded", other), pulled
    labels = engine.inspect(entry["address"])["Config"]["Labels"]  # type: ignore[index]
    origin = {name.removeprefix("org.opencontainers.image."): value for name, value in labels.items()}
    assert (origin["revision"], origin["title"]) == (commit, APP)
    assert origin["source"] == server.url_of(walk.repository) and origin["created"]
    assert walk.ask("GET", f"/api/applications/{application}/", 200)["target_registry"] == endpoint

    says = ["sh", "-c", "cat /installed; trap exit TERM; while :; do sleep 0.1; done"]
    asked = {"name": "ours", "image": entry["id"], "spec": walk.instances.spec(), "node": other, "command": says}
    instance = walk.ask("POST", "/api/instances/", 202, json=asked)["id"]
    walk.instances.wait(instance, "running", timeout=240)

    def log() -> str:
        return str(walk.ask("GET", f"/api/instances/{instance}/logs/", 200)["log"])

    wait_until("the container's word", lambda: "mpi4py==3.1.6" in log(), timeout=120, step=0.2)
    assert "torch==2.2.1" in log()
    walk.instances.remove(instance, timeout=240)
    assert nothing_is_left(engine)
    told = walk.ask("GET", "/api/notices/", 200)["results"]
    assert any(notice["submission"] == offered["id"] and "pytorch" in json.dumps(notice) for notice in told), told
