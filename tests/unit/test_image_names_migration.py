"""Applications that made images of one name before it was forbidden."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

BEFORE, NOW = [("builds", "0003_build_pushed_digest")], [("builds", "0004_limits_of_users")]


@pytest.fixture
def _at_the_end_as_before(transactional_db: None) -> Iterator[None]:
    yield
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


@pytest.mark.usefixtures("_at_the_end_as_before")
def test_the_oldest_keeps_its_images_name() -> None:
    apps = MigrationExecutor(connection).migrate(BEFORE).apps  # type: ignore[attr-defined]
    endpoint = apps.get_model("imagelib", "RegistryEndpoint").objects.create(name="r", endpoint="r.example.com")
    model = apps.get_model("builds", "Application")
    made = [
        model.objects.create(name=f"a{number}", base_image=image, base_tag=tag, suffix=suffix, target_registry=endpoint)
        for number, (image, suffix, tag) in enumerate(
            [("lab", "x", "1"), ("lab", "x", "1"), ("lab-x", "", "1"), ("lab", "x", "2"), ("lab", "y" * 63, "1"),
             ("lab", "y" * 63, "1")]
        )
    ]  # fmt: skip
    apps = MigrationExecutor(connection).migrate(NOW).apps  # type: ignore[attr-defined]
    model = apps.get_model("builds", "Application")
    suffixes = {row.pk: row.suffix for row in model.objects.all()}
    numbers = [row.pk for row in made]
    long = f"{'y' * (62 - len(str(numbers[5])))}-{numbers[5]}"
    assert [suffixes[pk] for pk in numbers] == ["x", f"x-{numbers[1]}", str(numbers[2]), "x", "y" * 63, long]
    with pytest.raises(IntegrityError), transaction.atomic():
        model.objects.create(
            name="late", base_image="lab-x", base_tag="2", target_registry_id=model.objects.first().target_registry_id
        )


@pytest.mark.usefixtures("_at_the_end_as_before")
def test_a_name_that_somebody_has_already_is_not_given() -> None:
    apps = MigrationExecutor(connection).migrate(BEFORE).apps  # type: ignore[attr-defined]
    model = apps.get_model("builds", "Application")
    endpoint = apps.get_model("imagelib", "RegistryEndpoint").objects.create(name="r", endpoint="r.example.com")
    usual = {"base_image": "lab", "base_tag": "1", "target_registry": endpoint}
    first, second = (model.objects.create(name=name, suffix="x", **usual) for name in ("a", "b"))
    third = model.objects.create(name="c", suffix=f"x-{second.pk}", **usual)
    apps = MigrationExecutor(connection).migrate(NOW).apps  # type: ignore[attr-defined]
    suffixes = dict(apps.get_model("builds", "Application").objects.values_list("pk", "suffix"))
    assert suffixes == {first.pk: "x", second.pk: f"x-{second.pk + 1}", third.pk: f"x-{second.pk}"}
