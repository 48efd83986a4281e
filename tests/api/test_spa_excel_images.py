"""The three Excel buttons on the page of the image library."""

from __future__ import annotations

import random
import string
from io import BytesIO
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.test import override_settings
from rest_framework.test import APIClient

from imagelib.models import ImageRegistry, RegistryEndpoint
from tests.api import make
from tests.api.gva_client import done, log_in, refused
from tests.api.sheets import exported, import_rows, import_sheet, imported, template
from tests.support.workbooks import as_excel_saves_it, file_of, rows_in

IMAGES = "imageregistry_ImageRegistry"
HEADER = ["Name", "Image address", "Description", "Source", "Listed", "Supports GPU memory slices", "Remark"]
_PART = b'--x\r\nContent-Disposition: form-data; name="file'
ROW = ["new", "nginx:1.27", "d", "s", "no", "yes", "r"]


@pytest.fixture
def spa(operator: Any) -> APIClient:
    return log_in("olga")


@pytest.fixture
def spa_user(user: Any) -> APIClient:
    return log_in("ulrich")


def stored() -> list[tuple[Any, ...]]:
    columns = ("name", "address", "description", "source", "is_listed", "supports_vgpu", "remark")
    return list(ImageRegistry.objects.order_by("pk").values_list(*columns))


def logged() -> list[str]:
    """What the audit log says that the operator changed."""
    return list(LogEntry.objects.filter(actor__username="olga").order_by("pk").values_list("object_repr", flat=True))


def test_an_export_shows_what_the_page_shows(spa: APIClient) -> None:
    make.image(name="first", address="nginx:1", description="d", source="s", remark="=1+1", is_listed=False)
    make.image(name="second", address="nginx:2", supports_vgpu=True)
    assert rows_in(exported(spa, IMAGES)) == [
        HEADER,
        ["second", "nginx:2", None, None, "yes", "yes", None],
        ["first", "nginx:1", "d", "s", "no", "no", "'=1+1"],
    ]


def test_ordinary_users_export_the_listed_rows(spa_user: APIClient) -> None:
    make.image(name="shown"), make.image(name="hidden", is_listed=False)
    assert [row[0] for row in rows_in(exported(spa_user, IMAGES))] == ["Name", "shown"]


def test_headers_and_flags_are_chinese_unless_asked_otherwise(operator: Any) -> None:
    make.image(name="x")
    chinese = log_in("olga", language=None)
    rows = rows_in(exported(chinese, IMAGES))
    assert rows[0] == ["名称", "镜像地址", "描述", "来源", "上架", "支持显存切分", "备注"]
    assert rows[1][4:6] == ["是", "否"]
    assert imported(log_in("olga"), IMAGES, file_of(rows)) == {"created": 0, "changed": 0, "unchanged": 1}


@pytest.mark.parametrize("resaved", [False, True])
def test_an_exported_sheet_imports_again_without_change(spa: APIClient, resaved: bool) -> None:
    make.image(name="=HYPERLINK(1)", address="nginx:1.10", description="012", source="-", remark="@a\n b\x01")
    make.image(name="'=x", address="registry.example.com:5000/a/b:v1", is_listed=False, supports_vgpu=True)
    before = list(ImageRegistry.objects.order_by("pk").values())
    file = exported(spa, IMAGES)
    counts = imported(spa, IMAGES, as_excel_saves_it(file) if resaved else file)
    assert counts == {"created": 0, "changed": 0, "unchanged": 2}
    assert list(ImageRegistry.objects.order_by("pk").values()) == before
    assert logged() == []


def test_an_exported_sheet_restores_what_was_deleted(spa: APIClient) -> None:
    make.image(name="-1", address="nginx:1.10", description="012", is_listed=False, supports_vgpu=True)
    file, before = exported(spa, IMAGES), stored()
    ImageRegistry.objects.all().delete()
    assert imported(spa, IMAGES, file) == {"created": 1, "changed": 0, "unchanged": 0}
    assert stored() == before


def test_rows_are_created_changed_and_left_alone(spa: APIClient) -> None:
    old = make.image(name="old", address="nginx:1", remark="before")
    same = make.image(name="old", address="nginx:2", remark="same")
    rows = [
        ["old", "nginx:1", "", "", "no", "", "after"],
        ["old", "nginx:2", "", "", "yes", "no", "same"],
        ROW,
    ]
    text = spa.post(*import_sheet(IMAGES, file_of([HEADER, *rows]))).json()["msg"]
    assert text == "Imported: 1 created, 1 changed, 1 unchanged."
    assert stored() == [
        ("old", "nginx:1", "", "", False, False, "after"),
        ("old", "nginx:2", "", "", True, False, "same"),
        ("new", "nginx:1.27", "d", "s", False, True, "r"),
    ]
    unchanged, changed = ImageRegistry.objects.get(pk=same.pk), ImageRegistry.objects.get(pk=old.pk)
    assert unchanged.updated_at == same.updated_at and changed.updated_at > old.updated_at
    assert logged() == ["old", "new"]


