"""Excel on the page of the product specs, and what holds for every kind of sheet."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from imagelib.spa.sheets import KINDS as SHEETS
from instances.models import ProductSpec
from tests.api import make
from tests.api.gva_client import done, log_in, refused
from tests.api.gva_kinds import IMAGES, NODES, SPECS, Kind
from tests.api.sheets import exported, import_rows, import_sheet, imported, template
from tests.support.workbooks import as_excel_saves_it, file_of, rows_in

TEMPLATE = "product_ProductSpec"
TEMPLATES = {"imageregistry_ImageRegistry": IMAGES, "computenode_ComputeNode": NODES, TEMPLATE: SPECS}


@pytest.fixture
def spa(operator: Any) -> APIClient:
    return log_in("olga")


def test_every_kind_is_tested_here() -> None:
    assert SHEETS.keys() == TEMPLATES.keys() | {"instance_Instance"}  # which creates nothing


@pytest.mark.parametrize(("template_id", "kind"), TEMPLATES.items())
class TestEveryKind:
    def test_there_is_a_column_for_every_field_of_the_form(self, template_id: str, kind: Kind) -> None:
        assert [column.key for column in SHEETS[template_id].columns] == list(kind.form)

    @pytest.mark.parametrize("language", ["en", None])
    def test_the_template_explains_every_column(
        self, spa: APIClient, template_id: str, kind: Kind, language: str | None
    ) -> None:
        file = template(log_in("olga", language=language), template_id)
        header, explained = rows_in(file), rows_in(file, 1)
        assert len(header) == 1 and [row[0] for row in explained[1:]] == header[0]
        assert len(set(header[0])) == len(kind.form)
        assert all(row[1] for row in explained)
        required = "Required." if language else "必填。"
        needed = [row[0] for row in explained if row[1].startswith(required)]
        assert len(needed) == len(kind.minimal())
        refused(spa.post(*import_sheet(template_id, file)))

    def test_what_the_form_created_imports_again_without_change_in_any_language(
        self, spa: APIClient, template_id: str, kind: Kind
    ) -> None:
        done(spa.post(kind.create, kind.form))
        before = str(list(kind.model.objects.values()))
        for language in ("en", None):
            file = exported(log_in("olga", language=language), template_id)
            for sheet in (file, as_excel_saves_it(file)):
                assert imported(spa, template_id, sheet) == {"created": 0, "changed": 0, "unchanged": 1}
        assert str(list(kind.model.objects.values())) == before

    def test_what_was_deleted_comes_back_as_it_was(self, spa: APIClient, template_id: str, kind: Kind) -> None:
        done(spa.post(kind.create, kind.form))
        before, file = done(spa.get(kind.list))["list"][0], exported(spa, template_id)
        kind.model.objects.all().delete()
        assert imported(spa, template_id, file)["created"] == 1
        after = done(spa.get(kind.list))["list"][0]
        own = {"ID", "CreatedAt", "UpdatedAt", "password", "dockerStatus"}
        assert {key: value for key, value in after.items() if key not in own} == {
            key: value for key, value in before.items() if key not in own
        }
        assert after.get("password", "") == "", "an export holds no secret"

    def test_two_rows_of_the_same_record_are_refused(self, spa: APIClient, template_id: str, kind: Kind) -> None:
        done(spa.post(kind.create, kind.form))
        header, row = rows_in(exported(spa, template_id))
        before = str(list(kind.model.objects.values()))
        twice = [*row]
        twice[0] = f" {row[0]} "
        text = refused(spa.post(*import_sheet(template_id, file_of([header, row, twice]))))
        assert "row 3, " in text and "the same as in row 2" in text
        assert str(list(kind.model.objects.values())) == before

    def test_queries_do_not_grow_with_unchanged_rows(
        self, spa: APIClient, template_id: str, kind: Kind, django_assert_max_num_queries: Any
    ) -> None:
        for _row in range(30):
            kind.make()
        file = exported(spa, template_id)
        with django_assert_max_num_queries(8):
            assert imported(spa, template_id, file)["unchanged"] == 30


def test_prices_come_back_exactly(spa: APIClient) -> None:
    prices = ["0.1", "0.0001", "999999.9999", "12.5", "0"]
    for number, price in enumerate(prices):
        make.spec(name=f"s{number}", price_per_hour=Decimal(price))
    file = exported(spa, TEMPLATE)
    for sheet in (file, as_excel_saves_it(file)):
        assert imported(spa, TEMPLATE, sheet)["unchanged"] == 5
    ProductSpec.objects.all().delete()
    assert imported(spa, TEMPLATE, file)["created"] == 5
    found = ProductSpec.objects.order_by("name").values_list("price_per_hour", flat=True)
    assert list(found) == [Decimal(price) for price in prices]


def test_rules_of_a_spec_are_told_by_row_and_column(spa: APIClient) -> None:
    header = rows_in(template(spa, TEMPLATE))[0]

    def row(**cells: Any) -> list[Any]:
        return [cells.get(name.replace(" ", "_").split("_(")[0]) for name in header]

    good = {"GPU_model": "A100", "GPU_count": 1}
    rows = [
        row(Name="a", GPU_count=1),
        row(Name="b", Price_per_hour="1,5", **good),
        row(Name="c", Price_per_hour=-1, **good),
        row(Name="d", Price_per_hour=0.00001, **good),
        row(Name="e", **good),
    ]
    text = refused(spa.post(*import_sheet(TEMPLATE, file_of([header, *rows]))))
    assert "row 3, Price per hour: " in text and "row 4, Price per hour: " in text and "row 5, Price per hour: " in text
    text = refused(spa.post(*import_sheet(TEMPLATE, file_of([header, rows[0], rows[4]]))))
    assert "row 2, GPU model: Name the GPU model" in text
    assert not ProductSpec.objects.exists()
    assert import_rows(spa, TEMPLATE, header, rows[4])["created"] == 1


def test_ordinary_users_export_the_listed_specs(user: Any) -> None:
    make.spec(name="shown"), make.spec(name="hidden", is_listed=False)
    assert [row[0] for row in rows_in(exported(log_in("ulrich"), TEMPLATE))] == ["Name", "shown"]
