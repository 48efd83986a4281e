"""An image is offered, checked, approved, pulled onto a real engine and run: from a registry that asks for a login."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.instance_bed import POLITE, InstanceBed
from tests.integration.pull_bed import PullBed
from tests.services.engine import RealEngine
from tests.services.images import ImageSpec
from tests.services.process import wait_until
from tests.services.registries import Registries

pytestmark = pytest.mark.real
AT = "/api/submissions/"


def until_checked(bed: PullBed, pk: int) -> dict[str, Any]:
    seen: dict[str, Any] = {}

    def ended() -> bool:
        seen.update(bed.product.api("GET", f"{AT}{pk}/").json())
        return seen["state"] in ("succeeded", "failed")

    wait_until(f"the checks of submission {pk}", ended, timeout=180)
    return seen


def test_from_a_private_registry_onto_an_engine(embedded: PullBed, engine: RealEngine, registries: Registries) -> None:
    engine.wipe()
    registry, product = registries.basic, embedded.product
    instances = InstanceBed(embedded)
    node = instances.look(instances.node(engine))
    embedded.registry(registry.address, username="puller", password=registry.users["puller"])
    image = registry.push_image(ImageSpec("team/offered", "1", glibc=True, oci=True))
    reference, user = f"{registry.address}/team/offered:1", "ulrich"
    product.create_user(user)

    offered = product.api("POST", AT, json={"reference": reference, "name": "Offered"}, user=user)
    assert offered.status_code == 202, offered.text
    pk = offered.json()["id"]
    checked = until_checked(embedded, pk)
    assert checked["state"] == "succeeded", checked
    verdicts = {check["key"]: check["code"] for check in checked["checks"]}
    assert (checked["digest"], checked["size"]) == (image.digest, image.compressed_size)
    assert checked["platforms"] == ["linux/amd64"] and verdicts["platforms"] == "platforms_of_all_nodes"
    assert checked["libc"].startswith("glibc 2.") and verdicts["libc"] == "libc_glibc", checked
    assert product.api("GET", "/api/images/", user=user).json()["count"] == 0, "nothing unapproved is listed"

    moved = registry.push_image(ImageSpec("team/offered", "1", oci=True))
    answer = product.api("POST", f"{AT}{pk}/approve/", json={"nodes": [node]})
    assert answer.status_code == 200, answer.text
    done = answer.json()
    entry = done["submission"]["entry"]
    assert done["moved_to"] == moved.digest
    assert entry["address"] == f"{reference}@{image.digest}"
    pulled = embedded.wait(done["pulls"][0], timeout=180)
    assert (pulled["state"], pulled["digest"]) == ("succeeded", image.digest), pulled
    [listed] = product.api("GET", "/api/images/", user=user).json()["results"]
    assert (listed["id"], listed["supports_vgpu"]) == (entry["id"], True)
    assert product.api("GET", "/api/notices/", user=user).json()["results"][0]["code"] == "approved"

    asked = {"image": entry["id"], "spec": instances.spec(), "node": node, "name": "offered", "command": POLITE}
    made = instances.post("/api/instances/", 202, **asked)
    assert instances.wait(made["id"], "running")["digest"] == image.digest, "the one that was checked runs"
    product.api("DELETE", f"/api/instances/{made['id']}/")
    engine.remove_containers()


def test_an_image_without_a_c_library_and_one_that_is_not_there(embedded: PullBed, registries: Registries) -> None:
    product = embedded.product
    for name, codes in (
        ("team/tiny:1", {"exists": "image_there", "libc": "libc_none"}),
        ("team/tiny:no", {"exists": "image_not_found"}),
    ):
        made = product.api("POST", AT, json={"reference": registries.open.reference(name)})
        checked = until_checked(embedded, made.json()["id"])
        verdicts = {check["key"]: check["code"] for check in checked["checks"]}
        assert verdicts.items() >= codes.items(), checked
    refused = product.api("POST", f"{AT}{checked['id']}/approve/", json={})
    assert refused.status_code == 409 and refused.json()["code"] == "checks_failed"