def test_empty_cells_mean_defaults_for_new_rows_and_empty_texts_for_known_ones(spa: APIClient) -> None:
    make.image(name="old", address="nginx:1", remark="before", is_listed=False, supports_vgpu=True)
    rows = [["old", "nginx:1", None, None, None, None, None], ["new", "nginx:1", None, None, None, None, None]]
    assert import_rows(spa, IMAGES, HEADER, *rows) == {"created": 1, "changed": 1, "unchanged": 0}
    assert stored() == [
        ("old", "nginx:1", "", "", False, True, ""),
        ("new", "nginx:1", "", "", True, False, ""),
    ]


def test_credentials_in_an_address_move_to_a_registry_endpoint(spa: APIClient) -> None:
    make.image(name="app", address="r.example.com/app:v1")
    row = ["app", "robot:s3cret@r.example.com/app:v1", "", "", "yes", "no", ""]
    assert import_rows(spa, IMAGES, HEADER, row)["created"] == 0
    assert ImageRegistry.objects.get().address == "r.example.com/app:v1"
    assert RegistryEndpoint.objects.get().password.reveal() == "s3cret"
    assert b"s3cret" not in exported(spa, IMAGES).getvalue()


def test_faults_name_row_column_and_rule_and_nothing_is_stored(spa: APIClient) -> None:
    make.image(name="old", address="nginx:1", remark="before")
    rows = [
        ["old", "nginx:1", "", "", "", "", "after"],
        ROW,
        ["", "nginx", "", "", "", "", ""],
        ["a", "UPPER/Case", "", "", "", "", ""],
        ["a", "nginx", "x" * 1001, "", "maybe", "", ""],
        ["a", "=1+1", "", "", "", "", ""],
        ["new", "nginx:1.27", "", "", "", "", ""],
    ]
    before = stored()
    text = refused(spa.post(*import_sheet(IMAGES, file_of([HEADER, *rows]))))
    assert text.startswith("Import failed: Nothing was imported. ")
    assert "row 4, Name: " in text
    assert "row 6, Listed: Give yes or no." in text
    assert "row 7, Image address: Formulas" in text
    assert "row 8, Name + Image address: the same as in row 3" in text
    assert stored() == before


def test_what_only_the_service_knows_is_told_by_row_too(spa: APIClient) -> None:
    make.image(name="old", address="nginx:1", remark="before")
    rows = [
        ["old", "nginx:1", "", "", "", "", "after"],
        ROW,
        ["a", "UPPER/Case", "", "", "", "", ""],
        ["b", "https://nginx", "", "", "", "", ""],
    ]
    before = stored()
    text = refused(spa.post(*import_sheet(IMAGES, file_of([HEADER, *rows]))))
    assert "row 4, Image address: " in text and "row 5, Image address: " in text
    assert stored() == before and logged() == []


def test_the_first_faults_are_told_and_the_others_counted(spa: APIClient) -> None:
    rows = [[f"{number}", "nginx", "", "", "", "", ""] for number in range(53)]
    text = refused(spa.post(*import_sheet(IMAGES, file_of([HEADER, *rows, *rows]))))
    assert text.count("the same as in row") == 20 and "row 74, " in text and "row 75" not in text
    assert text.endswith("and 33 more faults")


def test_rows_with_the_same_fault_are_told_together(spa: APIClient) -> None:
    rows = [["", f"nginx:{number}", "", "", "", "", ""] for number in range(53)]
    text = refused(spa.post(*import_sheet(IMAGES, file_of([HEADER, *rows, ROW, ["", "nginx:0", "", "", "", "", ""]]))))
    assert text.count("Name: ") == 1 and "rows 2–54, 56, Name: " in text


def test_faults_are_told_in_chinese(operator: Any) -> None:
    chinese = log_in("olga", language=None)
    text = refused(chinese.post(*import_sheet(IMAGES, file_of([HEADER, ["", "nginx", "", "", "也许", "", ""]]))))
    assert text == "导入失败:没有导入任何内容。第 2 行，上架：请填写“是”或“否”。"
    nameless = [HEADER, ["", "nginx", "", "", "", "", ""], ["", "nginx", "", "", "", "", ""]]
    text = refused(chinese.post(*import_sheet(IMAGES, file_of(nameless))))
    assert text.startswith("导入失败:没有导入任何内容。第 2–3 行，名称："), "not that one is the same as the other"
    assert "公式" in refused(chinese.post(*import_sheet(IMAGES, file_of([HEADER, ["=1", "", "", "", "", "", ""]]))))


def test_the_untouched_template_imports_nothing(spa: APIClient) -> None:
    file = template(spa, IMAGES)
    assert rows_in(file)[0] == HEADER and rows_in(file, 1)[1][:2] == ["Name", "Required. At most 255 characters."]
    assert "no rows" in refused(spa.post(*import_sheet(IMAGES, file)))


def test_a_sheet_that_is_too_long_to_come_back_is_not_exported(spa: APIClient) -> None:
    ImageRegistry.objects.bulk_create(ImageRegistry(name=f"{n}", address="nginx") for n in range(10_001))
    text = refused(spa.get(f"/sysExportTemplate/exportExcel?templateID={IMAGES}"))
    assert "10001" in text and "10000" in text


