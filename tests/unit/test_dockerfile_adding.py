"""Adding packages: into the list that is there, in the way in which it is written."""

from __future__ import annotations

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builds.dockerfiles import Added, Ecosystem, PackageError, add_packages, find_hints
from builds.dockerfiles.reading import read
from builds.dockerfiles.starting import starting_files
from tests.support.notebook_application import FILES

APT, CONDA, PIP = Ecosystem


def add(files: dict[str, str] | str, ecosystem: Ecosystem, *packages: str) -> Added:
    """Asked for a second time, nothing changes any more."""
    files = {"Dockerfile": files} if isinstance(files, str) else files
    once = add_packages(files, ecosystem=ecosystem, packages=packages)
    twice = add_packages(once.files, ecosystem=ecosystem, packages=packages)
    assert (twice.files, twice.added) == (once.files, ())
    return once


def changes(added: Added, path: str = "Dockerfile", files: dict[str, str] = FILES) -> list[str]:
    diff = list(difflib.ndiff(files.get(path, "").split("\n"), added.files[path].split("\n")))
    return [line for line in diff if line[0] in "+-"]


def behind(text: str, *, old: str) -> str:
    """What was put behind the old text."""
    assert text.startswith(old)
    return text.removeprefix(old)


def test_apt_packages_go_into_the_list() -> None:
    added = add(FILES, APT, "htop", "libssl-dev=3.0.1-1", "wget")
    assert changes(added) == ["+     htop \\", "+     libssl-dev=3.0.1-1 \\"]
    assert "    zip \\\n    htop \\\n    libssl-dev=3.0.1-1 \\\n    && apt-get clean" in added.files["Dockerfile"]
    assert (added.added, added.present) == (("htop", "libssl-dev=3.0.1-1"), ("wget",))


@pytest.mark.parametrize(
    ("package", "line"),
    [("git", "+     git \\"), ("git=1:2.39", "+     git=1:2.39 \\"), ("build-essential", "+     build-essential \\")],
)
def test_a_package_in_a_comment_is_taken_out_of_it(package: str, line: str) -> None:
    name = package.partition("=")[0]
    assert sorted(changes(add(FILES, APT, package))) == [line, f"-     # {name} \\"]


def test_words_in_other_comments_stay() -> None:
    assert changes(add(FILES, APT, "keeps")) == ["+     keeps \\"]


def test_conda_packages_are_quoted_like_the_others() -> None:
    added = add(FILES, CONDA, "numpy>=1.26,<2", "conda-forge::gdal=3.8", "NodeJS")
    assert changes(added) == [
        "-     'nodejs' && \\",
        "+     'nodejs' \\",
        "+     'numpy>=1.26,<2' \\",
        "+     'conda-forge::gdal=3.8' && \\",
    ]
    assert added.present == ("NodeJS",)


def test_another_version_takes_the_place_of_the_old_one() -> None:
    assert changes(add(FILES, CONDA, "nodejs=20")) == ["-     'nodejs' && \\", "+     'nodejs=20' && \\"]
    assert changes(add(FILES, APT, "zip=3.0-13")) == ["-     zip \\", "+     zip=3.0-13 \\"]
    assert changes(add(FILES, PIP, "MPI4py==4.0"), "requirements.txt") == ["- mpi4py==3.1.6", "+ MPI4py==4.0"]


def test_pip_packages_go_into_the_requirements() -> None:
    added = add(FILES, PIP, "icetk", "accelerate[torch]==1.2", "Torch", "git+https://git.example.com/peft")
    assert added.files["Dockerfile"] == FILES["Dockerfile"]
    assert changes(added, "requirements.txt") == ["- # icetk", "+ icetk", "+ accelerate[torch]==1.2"]
    assert added.files["requirements.txt"].endswith("/peft\naccelerate[torch]==1.2\n\n")
    assert added.present == ("Torch", "git+https://git.example.com/peft")


