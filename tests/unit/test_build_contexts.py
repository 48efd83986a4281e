"""What of an application's files is sent to the builder."""

from __future__ import annotations

import io
import tarfile

import pytest

from builds.contexts import Context, ContextUnusable, context_of
from builds.trees import FILE, LINK, PROGRAM, Entry, entries_of

LIMIT = 1_000_000


def entry(path: str, content: bytes = b"x", mode: int = FILE) -> Entry:
    return Entry(path, mode, len(content), lambda: content)


def unpacked(context: Context) -> tarfile.TarFile:
    return tarfile.open(fileobj=io.BytesIO(b"".join(context.chunks())))


def names(context: Context) -> list[str]:
    return [member.name for member in unpacked(context).getmembers() if not member.isdir()]


def test_files_arrive_with_their_content_and_kind() -> None:
    long = "folder/" * 20 + "a name that is longer than a header of tar can hold, ü 中.txt"
    entries = [
        entry("Dockerfile", b"FROM x\n"),
        entry("run.sh", b"#!/bin/sh\n", PROGRAM),
        entry(long, b"y" * 600_000),
        entry("empty", b""),
        entry("folder/link", b"../run.sh", LINK),
    ]
    archive = unpacked(context_of(entries, limit=LIMIT))
    found = {member.name: member for member in archive.getmembers()}
    assert {name for name, member in found.items() if not member.isdir()} == {one.path for one in entries}
    assert (found["run.sh"].mode, found["Dockerfile"].mode, found["folder"].mode) == (0o755, 0o644, 0o755)
    content = archive.extractfile(long)
    assert content is not None and content.read() == b"y" * 600_000
    assert found["folder/link"].issym() and found["folder/link"].linkname == "../run.sh"
    order = [member.name for member in archive.getmembers()]
    assert order.index("folder") < order.index("folder/link")


def test_the_same_files_make_the_same_archive() -> None:
    files = {"Dockerfile": "FROM x\n", "b/c": "1", "a": "2"}
    first, second = (context_of(entries_of(files), limit=LIMIT) for _time in range(2))
    assert b"".join(first.chunks()) == b"".join(second.chunks()) == b"".join(first.chunks())


def test_what_dockerignore_names_stays_here_and_the_dockerfile_does_not() -> None:
    files = {
        "Dockerfile": "FROM x\n",
        ".dockerignore": "# comment\n*\n\n!keep\n!src\nsrc/**/*.log\n!src/important.log\n",
        "secret.txt": "x",
        "keep/a": "x",
        "src/a.py": "x",
        "src/b/c.log": "x",
        "src/important.log": "x",
    }
    kept = names(context_of(entries_of(files), limit=LIMIT))
    assert kept == [".dockerignore", "Dockerfile", "keep/a", "src/a.py", "src/important.log"]


def test_the_limit_counts_what_is_sent_and_names_the_largest() -> None:
    entries = [entry("Dockerfile"), entry("large.bin", b"x" * 700_000), entry("larger.bin", b"x" * 800_000)]
    with pytest.raises(ContextUnusable) as refused:
        context_of(entries, limit=LIMIT)
    assert refused.value.code == "context_too_large"
    assert str(refused.value.params["paths"]).startswith("larger.bin (0.8 MB), large.bin (0.7 MB)")
    assert context_of([*entries, entry(".dockerignore", b"larger.bin")], limit=LIMIT).size < LIMIT


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "../../x", "a/../../x", ".."])
def test_links_out_of_the_folder_are_refused(target: str) -> None:
    entries = [entry("Dockerfile"), entry("link", target.encode(), LINK)]
    with pytest.raises(ContextUnusable) as refused:
        context_of(entries, limit=LIMIT)
    assert refused.value.code == "context_link_outside"
    assert names(context_of([*entries, entry(".dockerignore", b"link")], limit=LIMIT)) == [
        ".dockerignore",
        "Dockerfile",
    ]


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a//b", "a/../b", "a\nb", ".git/config"])
def test_unsafe_paths_are_refused(path: str) -> None:
    with pytest.raises(ContextUnusable) as refused:
        context_of([entry("Dockerfile"), entry(path)], limit=LIMIT)
    assert refused.value.code == "context_unsafe"


@pytest.mark.parametrize("entries", [[], [entry("dockerfile")], [entry("Dockerfile", b"x", LINK), entry("x")]])
def test_without_a_dockerfile_nothing_is_sent(entries: list[Entry]) -> None:
    with pytest.raises(ContextUnusable) as refused:
        context_of(entries, limit=LIMIT)
    assert refused.value.code == "dockerfile_missing"


def test_between_the_files_somebody_may_look_whether_they_are_still_wanted() -> None:
    looks: list[int] = []
    context_of([entry("Dockerfile"), entry("a"), entry("b")], limit=LIMIT, glance=lambda: looks.append(1))
    assert len(looks) == 6  # each path twice: whether it is ignored, and whether it may be sent
