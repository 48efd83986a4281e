"""AppImages are written as wholes: every change is a version, nobody undoes another's, nothing is half stored."""

from __future__ import annotations

from typing import Any

import pytest
from auditlog.models import LogEntry
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from appimages import services
from appimages.models import AppImage, AppImageVersion
from core.errors import Conflict, InvalidInput, NotFound, PermissionRefused
from core.system import SYSTEM

pytestmark = pytest.mark.django_db


def document(tag: str = "v1", **more: Any) -> dict[str, Any]:
    return {"image": {"name": "team/app", "tag": tag}, "deployTemplates": [], **more}


def create(name: str = "a", tag: str = "v1", author: Any = SYSTEM) -> AppImage:
    return services.create_app_image(name=name, document=document(tag), author=author)


def test_creating_keeps_the_first_version(people: Any) -> None:
    row = create(author=people)
    assert (row.name, row.image_name, row.image_tag, row.version) == ("a", "team/app", "v1", 1)
    [version] = row.versions.all()
    assert (version.number, version.how, version.author, version.author_name) == (1, "create", people, "olga")
    assert version.document == services.get_app_image(name="a").document == document()


def test_a_name_is_taken_once() -> None:
    create()
    with pytest.raises(services.AppImageExists):
        create(tag="v2")
    assert AppImage.objects.get().image_tag == "v1" and AppImageVersion.objects.count() == 1


