"""Sheets that meet other people's changes: every row once, all rows or none, and an answer in words."""

from __future__ import annotations

from io import BytesIO
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from imagelib.models import ImageRegistry
from tests.api import make
from tests.api.gva_client import envelope, log_in, refused
from tests.api.sheets import exported, import_sheet
from tests.support.workbooks import file_of, rows_in

IMAGES = "imageregistry_ImageRegistry"
HEADER = ["Name", "Image address", "Description", "Source", "Listed", "Supports GPU memory slices", "Remark"]


@pytest.fixture
def spa(operator: Any) -> APIClient:
    return log_in("olga")


@pytest.mark.django_db(transaction=True)
def test_the_same_sheet_imported_at_the_same_moment_creates_every_row_once(spa: APIClient) -> None:
    rows = [[f"image {number}", "nginx:1", "", "", "", "", ""] for number in range(30)]
    content, start, answers = file_of([HEADER, *rows]).getvalue(), Barrier(3), []

    def press() -> None:
        start.wait()
        answers.append(envelope(spa.post(*import_sheet(IMAGES, BytesIO(content)))))
        connection.close()

    threads = [Thread(target=press) for _thread in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ImageRegistry.objects.values_list("name", flat=True)) == sorted(row[0] for row in rows)
    assert sum(answer["data"].get("created", 0) for answer in answers if answer["code"] == 0) == 30
    assert all("already" in answer["msg"] for answer in answers if answer["code"] == 7)


def test_a_record_that_is_deleted_meanwhile_is_told(spa: APIClient) -> None:
    make.image(name="stays", remark="before"), make.image(name="goes", remark="before")
    file = exported(spa, IMAGES)
    rows = [[*row[:6], "after"] for row in rows_in(file)[1:]]
    deleted = []

    def delete_before_the_rows_are_locked(execute: Any, sql: str, *statement: Any) -> Any:
        if '"id" IN (' in sql and sql.startswith("SELECT") and not deleted:
            deleted.append(sql)
            ImageRegistry.objects.filter(name="goes").delete()
        return execute(sql, *statement)

    with connection.execute_wrapper(delete_before_the_rows_are_locked):
        text = refused(spa.post(*import_sheet(IMAGES, file_of([HEADER, *rows]))))
    assert deleted and "row 2: somebody deleted this record in this moment" in text
    # The deletion of this test happens in the import's own transaction, so it is undone as well.
    assert set(ImageRegistry.objects.values_list("name", "remark")) == {("stays", "before"), ("goes", "before")}
