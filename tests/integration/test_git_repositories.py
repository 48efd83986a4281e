"""Reading commits of git repositories, from git's own server and from servers that behave badly."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from builds.repositories import GitError, GitSource, Interrupted, Limits, open_checkout
from builds.trees import FILE, LINK, PROGRAM, revision_of
from core.fields import Secret
from tests.services.git_server import GitServer, git
from tests.support.git_checkouts import FILES, LIMITS, contents, refused

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("no_checkouts_left")]
Server = Callable[..., GitServer]


class TestACommit:
    def test_the_newest_of_a_branch(self, git_server: Server) -> None:
        server = git_server()
        repository = server.repository()
        repository.commit({"src/app/Dockerfile": "FROM old\n"})
        newest = repository.commit(FILES)
        other = repository.commit({"src/app/Dockerfile": "FROM b\n"}, branch="feat/b")
        with open_checkout(GitSource(server.url_of(repository), "main"), within=LIMITS) as checkout:
            assert checkout.commit == newest
            assert checkout.committed_at.isoformat() == _date_of(repository.work, newest)
            assert checkout.paths() == sorted(FILES)
            assert contents(checkout, "src/app") == {"Dockerfile": b"FROM a\n", "conf/pip.txt": b"torch\n"}
            assert contents(checkout, "/src/app/") == contents(checkout, "src/app")
            assert contents(checkout) == {name: text.encode() for name, text in FILES.items()}
        with open_checkout(GitSource(server.url_of(repository), "feat/b"), within=LIMITS) as checkout:
            assert (checkout.commit, checkout.branch) == (other, "feat/b")
            assert contents(checkout, "src/app")["Dockerfile"] == b"FROM b\n"
        with open_checkout(GitSource(server.url_of(repository)), within=LIMITS) as checkout:
            assert (checkout.commit, checkout.branch) == (newest, "main")  # of the default branch

    def test_one_that_the_branch_has_left_behind(self, git_server: Server) -> None:
        server = git_server()
        repository = server.repository()
        first = repository.commit(FILES)
        repository.commit({"src/app/Dockerfile": "FROM b\n"})
        with open_checkout(GitSource(server.url_of(repository), "main", commit=first), within=LIMITS) as checkout:
            assert checkout.commit == first and contents(checkout, "src/app")["Dockerfile"] == b"FROM a\n"

    def test_nothing_of_the_history_is_fetched(self, git_server: Server) -> None:
        server = git_server()
        repository = server.repository()
        repository.commit({"large": os.urandom(3_000_000)})
        repository.commit({"large": "small now\n"})
        with open_checkout(GitSource(server.url_of(repository)), within=Limits(max_bytes=100_000)) as checkout:
            assert contents(checkout) == {"large": b"small now\n"}

    def test_programs_links_and_similar_files_are_what_git_says(self, git_server: Server) -> None:
        """Many similar files make git send differences instead of files."""
        server = git_server()
        repository = server.repository()
        text = "".join(f"line {number} of a file that is much like the others\n" for number in range(2000))
        repository.write({f"d/{number}.txt": text + str(number) for number in range(30)} | {"run.sh": "#!/bin/sh\n"})
        (repository.work / "run.sh").chmod(0o755)
        (repository.work / "d" / "up").symlink_to("../run.sh")
        commit = repository.commit()
        with open_checkout(GitSource(server.url_of(repository)), within=LIMITS) as checkout:
            entries = checkout.entries()
            modes = {entry.path: entry.mode for entry in entries}
            assert modes["run.sh"] == PROGRAM and modes["d/up"] == LINK and modes["d/7.txt"] == FILE
            assert all(len(entry.read()) == entry.size for entry in entries)
            assert revision_of(entries) == git("rev-parse", f"{commit}^{{tree}}", at=repository.work)

    def test_pointers_to_large_files_are_told(self, git_server: Server) -> None:
        server = git_server()
        repository = server.repository()
        pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "a" * 64 + "\nsize 12345\n"
        repository.commit({"model.bin": pointer, "notes.txt": "version https://example.com\n"})
        with open_checkout(GitSource(server.url_of(repository)), within=LIMITS) as checkout:
            assert len(checkout.entries()) == 2
            assert [(notice.code, notice.path) for notice in checkout.notices] == [("git_lfs_pointer", "model.bin")]


def _date_of(folder: Path, commit: str) -> str:
    return git("show", "-s", "--format=%cI", commit, at=folder, TZ="UTC").replace("Z", "+00:00")


class TestWhoMay:
    def test_user_name_and_password(self, git_server: Server) -> None:
        server = git_server(users={"robot": "s3cret-Words"})
        repository = server.repository()
        commit = repository.commit(FILES)
        source = GitSource(server.url_of(repository), username="robot", password=Secret(plain="s3cret-Words"))
        with open_checkout(source, within=LIMITS) as checkout:
            assert checkout.commit == commit
        assert "s3cret" not in repr(source)

    def test_a_token_alone(self, git_server: Server) -> None:
        server = git_server(users={"git": "tok-en"})
        repository = server.repository()
        repository.commit(FILES)
        with open_checkout(GitSource(server.url_of(repository), password="tok-en"), within=LIMITS) as checkout:
            assert checkout.paths() == sorted(FILES)

    @pytest.mark.parametrize("given", [{}, {"username": "robot", "password": "wrong-One"}])
    def test_wrong_or_no_credentials(self, git_server: Server, given: dict[str, str]) -> None:
        server = git_server(users={"robot": "s3cret-Words"})
        repository = server.repository()
        repository.commit(FILES)
        error = refused(GitSource(server.url_of(repository), **given))
        assert error.code == "git_unauthorised" and "HTTP 401" in error.evidence
        assert "wrong-One" not in error.evidence

    def test_nothing_of_this_machine_takes_part(
        self, git_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server, proxy = git_server(users={"robot": "s3cret-Words"}), git_server()
        repository = server.repository()
        repository.commit(FILES)
        (tmp_path / ".netrc").write_text("machine 127.0.0.1 login robot password s3cret-Words\n")
        (tmp_path / ".gitconfig").write_text(f'[http]\n\tproxy = {proxy.url}\n\textraHeader = "X-A: b"\n')
        (tmp_path / ".git-credentials").write_text(f"http://robot:s3cret-Words@127.0.0.1:{server.port}\n")
        for name in ("HOME", "XDG_CONFIG_HOME"):
            monkeypatch.setenv(name, str(tmp_path))
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert refused(GitSource(server.url_of(repository))).code == "git_unauthorised"
        assert proxy.requests == [] and {header for _path, header in server.requests} == {""}


class TestWhatIsMissing:
    def test_repository_branch_commit_and_path(self, git_server: Server) -> None:
        server = git_server()
        repository = server.repository()
        repository.commit(FILES)
        url = server.url_of(repository)
        assert refused(GitSource(f"{server.url}/team/none.git")).code == "git_repository_missing"
        gone = refused(GitSource(url, "feat/gone"))
        assert (gone.code, gone.evidence) == ("git_branch_missing", "feat/gone")
        assert refused(GitSource(url, "mai")).code == "git_branch_missing"  # a prefix of one
        unknown = refused(GitSource(url, "main", commit="a" * 40))
        assert unknown.code == "git_commit_missing" and "not our ref" in unknown.evidence
        blob = git("rev-parse", "HEAD:README.md", at=repository.work)
        assert refused(GitSource(url, commit=blob)).code == "git_commit_missing"
        for path in ("src/other", "src/app/Dockerfile", "../src"):
            error = refused(GitSource(url), path=path)
            assert (error.code, error.params) == ("git_path_missing", {"path": path})

    def test_a_repository_without_commits(self, git_server: Server) -> None:
        server = git_server()
        assert refused(GitSource(server.url_of(server.repository()))).code == "git_branch_missing"

    @pytest.mark.parametrize("branch", ["a b", "a\nb", "-" * 300, "a..b\0"])
    def test_what_cannot_be_a_branch_is_not_asked_for(self, git_server: Server, branch: str) -> None:
        server = git_server()
        assert refused(GitSource(f"{server.url}/a", branch)).code == "git_branch_missing"
        assert server.requests == []

    @pytest.mark.parametrize("commit", ["HEAD", "A" * 40, "a" * 39, "a" * 40 + "\n"])
    def test_what_cannot_be_a_commit_is_not_asked_for(self, git_server: Server, commit: str) -> None:
        server = git_server()
        assert refused(GitSource(f"{server.url}/a", commit=commit)).code == "git_commit_missing"
        assert server.requests == []


class TestLimits:
    def test_more_bytes_than_allowed(self, git_server: Server) -> None:
        server = git_server()
        repository = server.repository()
        repository.commit({"large": os.urandom(3_000_000)})
        heard: list[int] = []
        error = refused(GitSource(server.url_of(repository)), Limits(max_bytes=1_000_000, heard=heard.append))
        assert (error.code, error.limit) == ("git_too_large", 1)
        assert heard and max(heard) <= 1_000_000

    def test_little_that_becomes_much(self, git_server: Server) -> None:
        """Zeros are a thousandth of their size in a pack."""
        server = git_server()
        repository = server.repository()
        repository.commit({f"zeros-{number}": bytes(9_000_000) + bytes([number]) for number in range(2)})
        error = refused(GitSource(server.url_of(repository)), Limits(max_bytes=1_000_000))
        assert error.code == "git_too_large" and "unpacked" in error.evidence

    def test_one_file_that_is_too_large(self, git_server: Server) -> None:
        server = git_server()
        repository = server.repository()
        repository.commit({"zeros": bytes(100_000_001)})
        error = refused(GitSource(server.url_of(repository)))
        assert (error.code, error.limit) == ("git_too_large", 100)

    def test_folders_that_hold_one_another(self, git_server: Server) -> None:
        """Ten lines a tree, six trees deep: a million files in a few hundred bytes."""
        server = git_server()
        repository = server.repository()
        line = f"100644 blob {git('hash-object', '-w', '--stdin', at=repository.work, stdin=b'x')}"
        for _level in range(6):
            lines = "".join(f"{line}\tn{number}\n" for number in range(10))
            line = f"040000 tree {git('mktree', at=repository.work, stdin=lines.encode())}"
        root = git("mktree", at=repository.work, stdin=f"{line}\tall\n".encode())
        commit = git("commit-tree", "-m", "bomb", root, at=repository.work)
        git("push", "-q", str(repository.bare), f"{commit}:refs/heads/main", at=repository.work)
        source = GitSource(server.url_of(repository))
        assert refused(source).code == "git_too_large"
        with pytest.raises(GitError, match="git_too_large"), open_checkout(source, within=LIMITS) as checkout:
            checkout.paths()

    def test_a_server_that_falls_silent(self, git_server: Server) -> None:
        server = git_server()
        repository = server.repository()
        repository.commit(FILES)
        server.stalled.set()
        error = refused(GitSource(server.url_of(repository)), Limits(max_bytes=10**6, silence=0.5))
        assert error.code == "git_unreachable" and "0.5 s" in error.evidence

    def test_a_server_that_takes_too_long_in_all(self, git_server: Server) -> None:
        server = git_server()
        repository = server.repository()
        repository.commit(FILES)
        server.stalled.set()
        error = refused(GitSource(server.url_of(repository)), Limits(max_bytes=10**6, total=1.0))
        assert (error.code, error.limit) == ("git_too_slow", 1)

    def test_nobody_wants_it_any_more(self, git_server: Server) -> None:
        server = git_server()
        repository = server.repository()
        repository.commit(FILES)
        server.stalled.set()
        unwanted = threading.Event()

        def interrupted() -> bool:
            if server.requests:
                unwanted.set()
            return unwanted.is_set()

        limits = Limits(max_bytes=10**6, interrupted=interrupted)
        source = GitSource(server.url_of(repository))
        with pytest.raises(Interrupted), open_checkout(source, within=limits):
            pass

    def test_who_waits_hears_while_the_files_are_unpacked_and_looked_through(self, git_server: Server) -> None:
        server = git_server()
        repository = server.repository()
        repository.commit(FILES)
        heard: list[int] = []
        with open_checkout(
            GitSource(server.url_of(repository)), within=Limits(max_bytes=10**6, heard=heard.append)
        ) as checkout:
            fetched = len(heard)
            assert heard.count(heard[-1]) >= 3, "no byte more, but a word while it is unpacked and while it is resolved"
            checkout.entries()
            assert len(heard) >= fetched + 2 * len(FILES)

    def test_whoever_hears_may_end_it(self, git_server: Server) -> None:
        server = git_server()
        repository = server.repository()
        repository.commit(FILES)

        def heard(_count: int) -> None:
            raise RuntimeError("enough")

        limits = Limits(max_bytes=10**6, heard=heard)
        with (
            pytest.raises(RuntimeError, match="enough"),
            open_checkout(GitSource(server.url_of(repository)), within=limits),
        ):
            pass