@pytest.mark.parametrize(
    "name", ["", "A", "a_b", "-a", "a-", "a..b", "a.-b", "a\n", "a" * 64, "a" * 10_000, "中", "a\0"]
)
def test_what_is_no_name_is_refused_and_missing(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        create(name)
    assert list(caught.value.fields) == ["name"]
    for ask in (
        lambda: services.get_app_image(name=name),
        lambda: services.delete_app_image(name=name, author=SYSTEM),
        lambda: services.update_app_image(name=name, change=lambda old: old, author=SYSTEM),
        lambda: services.roll_back(name=name, number=1, author=SYSTEM),
    ):
        with pytest.raises(services.AppImageMissing):
            ask()


def test_changes_are_counted_and_kept_and_equal_documents_are_not() -> None:
    create()
    row, new = services.replace_app_image(name="a", document=document("v2"), author=SYSTEM, how="register")
    assert (row.version, row.image_tag, new) == (2, "v2", False)
    row, new = services.replace_app_image(name="a", document=document("v2"), author=SYSTEM)
    assert (row.version, new) == (2, False)
    row, new = services.replace_app_image(name="b", document=document(), author=SYSTEM, how="import")
    assert (row.version, new) == (1, True)
    told = AppImageVersion.objects.values_list("app_image__name", "number", "how", "author_name")
    assert set(told) == {("a", 1, "create", "system"), ("a", 2, "register", "system"), ("b", 1, "import", "system")}


def test_who_looked_at_an_older_version_changes_nothing() -> None:
    create()
    services.replace_app_image(name="a", document=document("v2"), author=SYSTEM, expected_version=1)
    with pytest.raises(Conflict) as caught:
        services.replace_app_image(name="a", document=document("v3"), author=SYSTEM, expected_version=1)
    assert caught.value.code == "version_conflict" and "2" in str(caught.value)
    with pytest.raises(services.AppImageMissing):
        services.replace_app_image(name="gone", document=document(), author=SYSTEM, expected_version=1)
    assert services.get_app_image(name="a").image_tag == "v2"


def test_rolling_back_is_a_version_of_its_own() -> None:
    create()
    services.replace_app_image(name="a", document=document("v2"), author=SYSTEM)
    row = services.roll_back(name="a", number=1, author=SYSTEM)
    assert (row.version, row.image_tag, row.document) == (3, "v1", document())
    assert row.versions.get(number=3).how == "rollback"
    with pytest.raises(NotFound) as caught:
        services.roll_back(name="a", number=9, author=SYSTEM)
    assert not isinstance(caught.value, services.AppImageMissing)


def test_deleting_takes_the_versions_along() -> None:
    create()
    services.delete_app_image(name="a", author=SYSTEM)
    assert not AppImage.objects.exists() and not AppImageVersion.objects.exists()
    with pytest.raises(services.AppImageMissing):
        services.delete_app_image(name="a", author=SYSTEM)


def test_a_change_that_fails_stores_nothing() -> None:
    create()
    with pytest.raises(KeyError):
        services.update_app_image(name="a", change=lambda old: {}, author=SYSTEM)
    assert services.get_app_image(name="a").document == document() and AppImageVersion.objects.count() == 1


@pytest.mark.parametrize("bad", ["\ud800", float("nan"), "x" * 1_500_000])
def test_what_cannot_be_stored_is_refused(bad: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        services.create_app_image(name="a", document=document(configTemplates={"k": bad}), author=SYSTEM)
    assert list(caught.value.fields) == ["document"] and not AppImage.objects.exists()


def test_every_character_and_the_order_of_keys_come_back() -> None:
    files = {"z": "a\0b\u2028\U0001f40b中", "a": "\x7f\r\n\t"}
    made = document("v\0" + "x" * 300, configTemplates=files)
    services.create_app_image(name="a", document=made, author=SYSTEM)
    row = services.get_app_image(name="a")
    assert row.document == made == row.versions.get().document
    assert list(row.document["configTemplates"]) == ["z", "a"]
    assert row.image_tag == "v\ufffd" + "x" * 253


@pytest.mark.parametrize("author", [None, "ulrich"])
def test_only_operators_write(author: str | None, request: pytest.FixtureRequest) -> None:
    create("kept")
    who = request.getfixturevalue(author) if author else None
    for ask in (
        lambda: create(author=who),
        lambda: services.replace_app_image(name="kept", document=document("v2"), author=who),
        lambda: services.roll_back(name="kept", number=1, author=who),
        lambda: services.delete_app_image(name="kept", author=who),
    ):
        with pytest.raises(PermissionRefused):
            ask()
    assert AppImage.objects.get().image_tag == "v1"


def test_the_database_itself_refuses_a_second_version_of_a_number() -> None:
    row = create()
    with pytest.raises(IntegrityError), transaction.atomic():
        AppImageVersion.objects.create(app_image=row, number=1, document={}, author_name="x", how="create")
    for broken in (AppImage(name="", document={}, image_name="x"), AppImage(name="b", document={}, version=0)):
        with pytest.raises(IntegrityError), transaction.atomic():
            broken.save()


def test_versions_say_who_did_what_and_the_audit_log_does_once_they_are_gone(people: Any) -> None:
    row = create()
    services.replace_app_image(name="a", document=document("v\0" + "2", configTemplates={"k": "text"}), author=people)
    versions = list(row.versions.order_by("number"))
    assert not LogEntry.objects.get_for_model(AppImage).exists()
    services.delete_app_image(name="a", author=people)
    created, updated, deleted = LogEntry.objects.get_for_model(AppImage).order_by("pk")
    told = [(entry.action, entry.actor, entry.additional_data) for entry in (created, updated, deleted)]
    assert told == [
        (LogEntry.Action.CREATE, None, {"author": "system", "how": "create"}),
        (LogEntry.Action.UPDATE, people, {"author": "olga", "how": "update"}),
        (LogEntry.Action.DELETE, people, None),
    ]
    assert [created.timestamp, updated.timestamp] == [version.created_at for version in versions]
    assert {entry.object_repr for entry in (created, updated, deleted)} == {"a"}
    assert created.changes["image_name"] == ["None", "team/app"] and created.changes["version"] == ["None", "1"]
    assert updated.changes == {"image_tag": ["v1", "v\ufffd2"], "version": ["1", "2"]}
    assert deleted.changes["name"] == ["a", "None"] and deleted.changes["version"] == ["2", "None"]


def test_creating_takes_one_statement_where_the_database_can() -> None:
    with CaptureQueriesContext(connection) as asked:
        create()
    inserts = [query for query in asked.captured_queries if "INSERT INTO" in query["sql"]]
    assert len(inserts) == (1 if connection.vendor == "postgresql" else 2)
    assert connection.vendor != "postgresql" or len(asked) == 1


def test_a_name_that_is_taken_breaks_no_transaction() -> None:
    create()
    with transaction.atomic():
        with pytest.raises(services.AppImageExists):
            create(tag="v2")
        create("b")
    assert list(AppImage.objects.values_list("name", "image_tag")) == [("a", "v1"), ("b", "v1")]
    assert AppImageVersion.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_an_author_who_is_deleted_in_this_moment(people: Any) -> None:
    people.__class__.objects.all().delete()
    with pytest.raises(Conflict) as caught:
        create(author=people.__class__(pk=4711, username="gone", is_staff=True))
    assert not isinstance(caught.value, services.AppImageExists)
    assert not AppImage.objects.exists() and not AppImageVersion.objects.exists()
