"""What is particular to `/productSpec/`: numbers, the rules of GPUs and slices."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from instances.models import ProductSpec
from tests.api import make
from tests.api.gva_client import done, log_in, refused
from tests.api.gva_kinds import SPECS

CREATE, UPDATE, FIND, LIST = SPECS.create, SPECS.update, SPECS.find, SPECS.list


@pytest.fixture
def spa(operator: Any) -> APIClient:
    return log_in("olga")


@pytest.mark.parametrize(
    ("sent", "stored"), [(0, "0"), (3, "3"), (0.1, "0.1"), (12.3456, "12.3456"), (999_999.9999, "999999.9999")]
)
def test_a_price_is_a_json_number_and_exact_in_the_database(spa: APIClient, sent: Any, stored: str) -> None:
    pk = done(spa.post(CREATE, {**SPECS.form, "pricePerHour": sent}))["ID"]
    assert ProductSpec.objects.get().price_per_hour == Decimal(stored)
    answer = spa.get(f"{FIND}?ID={pk}")
    found = done(answer)["pricePerHour"]
    assert (type(found), found) == (float, sent) and b'"pricePerHour":"' not in answer.content
    assert done(spa.get(LIST))["list"][0]["pricePerHour"] == sent


def test_what_is_left_out_has_its_default(spa: APIClient) -> None:
    pk = done(spa.post(CREATE, {"name": "cpu only"}))["ID"]
    row = done(spa.get(f"{FIND}?ID={pk}"))
    assert (row["gpuCount"], row["gpuModel"], row["pricePerHour"], row["isOnShelf"]) == (0, "", 0, True)
    assert row["supportMemorySplit"] is False


def test_the_front_end_leaves_the_share_of_computing_power_alone(spa: APIClient) -> None:
    row = make.spec(gpu_model="A100", gpu_count=1, gpu_memory_gb=20, supports_memory_split=True, sm_limit_percent=30)
    whole = done(spa.get(f"{FIND}?ID={row.pk}"))
    done(spa.put(UPDATE, {**whole, "sm_limit_percent": 90, "smLimitPercent": 90}))
    done(spa.put(UPDATE, {**whole, "supportMemorySplit": False}))
    row.refresh_from_db()
    assert (row.sm_limit_percent, row.supports_memory_split) == (30, False)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"gpuCount": -1}, "gpuCount"),
        ({"gpuCount": 65}, "gpuCount"),
        ({"gpuCount": 17}, "gpuCount"),  # of slices
        ({"memoryCapacity": 1025}, "memoryCapacity"),
        ({"memoryCapacity": -1}, "memoryCapacity"),
        ({"memoryCapacity": 10**30}, "memoryCapacity"),
        ({"memoryCapacity": 0}, "memoryCapacity"),
        ({"gpuCount": 0}, "gpuCount"),
        ({"gpuModel": ""}, "gpuModel"),
        ({"cpuCores": 4097}, "cpuCores"),
        ({"memoryGb": 65537}, "memoryGb"),
        ({"systemDiskGb": 1_000_001}, "systemDiskGb"),
        ({"dataDiskGb": 1_000_001}, "dataDiskGb"),
        ({"dataDiskGb": 0.5}, "dataDiskGb"),
        ({"pricePerHour": -0.01}, "pricePerHour"),
        ({"pricePerHour": "1.5"}, "pricePerHour"),
        ({"pricePerHour": ""}, "pricePerHour"),
        ({"pricePerHour": True}, "pricePerHour"),
        ({"pricePerHour": 0.00001}, "pricePerHour"),
        ({"pricePerHour": 1_000_000}, "pricePerHour"),
        ({"pricePerHour": 1e308}, "pricePerHour"),
    ],
)
def test_faults_are_named_by_the_fields_of_the_dialect(spa: APIClient, values: dict[str, Any], field: str) -> None:
    text = refused(spa.post(CREATE, {**SPECS.form, **values}))
    assert f"{field}: " in text, text
    assert not ProductSpec.objects.exists()


def test_every_fault_is_said_at_once_and_in_chinese_by_default(operator: Any) -> None:
    faulty = {"name": "x", "gpuCount": 17, "gpuModel": "", "supportMemorySplit": True, "cpuCores": 5000}
    text = refused(log_in("olga", language=None).post(CREATE, faulty))
    assert text.startswith("创建失败:")
    for part in ("gpuCount: ", "gpuModel: ", "memoryCapacity: ", "cpuCores: ", "16", "4096"):
        assert part in text
    assert not any(word in text for word in ("GPU memory", "Ensure", "Name the"))


@pytest.mark.parametrize(
    "values",
    [
        {"gpuCount": 0, "supportMemorySplit": False},  # a model without GPUs: the form insists on one
        {"gpuCount": 0, "gpuModel": "", "memoryCapacity": 0, "supportMemorySplit": False},
        {"gpuCount": 64, "supportMemorySplit": False},
        {"gpuCount": 16, "memoryCapacity": 1},
        {"gpuCount": 1, "memoryCapacity": 0, "supportMemorySplit": False},
    ],
)
def test_what_makes_sense_is_taken(spa: APIClient, values: dict[str, Any]) -> None:
    done(spa.post(CREATE, {**SPECS.form, **values}))
