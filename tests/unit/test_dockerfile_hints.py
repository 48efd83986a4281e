"""Hints: each rule where it applies, and where it does not."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builds.dockerfiles import Hint, HintCode, Severity, find_hints
from builds.naming import base_reference, build_arguments
from tests.support.notebook_application import BASE, FILES

UPDATE = "apt-get update && apt-get install -y --no-install-recommends a1"
CLEAN = "rm -rf /var/lib/apt/lists/*"
TOKEN = "ghp_" + "a1B2" * 9


def codes(text: str | dict[str, str], **options: str) -> list[tuple[str, int]]:
    files = {"Dockerfile": f"FROM x:1\n{text}"} if isinstance(text, str) else text
    return [(hint.code, hint.line) for hint in find_hints(files, arguments=options, base="")]


# One row for each place that a rule is about; the line is that of the hint.
FOUND: list[tuple[HintCode, str, int]] = [
    ("add_instead_of_copy", "ADD <<EOF a /x/\nEOF", 2),
    ("add_url", "ADD https://x.example.com/y.tar /x/", 2),
    ("add_url", "ADD git@example.com:x.git /x/", 2),
    ("apt_cli", f"RUN apt-get update && apt install -y --no-install-recommends a1 && {CLEAN}", 2),
    ("apt_install_without_update", "RUN apt-get install -y --no-install-recommends a1", 2),
    ("apt_lists_kept", f"RUN {UPDATE} && apt-get clean", 2),
    ("apt_recommends", f"RUN apt-get update \\\n && apt-get install -y a1 && {CLEAN}", 3),
    ("apt_update_alone", "RUN apt-get update", 2),
    ("apt_update_alone", f"RUN apt update && {CLEAN}", 2),
    ("apt_yes_missing", f"RUN apt-get update && apt-get install --no-install-recommends a1 && {CLEAN}", 2),
    ("argument_missing", "RUN", 2),
    ("base_latest", "FROM y:latest", 2),
    ("base_untagged", "FROM y", 2),
    ("comment_swallows", "RUN a \\\n b # why \\\n c", 3),
    ("conda_cache", "RUN mamba install -y a1", 2),
    ("conda_yes_missing", "RUN conda install a1 && conda clean -afy", 2),
    ("copy_missing", "COPY nowhere /x", 2),
    ("copy_missing", 'COPY ["no where", "/x"]', 2),
    ("copy_missing", "ADD *.tar.gz /x/", 2),
    ("copy_missing", "COPY Dockerfile/x /x/", 2),
    ("character_odd", "RUN a\u2028", 2),
    ("empty_continuation", "RUN a \\\n\n b", 3),
    ("heredoc_open", "RUN <<EOF\na", 2),
    ("image_invalid", "FROM Upper:1", 2),
    ("instruction_repeated", "CMD a\nCMD b", 3),
    ("instruction_repeated", "ENTRYPOINT a\nENTRYPOINT b\nENTRYPOINT c", 4),
    ("instruction_unknown", "RUM a", 2),
    ("list_quotes", "CMD ['sh']", 2),
    ("list_quotes", 'RUN ["a" "b"]', 2),
    ("maintainer", "MAINTAINER me", 2),
    ("pip_cache", "RUN pip install a1==1", 2),
    ("pip_cache", "RUN uv pip install a1==1", 2),
    ("pip_unpinned", "RUN pip install --no-cache-dir \\\n a1 \\\n b1==1", 3),
    ("secret_in_argument", "ARG GIT_TOKEN", 2),
    ("secret_in_environment", "ENV A=1 DB_PASSWORD=hunter2", 2),
    ("secret_in_environment", "ENV DB_PASSWORD hunter 2", 2),
    ("secret_in_environment", 'ARG API_KEY="abcd"', 2),
    ("secret_in_environment", "ENV DB_PASSWORD=12345678", 2),
    ("secret_in_environment", "LABEL token=abcd1234", 2),
    ("secret_in_environment", "LABEL token abcd1234", 2),
    ("secret_in_environment", "RUN export A=1 \\\n  AWS_SECRET_ACCESS_KEY=abcd && make", 3),
    ("secret_in_environment", "RUN PIP_TOKEN=abcd make", 2),
    ("secret_in_environment", "RUN make --password=abcd", 2),
    ("secret_in_environment", "RUN make --db-password 'abcd'", 2),
    ("secret_in_environment", "RUN docker login -u me -p abcd r.example.com", 2),
    ("secret_in_environment", 'RUN curl -H "Authorization: Bearer abcd" https://x.example.com', 2),
    ("secret_in_text", f"# {TOKEN}", 2),
    ("secret_in_text", "# -----BEGIN OPENSSH PRIVATE KEY-----", 2),
    ("secret_in_url", "RUN pip install --no-cache-dir -i https://me:pass@x.example.com a1==1", 2),
    ("stage_repeated", "FROM x:1 AS a\nFROM x:1 AS A", 3),
    ("sudo", "RUN sudo make", 2),
    ("variable_form", "FROM ${A%b}", 2),
    ("variable_unknown", "FROM $A", 2),
    ("workdir_relative", "WORKDIR src", 2),
]
# Of other files, or of a Dockerfile as a whole.
FOUND_ELSEWHERE: list[tuple[HintCode, dict[str, str], int]] = [
    ("from_missing", {"Dockerfile": "# nothing"}, 0),
    ("instruction_before_from", {"Dockerfile": "ARG A\nRUN a\nFROM x:1"}, 2),
    ("syntax_foreign", {"Dockerfile": "# syntax=r.example.com/x\nFROM x:1"}, 1),
    ("requirement_unreadable", {"requirements.txt": "a==1\n==1"}, 2),
    ("requirement_unreadable", {"requirements.txt": "a b"}, 1),
    ("requirements_index_repeated", {"requirements.txt": "-i https://a/\nb==1\n--index-url https://c/"}, 3),
    (
        "requirements_option_glued",
        {"dev-requirements.txt": "--index-url https://x.example.com/whl/cu118torch==1.12"},
        1,
    ),
    ("requirements_unpinned", {"a/requirements.in": "# why\nnumpy>=1"}, 2),
    ("secret_in_text", {"start.sh": f"\nexport X={TOKEN}"}, 2),
    ("secret_in_environment", {"conf/.env": "A=1\nexport DB_PASSWORD='abcd'"}, 2),
    ("secret_in_url", {"requirements.txt": "--extra-index-url=https://a:b@x.example.com/simple"}, 1),
    ("too_large", {"Dockerfile": "FROM x:1\n" + "#" * 200_000}, 0),
]


@pytest.mark.parametrize(("code", "text", "line"), FOUND)
def test_rules_apply(code: HintCode, text: str, line: int) -> None:
    found = codes(text)
    assert (code, line) in found
    assert [item for item, _ in found].count(code) == 1


@pytest.mark.parametrize(("code", "files", "line"), FOUND_ELSEWHERE)
def test_rules_apply_to_files(code: HintCode, files: dict[str, str], line: int) -> None:
    assert (code, line) in codes(files)


def test_each_rule_is_tried() -> None:
    tried = {code for code, *_ in (*FOUND, *FOUND_ELSEWHERE)} | {"base_ignored"}
    assert tried == set(get_args(HintCode))


@pytest.mark.parametrize(
    "text",
    [
        f"RUN {UPDATE} && apt-get clean && {CLEAN}",
        f"RUN {UPDATE.replace('-y', '-qq')} && {CLEAN}",
        f"RUN {UPDATE.replace('-y', '-yq')} && rm -r /var/lib/apt/lists/",
        f"RUN <<EOF\n{UPDATE.replace(' && ', chr(10))}\n{CLEAN}\nEOF",
        f"RUN --mount=type=cache,target=/var/lib/apt --mount=type=cache,target=/var/cache/apt {UPDATE}",
        f"RUN apt-get update && apt-get upgrade -y && {CLEAN}",
        f"RUN apt-get update && apt-get install -y -o APT::Install-Recommends=0 a1 && {CLEAN}",
        "RUN mamba install --yes 'a1' && mamba clean -afy",
        "RUN --mount=type=cache,target=/opt/conda/pkgs conda install -y a1",
        "RUN pip install --no-cache-dir a1==1 ./b c.whl git+https://x.example.com/y $Z",
        "ENV PIP_NO_CACHE_DIR=1\nRUN pip install a1==1",
        "RUN --mount=type=cache,target=/var/cache/pip pip install a1==1",
        "RUN uv pip install --no-cache a1==1",
        "RUN pip download a1",
        "COPY Dockerfile ./Dockerfile /x/\nCOPY . /x\nCOPY / /x\nCOPY Docker* /x/",
        "COPY a /x\nCOPY a/b/ /x\nCOPY */b/c.txt /x",
        "COPY --from=0 nowhere /x\nCOPY $A /x\nCOPY ../x /x\nCOPY <<EOF /x\nEOF\nCOPY [x /x",
        "ADD x.tar.gz /x/",
        "ENV MAX_TOKEN=4096",
        "LABEL token",
        'RUN export TOKEN=$(cat /run/secrets/token) KEY="$A" && A_TOKEN=`x` make --password "$P" --token=$T --keep',
        "RUN docker login -u me --password-stdin r.example.com && make --token-file x --secret /run/x --token",
        'RUN curl -H "Authorization: Bearer $T" -p 80 https://x.example.com && mkdir -p password',
        "ENV TOKENIZERS_PARALLELISM=false SECRET_FILE=/run/secrets/x API_KEY=$A PASSWORD=\nENV MONKEY=1",
        "RUN git clone https://me:$TOKEN@x.example.com/y https://x.example.com:443/@z",
        'WORKDIR /x\nWORKDIR $HOME\nWORKDIR "/x"',
        'CMD ["sh"]\nFROM x:1\nCMD ["sh"]\nRUN [ -f x ] && y\nRUN [\'x',
        "FROM x@sha256:" + "0" * 64,
        "FROM x:1 AS a\nFROM a AS b\nFROM scratch",
        "RUN a \\\n  # why \\\n  b # why",
        "ONBUILD RUN x",
    ],
)
def test_rules_do_not_apply(text: str) -> None:
    files = {"Dockerfile": f"FROM x:1\n{text}", "a/b/c.txt": "", "x.tar.gz": ""}
    assert codes(files) == []


@pytest.mark.parametrize(
    "text",
    ["a==1 # why", "-r other.txt", "a @ https://x.example.com/y.whl", "./a", "a[b]==1", "a==1 \\\n --hash=x", "b.whl"],
)
def test_requirements_may_be_written_in_many_ways(text: str) -> None:
    assert codes({"requirements.txt": text}) == []


def test_a_usual_application_needs_no_hints() -> None:
    assert find_hints(FILES, arguments=build_arguments(**BASE), base=base_reference(**BASE)) == []


def test_the_base_is_to_be_used() -> None:
    arguments = build_arguments(**BASE)
    found = find_hints({"Dockerfile": "FROM x:1"}, arguments=arguments, base=base_reference(**BASE))
    assert [(hint.code, hint.line, hint.severity) for hint in found] == [("base_ignored", 1, Severity.WARNING)]
    assert found[0].params == {"image": base_reference(**BASE)}


def test_severities() -> None:
    texts = ["RUM a", "FROM y", "RUN sudo a"]
    kinds = [find_hints({"Dockerfile": f"FROM x:1\n{text}"}, arguments={})[0].severity for text in texts]
    assert kinds == [Severity.ERROR, Severity.WARNING, Severity.INFO]


def test_no_hint_repeats_a_secret() -> None:
    text = f"FROM x:1\nENV A_TOKEN={TOKEN}\nRUN pip install {TOKEN} -i https://a:{TOKEN}@x.example.com"
    hints = [hint for hint in find_hints({"Dockerfile": text}, arguments={}) if hint.code.startswith("secret_")]
    assert len(hints) == 4
    assert TOKEN not in repr(hints)


def test_there_are_not_more_hints_than_anybody_reads() -> None:
    assert len(find_hints({"Dockerfile": "FROM x:1\n" + "RUM\n" * 1000, "a": f"{TOKEN}\n" * 300}, arguments={})) == 200


def test_hints_come_by_file_and_line() -> None:
    found = find_hints({"a.txt": TOKEN, "Dockerfile": f"FROM y\n# {TOKEN}"}, arguments={})
    assert [(hint.path, hint.line) for hint in found] == [("Dockerfile", 1), ("Dockerfile", 2), ("a.txt", 1)]
    assert Hint("sudo").severity is Severity.INFO


@given(st.lists(st.sampled_from(FOUND), max_size=5), st.text(max_size=20))
def test_any_text_has_its_hints(rows: list[tuple[HintCode, str, int]], text: str) -> None:
    whole = "FROM x:1\n" + "\n".join(row[1] for row in rows) + "\n" + text
    count = whole.count("\n") + 1
    assert all(
        0 <= hint.line <= count for hint in find_hints({"Dockerfile": whole, "requirements.txt": text}, arguments={})
    )
