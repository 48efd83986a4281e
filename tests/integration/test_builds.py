"""Builds on a real engine, from and to a registry that wants a login."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
import requests

from tests.integration.build_bed import BuildBed
from tests.integration.pull_bed import PullBed
from tests.services.bridge import bridge
from tests.services.engine import RealEngine
from tests.services.engine_bed import EngineBed
from tests.services.git_server import GitServer
from tests.services.process import wait_until
from tests.services.product import ADMIN
from tests.services.registries import Registries
from tests.services.registry import Registry

pytestmark = pytest.mark.real

CANARY = "c4n4ry-S3cret-0f-4-build"
FROM = """ARG BASE_REGISTORY
ARG BASE_NAMESPACE
ARG BASE_IMAGE
ARG BASE_TAG
FROM ${BASE_REGISTORY}/${BASE_NAMESPACE}/${BASE_IMAGE}:${BASE_TAG}
"""


@pytest.fixture(scope="module")
def builder_engine(engine_bed: EngineBed) -> Iterator[RealEngine]:
    """Steps that run need a network."""
    with bridge() as flags, closing(engine_bed.start_engine(extra_flags=flags)) as engine:
        yield engine


@pytest.fixture(scope="module")
def registry(registries: Registries) -> Registry:
    return registries.basic


@pytest.fixture(scope="module")
def beds(embedded: PullBed, builder_engine: RealEngine) -> BuildBed:
    embedded.node(builder_engine.unix_url, labels={"builder": "yes"})
    return BuildBed(embedded)


@pytest.fixture(scope="module")
def endpoint(beds: BuildBed, registry: Registry) -> int:
    return beds.pulls.registry(registry.address, username="pusher", password=registry.users["pusher"])


@pytest.fixture
def built(beds: BuildBed, registry: Registry, endpoint: int) -> Callable[..., Any]:
    """`built(files, …)`: the snapshot of a build that has ended."""

    def build(files: Any, **values: Any) -> Any:
        return beds.wait(beds.build(beds.application(registry, endpoint, files, **values)))

    return build


def shown_digest(registry: Registry, image: str) -> str:
    """The registry's own word."""
    name, _, tag = image.removeprefix(f"{registry.address}/").rpartition(":")
    session = requests.Session()
    session.trust_env = False
    answer = session.get(
        f"{registry.url}/v2/{name}/manifests/{tag}",
        headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.*"},
        auth=("pusher", registry.users["pusher"]),
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    return answer.headers["Docker-Content-Digest"]


def test_from_files_to_the_registry(
    beds: BuildBed, builder_engine: RealEngine, registry: Registry, endpoint: int
) -> None:
    steps = "COPY words /words\nRUN cat /words && echo built > /made\nCOPY . /all/\nRUN ls -A /all\n"
    files = {"Dockerfile": FROM + steps, "words": "hello there\n"}
    app = beds.application(registry, endpoint, files)
    pk = beds.build(app)
    watch = beds.watch(pk)
    done = watch.until(timeout=240)
    assert done["state"] == "succeeded", (done["error"], beds.log(pk))
    assert done["digest"] == shown_digest(registry, done["image"])
    assert done["image"].startswith(f"{registry.address}/built/tiny-s") and done["image"].endswith(done["revision"])
    assert done["size"] > 0 and done["builder"] in ("classic", "buildkit")
    image = builder_engine.inspect(done["image"])
    assert image is not None
    labels = image["Config"]["Labels"]
    assert labels["org.opencontainers.image.revision"] == done["revision"]
    assert {label.rpartition(".")[2] for label in labels} == {"created", "recipe", "revision", "source", "title"}
    percents = [shot["percent"] for shot in watch.snapshots if shot["state"] == "running"]
    assert percents == sorted(percents) and all(percent < 100 for percent in percents)
    log = beds.log(pk)
    assert [line[3] for line in log if line[2] == "output"] == ["hello there", "Dockerfile", "words"]
    assert sum(str(line[3]).startswith("LABEL ") for line in log) <= 1  # a step each takes its time
    assert len(log) == done["log_lines"]
    assert all(timing["state"] in ("done", "cached") for timing in done["timings"])
    added = [timing["text"] for timing in done["timings"] if timing["added"]]
    assert len(added) == (done["builder"] == "classic"), done["timings"]  # all labels are one step
    assert all(text.startswith("LABEL org.opencontainers.image.revision=") for text in added), added

    again = beds.wait(beds.build(app))
    assert (again["state"], again["digest"], again["steps"]) == ("succeeded", done["digest"], None)


@pytest.mark.parametrize(
    ("dockerfile", "code"),
    [
        (FROM + "RUN echo before && exit 7\n", "build_step_failed"),
        (FROM + "RNU echo\n", "dockerfile_invalid"),
        (FROM + "COPY nothing /\n", "copy_source_missing"),
        (FROM.replace(":${BASE_TAG}", ":nosuch"), "base_image_missing"),
    ],
)
@pytest.mark.parametrize("buildkit", [False, True])
def test_what_goes_wrong_has_a_cause_and_publishes_nothing(
    built: Callable[..., Any], registry: Registry, dockerfile: str, code: str, buildkit: bool
) -> None:
    """A secret makes the product choose BuildKit."""
    done = built({"Dockerfile": dockerfile}, secrets={"UNUSED": "unused-value"} if buildkit else None)
    assert (done["state"], done["error"]["code"], done["attempt"]) == ("failed", code, 1), done["error"]
    assert done["builder"] == "buildkit" or not buildkit
    assert done["error"]["cause"] and done["error"]["advice"] and done["digest"] == ""
    assert registry.request_count(f"PUT .*{done['revision']}") == 0
    if code == "build_step_failed":
        assert "exit 7" in done["error"]["cause"] and done["timings"][-1]["state"] == "failed"


def test_a_registry_that_refuses_the_login_is_told_before_anything_is_built(
    beds: BuildBed, built: Callable[..., Any], registry: Registry
) -> None:
    locked = beds.pulls.registry(f"{registry.address}/locked", username="pusher", password="wrong-S3cret-word")
    done = built({"Dockerfile": FROM + "RUN true\n"}, target_registry=locked)
    assert (done["state"], done["error"]["code"]) == ("failed", "registry_unauthorized"), done["error"]
    assert "wrong-S3cret-word" not in str(done)


def test_cancelling_ends_the_step_on_the_engine(
    beds: BuildBed, builder_engine: RealEngine, registry: Registry, endpoint: int
) -> None:
    files = {"Dockerfile": FROM + "RUN echo asleep && sleep 100000\n"}
    pk = beds.build(beds.application(registry, endpoint, files))
    beds.wait_for_line(pk, "asleep")
    assert beds.product.api("POST", f"/api/builds/{pk}/cancel/").status_code == 200
    done = beds.wait(pk)
    assert (done["state"], done["digest"], done["cancelled_by"]) == ("cancelled", "", ADMIN)
    wait_until("the step to end", lambda: builder_engine.get("/containers/json") == [], timeout=120)


def test_a_secret_is_used_and_seen_nowhere(
    beds: BuildBed, builder_engine: RealEngine, registry: Registry, endpoint: int
) -> None:
    step = "RUN --mount=type=secret,id=TOKEN cat /run/secrets/TOKEN && wc -c < /run/secrets/TOKEN\n"
    app = beds.application(registry, endpoint, {"Dockerfile": FROM + step}, secrets={"TOKEN": CANARY})
    pk = beds.build(app)
    done = beds.wait(pk)
    assert done["state"] == "succeeded", (done["error"], beds.log(pk))
    output = [line[3] for line in beds.log(pk) if line[2] == "output"]
    assert any(str(len(CANARY)) in line for line in output) and "******" in str(output)
    told = [beds.log(pk), done, builder_engine.get(f"/images/{done['image']}/history"), builder_engine.log()]
    told.append(beds.product.log_file.text())
    with beds.pulls.database() as cursor:
        for table in ("builds_build", "builds_logchunk", "builds_buildsecret"):
            cursor.execute(f"SELECT * FROM {table}")
            told.append(cursor.fetchall())
    assert CANARY not in repr(told)


def test_an_engine_that_ends_under_the_build_is_told_and_does_not_get_it_again_by_itself(
    beds: BuildBed, engine_bed: EngineBed, registry: Registry, endpoint: int
) -> None:
    with bridge() as flags, closing(engine_bed.start_engine(extra_flags=flags)) as engine:
        node = beds.pulls.node(engine.unix_url)
        files = {"Dockerfile": FROM + "RUN echo at work && sleep 20\n"}
        pk = beds.build(beds.application(registry, endpoint, files), node=node)
        beds.wait_for_line(pk, "at work")
        engine.kill9()
        ended = beds.wait(pk)
        assert (ended["state"], ended["error"]["code"], ended["attempt"]) == ("failed", "engine_ended", 1), ended
        assert ended["digest"] == "" and "ended while it built" in ended["error"]["cause"]
        engine.start()
        answer = beds.product.api("POST", f"/api/builds/{pk}/retry/")
        assert answer.status_code < 300, answer.text
        done = beds.wait(answer.json()["id"])
        assert done["state"] == "succeeded", (done, beds.log(done["id"]))
        assert done["digest"] == shown_digest(registry, done["image"])


@pytest.mark.parametrize("text", ["ARG A=1\n#\x0cFROM scratch\n", "ARG A=1\n# \u2028FROM scratch\n", "ARG A=1\n"])
def test_no_file_without_a_base_takes_the_engine_down(
    built: Callable[..., Any], builder_engine: RealEngine, text: str
) -> None:
    """BuildKit of 20.10 does not survive it, however the `FROM` is made to look like one."""
    before = builder_engine.pid
    done = built({"Dockerfile": text}, secrets={"TOKEN": "a-S3cret-value"})
    assert (done["state"], done["error"]["code"], done["attempt"]) == ("failed", "dockerfile_invalid", 1), done
    assert builder_engine.pid == before and builder_engine.get("/version")


def test_flags_on_a_continued_line_are_built_with_buildkit(built: Callable[..., Any]) -> None:
    done = built({"Dockerfile": FROM + "RUN \\\n --mount=type=cache,target=/x true\n"})
    assert (done["state"], done["builder"]) == ("succeeded", "buildkit"), done["error"]


@pytest.mark.parametrize(
    ("dockerfile", "code", "buildkit"),
    [
        (FROM.replace("ARG BASE_NAMESPACE\n", "ARG NOPE\n").replace("_NAMESPACE", "_X"), "base_name_invalid", False),
        (FROM.replace("ARG BASE_NAMESPACE\n", "ARG NOPE\n").replace("_NAMESPACE", "_X"), "base_name_invalid", True),
        ("FROM ${NOPE}\n", "base_name_invalid", True),
        (FROM + "COPY no\\ space\\ left\\ on\\ device /\n", "copy_source_missing", False),
        (FROM + "COPY no\\ space\\ left\\ on\\ device /\n", "copy_source_missing", True),
        (FROM + "RUN cat <<EOF\nhi there\nEOF\n", "heredoc_unknown", True),
    ],
)
def test_what_a_dockerfile_says_is_its_own_fault_and_nothing_elses(
    built: Callable[..., Any], dockerfile: str, code: str, buildkit: bool
) -> None:
    done = built({"Dockerfile": dockerfile}, secrets={"UNUSED": "unused-value"} if buildkit else None)
    assert (done["state"], done["error"]["code"], done["attempt"]) == ("failed", code, 1), done["error"]


def test_a_commit_of_a_repository_is_built(
    beds: BuildBed, registry: Registry, endpoint: int, git_server: Callable[..., GitServer]
) -> None:
    server = git_server(users={"reader": "read-S3cret-of-git"})
    repository = server.repository()
    folder = {"src/notes/Dockerfile": FROM + "COPY words /\nRUN cat /words\n", "src/notes/words": "from git\n"}
    commit = repository.commit(folder)
    git = {"source": "git", "git_url": server.url_of(repository), "git_branch": "main", "git_username": "reader"}
    values = {**git, "git_path": "src/notes", "git_password": "read-S3cret-of-git"}
    app = beds.application(registry, endpoint, {}, **values)
    pk = beds.build(app)
    done = beds.wait(pk)
    assert done["state"] == "succeeded", (done["error"], beds.log(pk))
    assert (done["revision"], done["source"]["git_branch"]) == (commit, "main") and done["image"].endswith(commit)
    assert [line[3] for line in beds.log(pk) if line[2] == "output"] == ["from git"]
    gone = beds.wait(beds.build(app, branch="feat/nosuch"))
    assert (gone["state"], gone["error"]["code"]) == ("failed", "git_branch_missing"), gone
    newer = repository.commit({"src/notes/words": "newer\n"})
    assert beds.wait(beds.build(app, commit=newer))["revision"] == newer
    assert "read-S3cret-of-git" not in str([done, gone, beds.log(pk)])


def test_a_server_that_is_killed_in_the_middle_builds_anew(beds: BuildBed, registry: Registry, endpoint: int) -> None:
    files = {"Dockerfile": FROM + "RUN echo in the middle && sleep 15\n"}
    pk = beds.build(beds.application(registry, endpoint, files))
    beds.wait_for_line(pk, "in the middle")
    beds.product.kill9()
    beds.product.start()
    done = beds.wait(pk)
    assert (done["state"], done["attempt"]) == ("succeeded", 2), (done, beds.log(pk))
    assert done["digest"] == shown_digest(registry, done["image"])
    assert [line[3] for line in beds.log(pk) if line[2] == "output"] == ["in the middle"] * 2


def test_the_command_shows_the_log_and_its_exit_code_tells_how_it_went(
    beds: BuildBed, registry: Registry, endpoint: int
) -> None:
    beds.application(registry, endpoint, {"Dockerfile": FROM + "RUN echo by command\n"}, name="by-command")
    done = beds.product.manage("build", "by-command", "--wait", timeout=240)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert "by command" in done.stdout and "@sha256:" in done.stdout
    beds.application(registry, endpoint, {"Dockerfile": FROM + "RUN exit 3\n"}, name="by-command-fails")
    assert beds.product.manage("build", "by-command-fails", "--wait", timeout=240).returncode == 1
    assert beds.product.manage("build", "nosuch", timeout=120).returncode == 2