def test_queries_do_not_grow_with_unchanged_rows(spa: APIClient, django_assert_max_num_queries: Any) -> None:
    for _row in range(60):
        make.image()
    file = exported(spa, IMAGES)
    with django_assert_max_num_queries(8):
        assert imported(spa, IMAGES, file)["unchanged"] == 60


class TestFiles:
    @pytest.mark.parametrize("content", [b"", b"a,b\n", b"PK\x03\x04", b"<html>", b"\0" * 5_500_000])
    def test_what_is_no_workbook_is_refused(self, spa: APIClient, content: bytes) -> None:
        refused(spa.post(*import_sheet(IMAGES, BytesIO(content))))

    def test_a_body_that_is_too_long_is_refused(self, spa: APIClient) -> None:
        with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=500):
            assert "at most 5 MB" in refused(spa.post(*import_sheet(IMAGES, file_of([HEADER, ROW]))))
        assert not ImageRegistry.objects.exists()

    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            (b"", "multipart/form-data; boundary=x"),
            (b"garbage", "multipart/form-data; boundary=x"),
            (b"garbage", "multipart/form-data"),
            (b"garbage", "multipart/form-data; boundary=" + "x" * 300),
            (b"{}", "application/json"),
            (b"file=x", "application/x-www-form-urlencoded"),
            (b"", ""),
            (b"PK", "application/octet-stream"),
            (_PART + b'"\r\n\r\ntext\r\n--x--\r\n', "multipart/form-data; boundary=x"),
            (_PART + b'"; filename="a.xlsx"\r\n', "multipart/form-data; boundary=x"),
        ],
    )
    def test_bodies_of_other_kinds_are_refused(self, spa: APIClient, body: bytes, kind: str) -> None:
        refused(spa.generic("POST", f"/sysExportTemplate/importExcel?templateID={IMAGES}", body, content_type=kind))

    def test_one_file_at_a_time(self, spa: APIClient) -> None:
        url = f"/sysExportTemplate/importExcel?templateID={IMAGES}"
        two = {"file": [file_of([HEADER, ROW]), file_of([HEADER, ROW])]}
        assert "one file" in refused(spa.post(url, two, format="multipart"))
        assert "one file" in refused(spa.post(url, {"other": file_of([HEADER, ROW])}, format="multipart"))
        assert not ImageRegistry.objects.exists()

    def test_no_other_route_takes_forms(self, spa: APIClient) -> None:
        refused(spa.post("/imageRegistry/createImageRegistry", {"name": "a", "address": "nginx"}, format="multipart"))
        assert not ImageRegistry.objects.exists()


@pytest.mark.parametrize("template_id", ["", "x", "instance", "%00", "imageregistry_ImageRegistry,x"])
def test_unknown_templates_are_refused_by_name(spa: APIClient, template_id: str) -> None:
    for route in ("exportTemplate", "exportExcel"):
        assert "templateID" in refused(spa.get(f"/sysExportTemplate/{route}?templateID={template_id}"))
    assert "templateID" in refused(spa.post(*import_sheet(template_id, file_of([HEADER, ROW]))))


@pytest.mark.parametrize("prefix", ["", "/api"])
def test_unknown_routes_and_wrong_methods_are_envelopes(spa: APIClient, prefix: str) -> None:
    at = f"{prefix}/sysExportTemplate"
    for path in ("", "/", "/x", "/exportExcel/"):
        refused(spa.get(f"{at}{path}"), 404)
    for path in ("exportTemplate", "exportExcel", "exportTemplateByToken", "exportExcelByToken"):
        refused(spa.post(f"{at}/{path}"), 405)
    refused(spa.get(f"{at}/importExcel"), 405)


def test_ordinary_users_import_nothing(spa_user: APIClient) -> None:
    text = refused(spa_user.post(*import_sheet(IMAGES, file_of([HEADER, ROW]))))
    assert text == "Insufficient permissions" and not ImageRegistry.objects.exists()


def test_a_created_row_answers_like_one_of_the_page(spa: APIClient) -> None:
    import_rows(spa, IMAGES, HEADER, ROW)
    row = done(spa.get("/imageRegistry/getImageRegistryList"))["list"][0]
    assert (row["name"], row["isOnShelf"], row["supportMemorySplit"]) == ("new", False, True)


def test_an_export_that_could_not_be_imported_again_is_refused_on_the_page(spa: APIClient) -> None:
    rows = (
        ImageRegistry(name=f"n{n}", address=f"r.example.com/x:{n}", description=noise(1000), remark=noise(1000))
        for n in range(4000)
    )
    ImageRegistry.objects.bulk_create(rows)
    assert "5 MB" in refused(spa.get(f"/sysExportTemplate/exportExcel?templateID={IMAGES}"))


def noise(length: int) -> str:
    """Text that does not compress."""
    return "".join(random.choices(string.ascii_letters + string.digits, k=length))
