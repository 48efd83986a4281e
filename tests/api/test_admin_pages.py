"""Admin pages: nothing changes by looking, secrets never come back, faults land on their fields."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.forms.models import model_to_dict
from django.test import Client
from django.urls import reverse

from core.fields import MASK
from core.jobs import JobState
from imagelib.models import ImageRegistry, RegistryEndpoint
from instances.models import ProductSpec
from nodes.models import ComputeNode
from pulls.models import PullJob
from tests.api import make

pytestmark = pytest.mark.django_db
CANARY = "canary-7f3a9"
MODELS = (ImageRegistry, RegistryEndpoint, ComputeNode, PullJob, ProductSpec)


@pytest.fixture
def boss(operator: User) -> Client:
    """A logged-in operator who is no superuser. Checks CSRF as a server does."""
    client = Client(enforce_csrf_checks=True, HTTP_ACCEPT_LANGUAGE="en")
    client.force_login(operator)
    return client


def submit(client: Client, url: str, data: dict[str, Any]) -> Any:
    """Open the page and send its form, with the token that came with it."""
    page = client.get(url)
    assert page.status_code == 200, (url, page.status_code)
    token = client.cookies["csrftoken"].value
    return client.post(url, {"csrfmiddlewaretoken": token, **data})


def everything() -> list[dict[str, Any]]:
    """All columns of all rows, to see whether anything changed."""
    return [row for model in MODELS for row in model.objects.order_by("pk").values()]


def actions_of(job: PullJob) -> list[str]:
    """Every address of the admin that changes something when it is confirmed."""
    image, node = make.image(), make.node()
    return [
        reverse("admin:imagelib_imageregistry_toggle_listed", args=[image.pk]),
        reverse("admin:imagelib_imageregistry_delete", args=[image.pk]),
        reverse("admin:imagelib_registryendpoint_delete", args=[make.registry().pk]),
        reverse("admin:nodes_computenode_test", args=[node.pk]),
        reverse("admin:nodes_computenode_discover", args=[node.pk]),
        reverse("admin:nodes_computenode_toggle_listed", args=[node.pk]),
        reverse("admin:nodes_computenode_delete", args=[node.pk]),
        reverse("admin:instances_productspec_toggle_listed", args=[make.spec().pk]),
        reverse("admin:instances_productspec_delete", args=[make.spec().pk]),
        reverse("admin:pulls_cancel", args=[job.pk]),
        reverse("admin:pulls_retry", args=[make.pull(by=job.requested_by, state=JobState.FAILED).pk]),
        reverse("admin:pulls_pulljob_add") + f"?image={image.pk}",
    ]


def test_looking_changes_nothing(boss: Client, operator: User) -> None:
    addresses = actions_of(make.pull(by=operator))
    before = everything()
    for address in addresses:
        assert boss.get(address).status_code == 200, address
        assert boss.head(address).status_code == 200, address
    assert everything() == before


def test_pulls_are_neither_changed_nor_deleted_by_hand(boss: Client, operator: User) -> None:
    job = make.pull(by=operator, state=JobState.SUCCEEDED)
    url = reverse("admin:pulls_pulljob_delete", args=[job.pk])
    assert boss.get(url).status_code == 403
    assert 'value="delete_selected"' not in boss.get(reverse("admin:pulls_pulljob_changelist")).content.decode()


def test_acting_without_the_token_is_refused(boss: Client, operator: User) -> None:
    addresses = actions_of(make.pull(by=operator))
    before = everything()
    for address in addresses:
        assert boss.post(address, {"confirmed": "yes", "post": "yes"}).status_code == 403, address
    assert everything() == before


def test_confirming_acts(boss: Client, operator: User) -> None:
    image, job = make.image(is_listed=True), make.pull(by=operator)
    for address in (
        reverse("admin:imagelib_imageregistry_toggle_listed", args=[image.pk]),
        reverse("admin:pulls_cancel", args=[job.pk]),
    ):
        assert submit(boss, address, {"confirmed": "yes"}).status_code == 302
    image.refresh_from_db()
    job.refresh_from_db()
    assert not image.is_listed
    assert job.state == JobState.CANCELLED


def test_a_dead_engine_is_reported_in_words(boss: Client) -> None:
    node = make.node()
    url = reverse("admin:nodes_computenode_test", args=[node.pk])
    page = boss.get(submit(boss, url, {"confirmed": "yes"})["Location"]).content.decode()
    assert "Engine refused the connection: Nothing accepts connections" in page
    assert "systemctl start docker" in page


def test_selected_images_are_unlisted_only_after_a_second_step(boss: Client) -> None:
    image = make.image(is_listed=True)
    url = reverse("admin:imagelib_imageregistry_changelist")
    asked = {"action": "unlist_selected", "_selected_action": [image.pk]}
    first = submit(boss, url, asked)
    image.refresh_from_db()
    assert image.is_listed and image.name in first.content.decode()
    submit(boss, url, {**asked, "confirmed": "yes"})
    image.refresh_from_db()
    assert not image.is_listed


def test_retrying_shows_the_new_pull(boss: Client, operator: User) -> None:
    job = make.pull(by=operator, state=JobState.FAILED, image=make.image())
    answer = submit(boss, reverse("admin:pulls_retry", args=[job.pk]), {"confirmed": "yes"})
    assert answer["Location"] == reverse("admin:pulls_pulljob_change", args=[job.retries.get().pk])


def test_pulls_start_from_the_page(boss: Client) -> None:
    image, nodes = make.image(), [make.node(), make.node()]
    answer = submit(
        boss,
        reverse("admin:pulls_pulljob_add") + f"?image={image.pk}",
        {"image": image.pk, "nodes": [node.pk for node in nodes]},
    )
    assert answer["Location"] == reverse("admin:pulls_pulljob_changelist")
    assert PullJob.objects.filter(image=image).count() == 2


def test_a_pull_without_nodes_is_refused_with_a_sentence(boss: Client) -> None:
    image = make.image()
    answer = submit(boss, reverse("admin:pulls_pulljob_add") + f"?image={image.pk}", {"image": image.pk})
    assert "Name at least one compute node" in answer.content.decode()


def test_what_is_in_use_is_named_and_stays(boss: Client, operator: User) -> None:
    image = make.image()
    job = make.pull(by=operator, image=image)
    url = reverse("admin:imagelib_imageregistry_delete", args=[image.pk])
    assert job.reference in boss.get(url).content.decode()
    boss.post(url, {"csrfmiddlewaretoken": boss.cookies["csrftoken"].value, "post": "yes"})
    assert ImageRegistry.objects.filter(pk=image.pk).exists()


def test_deleting_a_selection_names_what_is_in_use(boss: Client, operator: User) -> None:
    image = make.image()
    job = make.pull(by=operator, image=image)
    asked = {"action": "delete_selected", "_selected_action": [image.pk, make.image().pk]}
    text = submit(boss, reverse("admin:imagelib_imageregistry_changelist"), asked).content.decode()
    assert job.reference in text
    assert "permission" not in text


# --- secrets ---------------------------------------------------------------------------------------------------------


def endpoint_form(**values: Any) -> dict[str, Any]:
    return {"name": "r", "endpoint": "r.example.com", "username": "u", "password": "", "ca_certificate": "", **values}


def test_stored_secrets_are_on_no_page(boss: Client) -> None:
    endpoint = make.registry(username="u", password=CANARY)
    node = make.node(password=CANARY, client_key=CANARY)
    for row in (endpoint, node):
        app, model = row._meta.app_label, row._meta.model_name
        for url in (
            reverse(f"admin:{app}_{model}_change", args=[row.pk]),
            reverse(f"admin:{app}_{model}_history", args=[row.pk]),
            reverse(f"admin:{app}_{model}_changelist"),
        ):
            text = boss.get(url).content.decode()
            assert CANARY not in text, url
    assert MASK in boss.get(reverse("admin:nodes_computenode_change", args=[node.pk])).content.decode()


def test_the_mask_keeps_an_empty_field_clears_a_text_replaces(boss: Client) -> None:
    endpoint = make.registry(name="r", endpoint="r.example.com", username="u", password=CANARY)
    url = reverse("admin:imagelib_registryendpoint_change", args=[endpoint.pk])
    for typed, username, stored in ((MASK, "u", CANARY), ("other", "u", "other"), ("", "", "")):
        answer = submit(boss, url, endpoint_form(password=typed, username=username))
        assert answer.status_code == 302, answer.content.decode()
        endpoint.refresh_from_db()
        assert endpoint.password.reveal() == stored


def test_a_form_with_faults_does_not_send_typed_secrets_back(boss: Client) -> None:
    url = reverse("admin:imagelib_registryendpoint_add")
    answer = submit(boss, url, endpoint_form(endpoint="not an endpoint", password=CANARY))
    text = answer.content.decode()
    assert answer.status_code == 200 and CANARY not in text
    assert "enter it again" in text
    assert not RegistryEndpoint.objects.exists()


def image_form(**values: Any) -> dict[str, Any]:
    empty = model_to_dict(ImageRegistry(), exclude=["id", "stall_after", "is_listed", "supports_vgpu"])
    return {**empty, "name": "i", "address": "r.example.com/app:v1", "stall_after": "", **values}


@pytest.mark.parametrize("fault", [{"name": ""}, {"stall_after": "1"}, {"address": f"user:{CANARY}@r.example.com/App"}])
def test_a_password_in_an_address_is_never_sent_back(boss: Client, fault: dict[str, Any]) -> None:
    values = image_form(address=f"user:{CANARY}@r.example.com/app:v1") | fault
    answer = submit(boss, reverse("admin:imagelib_imageregistry_add"), values)
    assert answer.status_code == 200
    assert CANARY not in answer.content.decode()


def test_a_password_in_an_address_moves_to_an_endpoint(boss: Client) -> None:
    values = image_form(address=f"user:{CANARY}@r.example.com/app:v1")
    assert submit(boss, reverse("admin:imagelib_imageregistry_add"), values).status_code == 302
    assert ImageRegistry.objects.get().address == "r.example.com/app:v1"
    assert RegistryEndpoint.objects.get().password.reveal() == CANARY


# --- faults, meaning of an address ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "values", "field"),
    [
        ("imagelib_imageregistry", image_form(address="Not An Address"), "address"),
        ("imagelib_registryendpoint", endpoint_form(username="u", password=""), "password"),
        ("imagelib_registryendpoint", endpoint_form(username="", ca_certificate="x"), "ca_certificate"),
        ("nodes_computenode", {"name": "n", "docker_address": "http://10.0.0.5", "ssh_port": 22}, "docker_address"),
        ("nodes_computenode", {"name": "n", "docker_address": "tcp://h:1", "labels": '["a"]'}, "labels"),
        ("instances_productspec", {"name": "s", "gpu_count": 1}, "gpu_model"),
        ("instances_productspec", {"name": "s", "supports_memory_split": "on"}, "gpu_memory_gb"),
        ("instances_productspec", {"name": "s", "sm_limit_percent": 101}, "sm_limit_percent"),
    ],
)
def test_faults_land_on_their_fields(boss: Client, page: str, values: dict[str, Any], field: str) -> None:
    names = (
        "cpu", "memory", "system_disk", "data_disk", "gpu_count", "gpu_memory_gb", "cpu_cores", "memory_gb",
        "system_disk_gb", "data_disk_gb", "price_per_hour",
    )  # fmt: skip
    numbers = dict.fromkeys(names, 0)
    answer = submit(boss, reverse(f"admin:{page}_add"), {"ssh_port": 22, **numbers, **values})
    assert field in answer.context["adminform"].form.errors


def test_the_meaning_of_an_address_as_it_is_typed(boss: Client) -> None:
    make.registry(name="Team", endpoint="r.example.com/team", username="u", password="p")
    boss.get(reverse("admin:imagelib_imageregistry_add"))
    token = boss.cookies["csrftoken"].value

    def meaning(address: str) -> dict[str, Any]:
        data = {"address": address, "csrfmiddlewaretoken": token}
        return boss.post(reverse("admin:imagelib_effective"), data).json()

    answer = meaning("r.example.com/team/app")
    assert answer["effective_reference"] == "r.example.com/team/app:latest"
    assert answer["registry"]["name"] == "Team" and answer["credentials"]
    assert len(answer["warnings"]) == 1
    assert not meaning("other.example.com/app:1")["registry"]
    typed = meaning(f"me:{CANARY}@other.example.com/app:1")
    assert typed["adopts"] and CANARY not in str(typed)
    assert "error" in meaning("Not An Address")
    assert boss.get(reverse("admin:imagelib_effective")).status_code == 405


# --- who may come in -------------------------------------------------------------------------------------------------


def test_others_are_sent_to_the_login(client: Client, user: User) -> None:
    addresses = [reverse("admin:index"), reverse("admin:imagelib_effective"), reverse("admin:pulls_estimate")]
    addresses += [reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") for model in MODELS]
    for login in (False, True):
        if login:
            client.force_login(user)
        for address in addresses:
            answer = client.get(address)
            assert answer.status_code == 302 and "/admin/login/" in answer["Location"], address


def test_an_operator_is_no_superuser(boss: Client) -> None:
    for name in ("auth_user", "auditlog_logentry", "axes_accessattempt", "django_celery_beat_periodictask"):
        assert boss.get(reverse(f"admin:{name}_changelist")).status_code == 403


def test_every_admin_list_opens_in_both_languages(admin_client: Client) -> None:
    from django.contrib import admin

    for language in ("zh-hans", "en"):
        admin_client.cookies["django_language"] = language
        for model in admin.site._registry:
            meta = model._meta
            url = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
            assert admin_client.get(url).status_code == 200, url
        assert admin_client.get(reverse("admin:index")).status_code == 200
