"""Limits that keep the code readable: sizes of files and functions, handlers that catch everything, patched tests."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ("core", "imagelib", "nodes", "pulls", "appimages", "instances", "builds")
LONGEST_FILE, USUAL_FILE, LONGEST_FUNCTION = 400, 250, 60
# Where a bug must end one job, one stream or one probe, and not the whole process.
CATCHES_EVERYTHING = {
    "pulls/work.py", "core/progress.py", "nodes/work.py", "nodes/engine/following.py", "instances/work.py",
    "builds/work.py",
    "builds/submission_work.py", "builds/webhook_work.py",
}  # fmt: skip
_PATCHING = re.compile(r"\bmonkeypatch\.(setattr|delattr|setitem)|\bmock\.|\bMagicMock\b|\bmocker\b")
_TEXT = {".py", ".md", ".html", ".js", ".css", ".toml", ".yml", ".txt", ".lock", ""}
_A_DEVELOPERS_MACHINE = re.compile(r"(?<![\w.~/}-])/(?:work|home|Users)/\w|(?<![\w.~/}-])/root/(?!HAMi-core/build)")


def repository() -> list[Path]:
    """Every file that belongs to the repository, also those not added yet."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def python_files() -> list[Path]:
    return [path for path in repository() if path.suffix == ".py" and "migrations" not in path.parts]


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in python_files():
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())


def test_files_are_small() -> None:
    lines = {path: len(path.read_text().splitlines()) for path in python_files()}
    sizes = sorted(lines.values())
    assert len(sizes) > 100, "the files were not found"
    assert not {str(path): count for path, count in lines.items() if count > LONGEST_FILE}
    assert sizes[len(sizes) * 9 // 10] <= USUAL_FILE


def test_functions_are_short() -> None:
    long = [
        f"{name}:{node.lineno} {node.name} has {length} lines"
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        if (length := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION
    ]
    assert not long


def test_nothing_swallows_every_exception() -> None:
    """A handler of everything is allowed where it raises again, and at the boundary of a job."""
    wide = [
        f"{name}:{node.lineno}"
        for name, tree in trees()
        if name.split("/")[0] in OURS and name not in CATCHES_EVERYTHING
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and _is_wide(node) and not _ends_by_raising(node)
    ]
    assert not wide


def _is_wide(node: ast.ExceptHandler) -> bool:
    return node.type is None or "Exception" in {
        part.id.removeprefix("Base") for part in ast.walk(node.type) if isinstance(part, ast.Name)
    }


def _ends_by_raising(node: ast.ExceptHandler) -> bool:
    last = node.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_tests_hardly_patch_anything() -> None:
    files = [path for path in python_files() if "tests" in path.parts and path.name != Path(__file__).name]
    texts = [path.read_text() for path in files]
    tests = sum(len(re.findall(r"^\s*(?:async )?def test_", text, re.MULTILINE)) for text in texts)
    patches = sum(len(_PATCHING.findall(text)) for text in texts)
    assert tests > 300
    assert patches * 100 <= tests * 5, f"{patches} patches in {tests} tests"


def test_no_path_of_a_developers_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in repository()
        if path.suffix in _TEXT and path != Path(__file__) and "tests/fixtures" not in path.as_posix()
        for match in [_A_DEVELOPERS_MACHINE.search(path.read_text(errors="replace"))]
        if match
    ]
    assert not found


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_locks_pin_every_package_by_hash_and_name_no_index(name: str) -> None:
    text = (ROOT / name).read_text()
    assert not re.search(r"://|--(?:extra-)?index-url|--find-links|--trusted-host", text)
    packages = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE | re.IGNORECASE)[1:]
    assert len(packages) > 30
    assert not [package.splitlines()[0] for package in packages if "--hash=sha256:" not in package]
    assert not [package.splitlines()[0] for package in packages if not re.match(r"[\w.\[\],-]+==", package)]


def test_every_branch_of_pure_modules_is_measured() -> None:
    """What may not import Django is what coverage measures; of two packages only what does no networking."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    [pure] = [one for one in tools["importlinter"]["contracts"] if one["name"] == "Pure modules stay pure"]
    paths = [path.removesuffix("/*") for path in tools["coverage"]["run"]["include"]]
    assert [path for path in paths if not (ROOT / path).exists()] == []
    measured = {path.removesuffix(".py").replace("/", ".") for path in paths}
    assert set(pure["source_modules"]) - {"nodes.engine", "imagelib.registry"} - measured == set()