@pytest.mark.parametrize(
    ("dockerfile", "ecosystem", "packages", "after"),
    [
        # All in one line.
        ("RUN apt-get install -y a1 b1 && x", APT, ["c1"], "RUN apt-get install -y a1 b1 c1 && x"),
        ("RUN apt install a1 -y", APT, ["c1"], "RUN apt install a1 c1 -y"),
        # Several in each line.
        ("RUN apt-get install \\\n  a1 b1 \\\n && x", APT, ["c1"], "RUN apt-get install \\\n  a1 b1 c1 \\\n && x"),
        # Nothing but comments so far.
        (
            "RUN apt-get install -y \\\n  # a1 \\\n && x",
            APT,
            ["c1", "a1"],
            "RUN apt-get install -y \\\n  c1 \\\n  a1 \\\n && x",
        ),
        ("RUN apt-get install -y \\\n  # a1\n && x", APT, ["a1"], "RUN apt-get install -y \\\n  a1 \\\n && x"),
        ("RUN apt-get install -y && x", APT, ["c1"], "RUN apt-get install -y \\\n    c1 && x"),
        # A comment that belongs to the next command is not in the list.
        (
            "RUN apt-get install a1 && \\\n  # c1 \\\n x",
            APT,
            ["c1"],
            "RUN apt-get install a1 c1 && \\\n  # c1 \\\n x",
        ),
        # Commented out in the second of two lists.
        (
            "RUN apt-get install a1 && apt-get install \\\n # c1 \\\n b1",
            APT,
            ["c1"],
            "RUN apt-get install a1 && apt-get install \\\n c1 \\\n b1",
        ),
        ("RUN <<EOF\napt-get install \\\n  a1\nEOF", APT, ["c1"], "RUN <<EOF\napt-get install \\\n  a1 \\\n  c1\nEOF"),
        (
            "RUN conda install -y -c conda-forge a1",
            CONDA,
            ["c1", "d1>2"],
            "RUN conda install -y -c conda-forge a1 c1 'd1>2'",
        ),
        ("RUN conda install -y \\\n  # 'c1' \\\n a1", CONDA, ["c1"], "RUN conda install -y \\\n  'c1' \\\n a1"),
        ("RUN pip install 'a1' && x", PIP, ["c1==2"], "RUN pip install 'a1' 'c1==2' && x"),
        ("RUN python3 -m pip install a1", PIP, ["c1<2"], "RUN python3 -m pip install a1 'c1<2'"),
        ("RUN uv pip install a1", PIP, ["c1"], "RUN uv pip install a1 c1"),
    ],
)
def test_lists_keep_their_form(dockerfile: str, ecosystem: Ecosystem, packages: list[str], after: str) -> None:
    assert add(f"FROM x\n{dockerfile}", ecosystem, *packages).files["Dockerfile"] == f"FROM x\n{after}"


def test_lines_continue_with_the_sign_of_the_file() -> None:
    text = "# escape=`\nFROM x\nRUN apt-get install `\n  a1 `\n  # b1 `\n && x"
    assert add(text, APT, "c1", "b1").files["Dockerfile"] == text.replace("a1 `\n  #", "a1 `\n  c1 `\n ")


