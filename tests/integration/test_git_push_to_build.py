"""From `git push` over a signed message to a build, and to the files that this build gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from dulwich import porcelain
from dulwich.repo import Repo

from builds.models import Build
from builds.repositories import GitSource, Limits, open_checkout
from tests.api.hooks import application, outcomes, tell
from tests.services.git_server import GitServer, Repository, git
from tests.support.one_build import builder

pytestmark = [pytest.mark.real, pytest.mark.django_db]
FILES = {"src/app/Dockerfile": "FROM a\n", "src/other/Dockerfile": "FROM b\n", "README.md": "# images\n"}


def told_by(server: GitServer, repository: Repository, *, before: str, after: str, branch: str) -> dict[str, Any]:
    """What a git server would tell of the push, from what git itself knows about it."""
    changed = git("diff", "--name-only", before, after, at=repository.work).splitlines()
    date = git("show", "-s", "--format=%cI", after, at=repository.work)
    commit = {"id": after, "timestamp": date, "added": [], "removed": [], "modified": changed}
    return {
        "ref": f"refs/heads/{branch}",
        "before": before,
        "after": after,
        "commits": [commit],
        "head_commit": commit,
        "repository": {"clone_url": server.url_of(repository), "html_url": server.url_of(repository)[:-4]},
    }


def test_a_push_over_http_becomes_a_build_of_that_commit(git_server: Callable[..., GitServer]) -> None:
    user = User.objects.create_user("ulrich")
    server = git_server(users={"robot": "git-S3cret-Words"})
    repository = server.repository()
    first = repository.commit(FILES)
    builder()
    values = {"git_url": server.url_of(repository), "git_username": "robot", "git_password": "git-S3cret-Words"}
    app = application(owner=user, git_path="src/app", **values)
    other = application(owner=user, git_path="src/other", **values)

    repository.write({"src/app/Dockerfile": "FROM c\n"})
    with Repo(str(repository.work)) as work:
        porcelain.add(work, [str(repository.work / "src/app/Dockerfile")])
        after = porcelain.commit(work, b"newer", author=b"A <a@example.com>", committer=b"A <a@example.com>").decode()
        porcelain.push(
            work, server.url_of(repository), "refs/heads/main", username="robot", password="git-S3cret-Words"
        )
    assert git("rev-parse", "main", at=repository.bare) == after

    answer = tell(told_by(server, repository, before=first, after=after, branch="main"))
    assert outcomes(answer) == {app.name: "built", other.name: "other_paths"}
    build = Build.objects.get()
    repository.commit({"src/app/Dockerfile": "FROM d\n"})  # somebody else is quicker than the build
    source = GitSource(build.git_url, build.git_branch, "robot", app.git_password, commit=build.revision)
    with open_checkout(source, within=Limits(max_bytes=10**7)) as checkout:
        assert checkout.commit == after
        assert {one.path: one.read() for one in checkout.entries(build.git_path)} == {"Dockerfile": b"FROM c\n"}
