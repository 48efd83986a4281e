"""Excel on the page of the instances: an export for everybody, and remarks that come back."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from instances.models import Instance, Observed, Operation
from tests.api import make
from tests.api.gva_client import log_in, refused
from tests.api.sheets import exported, import_rows, import_sheet, imported, template
from tests.support.workbooks import as_excel_saves_it, file_of, rows_in

TEMPLATE = "instance_Instance"
HEADER = ["Name", "User", "Image", "Product spec", "Compute node", "State", "Container", "Remark"]


@pytest.fixture
def spa(operator: User) -> APIClient:
    return log_in("olga")


@pytest.fixture
def row(user: User) -> Instance:
    made_of = {"image": make.image(name="pytorch"), "spec": make.spec(name="s"), "node": make.node(name="n")}
    return make.instance(by=user, name="train", container_name="i7-train", remark="r", **made_of)


CELLS = ["train", "ulrich", "pytorch", "s", "n", "running", "i7-train", "r"]


def test_an_export_has_the_columns_of_the_page(spa: APIClient, row: Instance) -> None:
    assert rows_in(exported(spa, TEMPLATE)) == [HEADER, CELLS]
    assert rows_in(exported(log_in("olga", language=None), TEMPLATE))[0] == [
        "名称", "用户", "镜像", "产品规格", "算力节点", "状态", "容器", "备注",
    ]  # fmt: skip


def test_users_export_their_own(user: User, other: User, row: Instance) -> None:
    make.instance(by=other, name="precious")
    assert [cells[0] for cells in rows_in(exported(log_in("ulrich"), TEMPLATE))] == ["Name", "train"]
    assert [cells[0] for cells in rows_in(exported(log_in("otto"), TEMPLATE))] == ["Name", "precious"]


@pytest.mark.parametrize("language", ["en", None])
def test_the_template_says_what_can_be_done(operator: User, language: str | None) -> None:
    spa = log_in("olga", language=language)
    file = template(spa, TEMPLATE)
    header, explained = rows_in(file), rows_in(file, 1)
    assert len(header) == 1 and [cells[0] for cells in explained[1:]] == header[0]
    rules = [cells[1] for cells in explained[1:]]
    words = ("Required.", "Never changes", "Shown only") if language else ("必填。", "不可修改", "仅供查看")
    assert [sum(rule.startswith(word) for rule in rules) for word in words] == [2, 3, 2]
    refused(spa.post(*import_sheet(TEMPLATE, file)))


def test_an_export_comes_back_without_change_in_any_language(spa: APIClient, row: Instance) -> None:
    before = Instance.objects.values().get()
    for language in ("en", None):
        file = exported(log_in("olga", language=language), TEMPLATE)
        for sheet in (file, as_excel_saves_it(file)):
            assert imported(spa, TEMPLATE, sheet) == {"created": 0, "changed": 0, "unchanged": 1}
    assert Instance.objects.values().get() == before


def test_only_the_remark_changes(spa: APIClient, row: Instance) -> None:
    before = Instance.objects.values().get()
    assert import_rows(spa, TEMPLATE, HEADER, [*CELLS[:-1], "for team A"])["changed"] == 1
    after = Instance.objects.values().get()
    assert {key for key in after if after[key] != before[key]} == {"remark", "updated_at", "version"}
    assert after["remark"] == "for team A"
    assert import_rows(spa, TEMPLATE, HEADER, [*CELLS[:-1], None])["changed"] == 1
    assert Instance.objects.get().remark == ""


def test_what_changed_by_itself_since_the_export_is_no_fault(spa: APIClient, row: Instance) -> None:
    file = exported(spa, TEMPLATE)
    Instance.objects.update(observed=Observed.EXITED, container_name="i8")
    assert imported(spa, TEMPLATE, file)["unchanged"] == 1
    row.refresh_from_db()
    assert (row.observed, row.container_name) == (Observed.EXITED, "i8") and not Operation.objects.exists()


@pytest.mark.parametrize(("at", "header"), [(2, "Image"), (3, "Product spec"), (4, "Compute node")])
def test_what_was_decided_is_not_changed(spa: APIClient, row: Instance, at: int, header: str) -> None:
    cells: list[Any] = [*CELLS[:-1], "new"]
    cells[at] = "other"
    told = refused(spa.post(*import_sheet(TEMPLATE, file_of([HEADER, cells]))))
    assert f"row 2, {header}: This cannot be changed." in told
    assert Instance.objects.get().remark == "r"


@pytest.mark.parametrize("unknown", [{0: "other"}, {1: "otto"}, {0: "new", 2: None, 3: None, 4: None}])
def test_unknown_rows_are_refused_and_nothing_is_stored(
    spa: APIClient, row: Instance, other: User, unknown: dict[int, Any]
) -> None:
    cells = [unknown.get(place, cell) for place, cell in enumerate(CELLS)]
    rows = [HEADER, [*CELLS[:-1], "new"], cells]
    told = refused(spa.post(*import_sheet(TEMPLATE, file_of(rows))))
    assert "row 3" in told and "This user has no such instance." in told and "created on their page" in told
    assert Instance.objects.get().remark == "r"


def test_the_same_name_of_two_users_is_two_rows(spa: APIClient, row: Instance, other: User) -> None:
    make.instance(by=other, name="train", image=row.image, spec=row.spec, node=row.node, container_name="x")
    rows = [[*CELLS[:-1], "a"], ["train", "otto", *CELLS[2:-1], "b"]]
    assert import_rows(spa, TEMPLATE, HEADER, *rows)["changed"] == 2
    assert dict(Instance.objects.values_list("user__username", "remark")) == {"ulrich": "a", "otto": "b"}
    told = refused(spa.post(*import_sheet(TEMPLATE, file_of([HEADER, rows[0], rows[0]]))))
    assert "row 3, Name + User: the same as in row 2" in told


def test_wrong_remarks_are_named(spa: APIClient, row: Instance) -> None:
    told = refused(spa.post(*import_sheet(TEMPLATE, file_of([HEADER, [*CELLS[:-1], "x" * 1001]]))))
    assert "row 2, Remark: " in told


def test_operators_import(user: User, row: Instance) -> None:
    told = refused(log_in("ulrich").post(*import_sheet(TEMPLATE, file_of([HEADER, [*CELLS[:-1], "x"]]))))
    assert told == "Insufficient permissions"


def test_queries_do_not_grow_with_unchanged_rows(
    spa: APIClient, user: User, django_assert_max_num_queries: Any
) -> None:
    for _row in range(30):
        make.instance(by=user)
    file = exported(spa, TEMPLATE)
    with django_assert_max_num_queries(8):
        assert imported(spa, TEMPLATE, file)["unchanged"] == 30