NEW_APT = """
RUN apt-get update --yes \\
    && apt-get install --yes --no-install-recommends \\
    c1 \\
    && apt-get clean && rm -rf /var/lib/apt/lists/*
"""
NEW_MAMBA = """
RUN mamba install --yes \\
    'c1' \\
    && mamba clean --all --force-pkgs-dirs --yes
"""
NEW_PIP = """
COPY requirements.txt /tmp/requirements.txt
RUN pip install --no-cache-dir --requirement /tmp/requirements.txt
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("FROM x\n", ""),
        ("FROM x", ""),
        ("FROM x\nRUN y\n", ""),
        ("FROM x\nRUN y\n", "\nEXPOSE 80\nCMD z\n"),
        ("FROM x\nRUN apt-get install a1\nFROM y\n", ""),
        ('FROM x\nRUN ["apt-get", "install", "a1"]\n', ""),
    ],
)
def test_a_new_instruction_comes_behind_the_last_layer(before: str, after: str) -> None:
    text = before + after.removeprefix("\n") if after else before
    whole = before if before.endswith("\n") else before + "\n"
    assert add(text, APT, "c1").files["Dockerfile"] == whole + NEW_APT + after


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("FROM x\nUSER root\nRUN y\n<>USER me\nRUN z\n", NEW_APT + "\n"),
        ("FROM x\nUSER root\n<>USER me\nRUN z\n", NEW_APT + "\n"),
        ("FROM x\nUSER me\nRUN z\n<>", "\nUSER root" + NEW_APT + "USER me\n"),
        ("FROM x\nRUN z\n<>USER me\n", NEW_APT + "\n"),
        ("FROM x\nUSER 0\nRUN z\n<>CMD y\n", NEW_APT + "\n"),
    ],
)
def test_packages_of_the_system_are_installed_by_root(text: str, after: str) -> None:
    assert add(text.replace("<>", ""), APT, "c1").files["Dockerfile"] == text.replace("<>", after)


def test_new_instructions_of_the_others() -> None:
    assert behind(add("FROM x\n", CONDA, "c1").files["Dockerfile"], old="FROM x\n") == NEW_MAMBA
    assert "RUN conda install" in add("FROM continuumio/miniconda3\n", CONDA, "c1").files["Dockerfile"]
    added = add("FROM x\n", PIP, "c1")
    assert behind(added.files["Dockerfile"], old="FROM x\n") == NEW_PIP
    assert added.files["requirements.txt"] == "c1\n"
    unused = add({"Dockerfile": "FROM x\n", "requirements.txt": "c1"}, PIP, "c1")
    assert unused.added == ("c1",)
    assert unused.files["requirements.txt"] == "c1"


def test_images_of_jupyter_get_their_permissions_back() -> None:
    text = "FROM x\nRUN y && fix-permissions /opt\n"
    assert behind(add(text, PIP, "c1").files["Dockerfile"], old=text) == (
        NEW_PIP.rstrip() + ' \\\n    && fix-permissions "${CONDA_DIR}" \\\n    && fix-permissions "${HOME}"\n'
    )


@pytest.mark.parametrize(
    ("dockerfile", "path"),
    [
        ("COPY wants.txt /tmp/other.txt\nRUN pip install -r /tmp/other.txt", "wants.txt"),
        ("COPY ./wants.txt /tmp/\nRUN pip install --requirement=/tmp/wants.txt a1", "wants.txt"),
        (
            "RUN --mount=type=bind,source=wants.txt,target=/r.txt --mount=type=cache,target=/c pip install -r /r.txt",
            "wants.txt",
        ),
        ("RUN pip install -r /tmp/requirements.txt", "requirements.txt"),
        ("RUN pip install -r https://x.example.com/wants.txt", "requirements.txt"),
        ("RUN pip install -r", "requirements.txt"),
    ],
)
def test_requirements_are_found_by_what_is_copied(dockerfile: str, path: str) -> None:
    files = {"Dockerfile": f"FROM x\n{dockerfile}\n", "wants.txt": "a1\n"}
    added = add(files, PIP, "c1")
    assert added.files[path].endswith("c1\n")
    assert (added.files["Dockerfile"] == files["Dockerfile"]) == (path in dockerfile and "://" not in dockerfile)


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("", "c1\n"),
        ("a1", "a1\nc1\n"),
        ("a1\n\n\n", "a1\nc1\n\n\n"),
        ("a1 \\\n", "a1 \\\n\nc1\n"),
        ("c1==1 # why", "c1==1 # why"),
        ("a1 \\\n  --hash=c1\n", "a1 \\\n  --hash=c1\nc1\n"),
    ],
)
def test_requirements_keep_their_form(text: str, after: str) -> None:
    files = {"Dockerfile": "FROM x\nRUN pip install -r requirements.txt", "requirements.txt": text}
    assert add(files, PIP, "c1").files["requirements.txt"] == after


GOOD = {
    APT: ["g++", "libstdc++6", "python3.11", "libc6:arm64", "vim=2:9.0.1~rc1-1+b2"],
    CONDA: ["python=3.11", "numpy==1.26.*", "x>=1,<2", "conda-forge::x", "x=1.0=py311_0", "_x", "x!=1|>3"],
    PIP: ["x", "x.y-z_1", "x[a,b]>=1.0,<2", "x == 1.0", "x~=1.4", "git+https://h.example.com/x.git@v1#egg=x"],
}
BAD = {
    APT: ["", "a", "-y", "git; rm -rf /", "git&&x", "Git", "git-", "a$(x)", "a`x`", "git\nvim", "x=", "a" * 201],
    CONDA: ["-x", "x y", "x;y", "x'", 'x"', "$x", "x=", "::x", "x>", "x\\"],
    PIP: [
        "-r",
        "--index-url=x",
        "x;y",
        "x'",
        "http://x.example.com/y",
        "git+ssh://h/x",
        "https://a:b@h/x",
        "x @ y",
        "x[",
        "$x",
    ],
}


@pytest.mark.parametrize(("ecosystem", "package"), [(kind, name) for kind, names in GOOD.items() for name in names])
def test_names_are_taken(ecosystem: Ecosystem, package: str) -> None:
    assert add(FILES, ecosystem, package).added == (package,)


@pytest.mark.parametrize(
    ("ecosystem", "package"), [(kind, name) for kind, names in BAD.items() for name in names if name]
)
def test_what_is_no_name_is_refused(ecosystem: Ecosystem, package: str) -> None:
    with pytest.raises(PackageError) as refused:
        add_packages(FILES, ecosystem=ecosystem, packages=["good1", package])
    assert (refused.value.code, refused.value.value) == (f"{ecosystem}_name", package)


@pytest.mark.parametrize(
    ("files", "packages", "code"),
    [
        (FILES, [], "no_packages"),
        (FILES, ["", " "], "no_packages"),
        ({}, ["git"], "dockerfile_missing"),
        ({"Dockerfile": "# nothing"}, ["git"], "from_missing"),
    ],
)
def test_there_must_be_something_to_add_and_a_place_for_it(
    files: dict[str, str], packages: list[str], code: str
) -> None:
    with pytest.raises(PackageError) as refused:
        add_packages(files, ecosystem=APT, packages=packages)
    assert refused.value.code == code


names = st.from_regex(r"[a-z][a-z0-9]{1,5}", fullmatch=True)
lines = st.sampled_from(
    [
        "FROM x\n",
        "USER root\n",
        "USER me\n",
        "RUN apt-get install -y a1 \\\n  b1\n",
        "RUN apt-get install \\\n # c1 \\\n  b1 && y\n",
        "RUN conda install a1\n",
        "RUN pip install a1\n",
        "RUN pip install -r requirements.txt\n",
        "RUN <<EOF\napt-get install a1\nEOF\n",
        "# c1\n",
        "\n",
        "CMD z\n",
    ]
)


@given(st.lists(lines, max_size=8).map("".join), st.sampled_from(Ecosystem), st.lists(names, min_size=1, max_size=4))
def test_any_dockerfile_stays_one(text: str, ecosystem: Ecosystem, packages: list[str]) -> None:
    files = {"Dockerfile": "FROM a\n" + text}
    added = add(files, ecosystem, *packages)
    before, after = read(files["Dockerfile"]), read(added.files["Dockerfile"])
    assert len(after.stages) == len(before.stages)
    assert set(added.added) | set(added.present) == set(packages)
    codes = {hint.code for hint in find_hints(added.files, arguments={})}
    assert not codes & {"instruction_unknown", "empty_continuation", "requirement_unreadable"}


def test_what_an_application_begins_with() -> None:
    plain = starting_files(base_registry="docker.io", base_namespace="library", base_image="python")["Dockerfile"]
    assert plain.splitlines()[-1] == "FROM ${BASE_REGISTORY}/${BASE_NAMESPACE}/${BASE_IMAGE}:${BASE_TAG}"
    notebook = starting_files(base_registry="r.io", base_namespace="", base_image="jupyter-lab")["Dockerfile"]
    assert "FROM ${BASE_REGISTORY}/${BASE_IMAGE}:${BASE_TAG}" in notebook and "BASE_NAMESPACE" not in notebook
    assert notebook.index("USER root") < notebook.index("USER ${NB_UID}")


def test_nothing_is_added_to_what_not_everybody_reads_alike() -> None:
    with pytest.raises(PackageError) as refused:
        add_packages({"Dockerfile": "FROM a\n# \u2028b"}, ecosystem=Ecosystem.APT, packages=["git"])
    assert (refused.value.code, refused.value.value) == ("dockerfile_unreadable", "U+2028")


@pytest.mark.parametrize(
    ("there", "asked", "after"),
    [
        ("transformers==4.28.1", "transformers[torch]", "transformers[torch]==4.28.1"),
        ("transformers[torch] == 4.28.1", "transformers[torch]", "transformers[torch] == 4.28.1"),
        ("transformers[torch]==4.28.1", "transformers", "transformers[torch]==4.28.1"),
        ("transformers[torch]==4.28.1", "transformers==5.0", "transformers[torch]==5.0"),
        ("transformers[torch]==4.28.1", "transformers[onnx]==5.0", "transformers[torch,onnx]==5.0"),
        ("git+https://git.example.com/hub/peft.git@feat/x", "peft", "git+https://git.example.com/hub/peft.git@feat/x"),
        ("peft @ git+https://git.example.com/hub/x.git", "peft", "peft @ git+https://git.example.com/hub/x.git"),
        (
            "git+https://git.example.com/hub/x#a=b&egg=Peft[gpu]",
            "peft",
            "git+https://git.example.com/hub/x#a=b&egg=Peft[gpu]",
        ),
        ("git+https://git.example.com/hub/peft", "peft==0.4.0", "peft==0.4.0"),
        ("peft==0.4.0", "git+https://git.example.com/hub/peft", "git+https://git.example.com/hub/peft"),
        (
            "https://x.example.com/a/main.zip",
            "https://x.example.com/b/main.zip",
            "https://x.example.com/a/main.zip\nhttps://x.example.com/b/main.zip",
        ),
    ],
)
def test_extras_and_addresses_are_of_their_package(there: str, asked: str, after: str) -> None:
    files = {"Dockerfile": "FROM x:1\nCOPY requirements.txt /tmp/\nRUN pip install -r /tmp/requirements.txt\n"}
    added = add({**files, "requirements.txt": f"{there}\n"}, PIP, asked)
    assert added.files["requirements.txt"] == f"{after}\n"
    if "\n" not in after and "://" not in there + asked:
        in_step = add(f"FROM x:1\nRUN pip install '{there}'\n", PIP, asked).files["Dockerfile"]
        assert in_step == f"FROM x:1\nRUN pip install '{after}'\n"


def test_lines_end_as_they_did() -> None:
    text = "FROM x:1\r\nRUN apt-get update && \\\r\n    apt-get install \\\r\n    git\r\n"
    assert add(text, APT, "zip").files["Dockerfile"] == text.replace("    git", "    git \\\r\n    zip")
    files = {"Dockerfile": "FROM x:1\nRUN pip install -r requirements.txt\n", "requirements.txt": "a==1\r\n"}
    assert add(files, PIP, "b==1", "a==2").files["requirements.txt"] == "a==2\r\nb==1\r\n"
    mixed = "FROM x:1\r\nRUN apt-get install git\n"
    assert add(mixed, APT, "zip").files["Dockerfile"] == "FROM x:1\r\nRUN apt-get install git zip\n"


@pytest.mark.parametrize(
    ("image", "base", "as_root"),
    [
        ("quay.io/jupyter/scipy-notebook:1", "", True),
        ("$BASE_IMAGE", "quay.io/jupyter/minimal-notebook:1", True),
        ("python:3.12", "quay.io/jupyter/minimal-notebook:1", False),
        ("$BASE_IMAGE", "docker.io/library/python:3.12", False),
    ],
)
def test_images_that_somebody_runs_get_apt_packages_as_root(image: str, base: str, as_root: bool) -> None:
    text = f"FROM {image}\nCMD x\n"
    added = add_packages({"Dockerfile": text}, ecosystem=APT, packages=["git"], base=base).files["Dockerfile"]
    assert ("USER root\nRUN apt-get" in added) is as_root
    assert ("/var/lib/apt/lists/*\nUSER ${NB_UID}\n" in added) is as_root
