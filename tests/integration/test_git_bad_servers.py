"""Git servers that behave badly, and repositories with paths that no build may get."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from builds.repositories import GitSource, open_checkout
from tests.services.certs import Authority
from tests.services.fault_proxy import FaultProxy
from tests.services.git_server import GitServer, Repository, git
from tests.support.git_checkouts import FILES, LIMITS, contents, refused

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("no_checkouts_left")]
Server = Callable[..., GitServer]


class TestBadServers:
    def test_nobody_there(self, git_server: Server) -> None:
        server = git_server()
        server.close()
        error = refused(GitSource(f"{server.url}/a.git"))
        assert error.code == "git_unreachable" and "refused" in error.evidence

    def test_no_such_host(self) -> None:
        assert refused(GitSource("http://nosuch.invalid/a.git")).code == "git_unreachable"

    @pytest.mark.parametrize(
        ("status", "code"),
        [(403, "git_unauthorised"), (404, "git_repository_missing"), (429, "git_unreachable"),
         (500, "git_unreachable"), (503, "git_unreachable"), (418, "git_bad_answer")],
    )  # fmt: skip
    def test_statuses(self, git_server: Server, status: int, code: str) -> None:
        server = git_server()
        server.instead = (status, "text/html", b"<p>no</p>")
        assert refused(GitSource(f"{server.url}/a.git")).code == code

    @pytest.mark.parametrize(
        ("kind", "content"),
        [
            ("text/html", b"<html>Log in</html>"),
            ("", b""),
            ("application/x-git-upload-pack-advertisement", b""),
            ("application/x-git-upload-pack-advertisement", b"<html>"),
            ("application/x-git-upload-pack-advertisement", b"001e# service=git-upload-pack\n0000"),
            ("application/x-git-upload-pack-advertisement", b"000eversion 2\n0010agent=none/1\n0000"),
            ("application/x-git-upload-pack-advertisement", b"ffff" + b"x" * 100),
            ("application/x-git-upload-pack-advertisement", b"000eversion 9\n0000"),
            ("application/x-git-upload-pack-advertisement", bytes(range(256))),
        ],
    )
    def test_answers_that_are_not_gits(self, git_server: Server, kind: str, content: bytes) -> None:
        server = git_server()
        server.instead = (200, kind, content)
        assert refused(GitSource(f"{server.url}/a.git")).code in ("git_bad_answer", "git_branch_missing")

    def test_an_answer_that_ends_too_early(self, git_server: Server, fault_proxy: Callable[..., FaultProxy]) -> None:
        server = git_server()
        repository = server.repository()
        repository.commit({"large": os.urandom(200_000)})
        proxy = fault_proxy(server)
        proxy.cut(after=20_000, match="POST", times=None)
        assert refused(GitSource(f"{proxy.url}/{repository.name}.git")).code == "git_unreachable"

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda content: content.replace(b"PACK", b"PUCK"),
            lambda content: content[:-500] + bytes(100) + content[-400:],
            lambda content: content[: len(content) // 2],
            lambda content: content[: content.index(b"PACK") + 4] + b"\0\0\0\2\0\0\0\0" + content[-60:],
        ],
        ids=["no pack", "wrong bytes", "half", "no objects"],
    )
    def test_packs_that_are_broken(self, git_server: Server, spoil: Callable[[bytes], bytes]) -> None:
        server = git_server()
        repository = server.repository()
        repository.commit({"large": os.urandom(50_000)})
        server.spoil = spoil
        error = refused(GitSource(server.url_of(repository)))
        assert error.code in ("git_bad_answer", "git_unreachable") and error.evidence

    def test_credentials_do_not_follow_a_redirect(self, git_server: Server) -> None:
        server, other = git_server(users={"robot": "s3cret-Words"}), git_server()
        server.redirect_to = other.url
        source = GitSource(f"{server.url}/a.git", username="robot", password="s3cret-Words")
        error = refused(source)
        assert error.code == "git_bad_answer" and "redirect" in error.evidence
        assert other.requests == []

    def test_a_redirect_on_the_same_host_is_followed(self, git_server: Server) -> None:
        server = git_server(users={"robot": "s3cret-Words"})
        repository = server.repository("new-name")
        repository.commit(FILES)
        server.moved = {"/old-name.git": "/new-name.git"}
        source = GitSource(f"{server.url}/old-name.git", username="robot", password="s3cret-Words")
        with open_checkout(source, within=LIMITS) as checkout:
            assert checkout.paths() == sorted(FILES)

    def test_tls_is_verified(self, git_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """By the authorities that this machine trusts, and by nobody else."""
        authority = Authority("the system's")
        server = git_server(users={"robot": "s3cret-Words"}, pair=authority.issue("git", hosts=["127.0.0.1"]))
        repository = server.repository()
        repository.commit(FILES)
        source = GitSource(server.url_of(repository), username="robot", password="s3cret-Words")
        error = refused(source)
        assert error.code == "git_unreachable" and "certificate" in error.evidence and server.requests == []
        (tmp_path / "ca.pem").write_text(authority.cert)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))  # where OpenSSL finds the system's
        with open_checkout(source, within=LIMITS) as checkout:
            assert checkout.paths() == sorted(FILES)


class TestUnsafePaths:
    @pytest.mark.parametrize("target", ["/etc/passwd", "../../secret", "sub/../../../x", "up/../x", ""])
    def test_links_that_lead_out(self, git_server: Server, target: str) -> None:
        server = git_server()
        repository = server.repository()
        commit_tree(repository, {"src/app/Dockerfile": b"FROM a\n"}, {"src/app/link": target, "src/app/up": "deep/er"})
        source = GitSource(server.url_of(repository))
        error = refused(source, path="src/app")
        assert (error.code, error.params) == ("git_unsafe_path", {"path": "link"})
        with open_checkout(source, within=LIMITS) as checkout:
            assert [entry.path for entry in checkout.entries("src/app", lenient=True)] == ["Dockerfile", "up"]
            assert [(notice.code, notice.path) for notice in checkout.notices] == [("git_unsafe_path", "link")]

    def test_links_that_stay_inside(self, git_server: Server) -> None:
        server = git_server()
        repository = server.repository()
        commit_tree(repository, {"a/b/c": b"x"}, {"a/b/up": "../b/c", "a/dir": "b", "self": "./a/../a/b/"})
        with open_checkout(GitSource(server.url_of(repository)), within=LIMITS) as checkout:
            assert contents(checkout)["a/b/up"] == b"../b/c"

    @pytest.mark.parametrize("name", ["..", ".", ".git", ".GIT", "a\\b", "tab\there", "d" * 300])
    def test_names_that_no_file_may_have(self, git_server: Server, name: str) -> None:
        server = git_server()
        repository = server.repository()
        blob = git("hash-object", "-w", "--stdin", at=repository.work, stdin=b"x")
        for kind in ("file", "folder"):
            tree = raw_tree(repository, [(b"100644", name.encode(), blob)])
            if kind == "folder":
                tree = raw_tree(
                    repository, [(b"40000", name.encode(), raw_tree(repository, [(b"100644", b"f", blob)]))]
                )
            push_tree(repository, tree)
            assert refused(GitSource(server.url_of(repository))).code == "git_unsafe_path", kind

    def test_a_name_with_a_slash(self, git_server: Server) -> None:
        server = git_server()
        repository = server.repository()
        blob = git("hash-object", "-w", "--stdin", at=repository.work, stdin=b"x")
        push_tree(repository, raw_tree(repository, [(b"100644", b"../../etc/x", blob)]))
        assert refused(GitSource(server.url_of(repository))).code == "git_bad_answer"

    def test_submodules_are_refused_where_their_files_would_lack(self, git_server: Server) -> None:
        server = git_server()
        repository = server.repository()
        tree = git(
            "mktree", "--missing", at=repository.work, stdin=b"160000 commit %s\tlibrary\n" % (b"a" * 40)
        )  # fmt: skip
        push_tree(repository, tree)
        source = GitSource(server.url_of(repository))
        error = refused(source)
        assert (error.code, error.path) == ("git_submodule", "library")
        with open_checkout(source, within=LIMITS) as checkout:
            assert checkout.entries(lenient=True) == [] and checkout.notices[0].code == "git_submodule"


def commit_tree(repository: Repository, files: dict[str, bytes], links: dict[str, str]) -> None:
    """A commit with links that the file system may not know how to make."""
    git("read-tree", "--empty", at=repository.work)
    for mode, name, content in [
        *(("100644", name, content) for name, content in files.items()),
        *(("120000", name, target.encode()) for name, target in links.items()),
    ]:
        blob = git("hash-object", "-w", "--stdin", at=repository.work, stdin=content)
        git("update-index", "--add", "--cacheinfo", f"{mode},{blob},{name}", at=repository.work)
    push_tree(repository, git("write-tree", at=repository.work))


def raw_tree(repository: Repository, lines: list[tuple[bytes, bytes, str]]) -> str:
    """A tree that git itself would not make."""
    content = b"".join(mode + b" " + name + b"\0" + bytes.fromhex(blob) for mode, name, blob in lines)
    return git("hash-object", "-w", "-t", "tree", "--literally", "--stdin", at=repository.work, stdin=content)


def push_tree(repository: Repository, tree: str) -> None:
    commit = git("commit-tree", "-m", "tree", tree, at=repository.work)
    git("push", "-q", "--force", str(repository.bare), f"{commit}:refs/heads/main", at=repository.work)
