"""AppImages in the admin: nothing changes before somebody agreed to it, and what is wrong is said with its place."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from appimages.exporting import export_yaml
from appimages.models import AppImage, AppImageVersion
from appimages.services import replace_app_image
from core.system import SYSTEM
from instances.models import Deployment
from tests.api import make

pytestmark = pytest.mark.django_db
LIST = "/admin/appimages/appimage/"


@pytest.fixture
def boss(operator: User) -> Client:
    """A logged-in operator who is no superuser. Checks CSRF as a server does."""
    client = Client(enforce_csrf_checks=True, HTTP_ACCEPT_LANGUAGE="en")
    client.force_login(operator)
    return client


def post(client: Client, url: str, data: dict[str, Any], **headers: Any) -> Any:
    """With the token of a page that was opened before."""
    assert client.get(LIST + "add/").status_code == 200
    return client.post(url, {"csrfmiddlewaretoken": client.cookies["csrftoken"].value, **data}, **headers)


def page_of(row: AppImage, name: str = "change") -> str:
    return reverse(f"admin:appimages_appimage_{name}", args=[row.pk])


def text_of(row: AppImage, **image: str) -> str:
    return export_yaml([(row.name, row.document | {"image": row.document["image"] | image})])


def moved(row: AppImage, tag: str) -> AppImage:
    """Its next version, of another tag."""
    changed = row.document | {"image": row.document["image"] | {"tag": tag}}
    return replace_app_image(name=row.name, document=changed, author=SYSTEM)[0]


def stored() -> list[tuple[Any, ...]]:
    return list(AppImageVersion.objects.order_by("pk").values_list("app_image__name", "number", "document", "how"))


def test_the_list_says_what_is_pulled_and_on_how_many_nodes_it_is(boss: Client, user: User) -> None:
    make.app_image("a", image={"name": "team/app", "tag": "v1"})
    make.app_image("b", image={"name": "No Image", "tag": ""})
    for digest in ("1", "2"):
        make.pull(by=user, on=make.node(), state="succeeded", reference="docker.io/team/app:v1", digest=digest)
    text = boss.get(LIST).content.decode()
    assert "docker.io/team/app:v1" in text and "2 nodes" in text and "differ" in text
    assert "This is no image." in text


def test_the_list_counts_what_uses_it(boss: Client, user: User) -> None:
    used, unused = make.deployment(by=user).app_image, make.app_image("unused")
    Deployment.objects.update(name="first")
    row = Deployment.objects.get()
    row.pk, row.name = None, "second"
    row.save(force_insert=True)
    rows = {row.pk: row.users for row in boss.get(LIST).context["cl"].result_list}
    assert rows == {used.pk: 2, unused.pk: 0}
    assert f'href="{page_of(used)}#users">2</a>' in boss.get(LIST).content.decode()
    assert 'id="users"' in boss.get(page_of(used)).content.decode()


def test_its_page_says_where_it_is_and_what_it_was(boss: Client, user: User) -> None:
    row = make.app_image(image={"name": "team/app", "tag": "v1"})
    there, without = make.node(), make.node()
    make.pull(by=user, on=there, state="succeeded", reference="docker.io/team/app:v1", digest="sha256:12")
    text = boss.get(page_of(row)).content.decode()
    assert there.name in text and without.name in text and text.count("not pulled") == 1
    assert "docker.io/team/app:v1" in text and "{{.TASK_ID}}" in text
    assert reverse("admin:appimages_version", args=[row.pk, 1]) in text


def test_a_version_shows_what_changed_and_comes_back_after_a_question(boss: Client) -> None:
    row = moved(make.app_image(), "v2")
    text = boss.get(reverse("admin:appimages_version", args=[row.pk, 2])).content.decode()
    assert "-    tag: &quot;v1&quot;" in text and "+    tag: &quot;v2&quot;" in text
    url = reverse("admin:appimages_rollback", args=[row.pk, 1])
    assert "/rollback/" not in text and "?against=" not in text, "it is the present one"
    old = boss.get(reverse("admin:appimages_version", args=[row.pk, 1])).content.decode()
    assert url in old and reverse("admin:appimages_version", args=[row.pk, 2]) + "?against=1" in old
    before = stored()
    boss.get(url)
    assert stored() == before
    post(boss, url, {})
    assert stored() == before
    answer = post(boss, url, {"confirmed": "yes"})
    assert answer["Location"] == page_of(row)
    row.refresh_from_db()
    assert (row.version, row.image_tag, row.versions.first().how) == (3, "v1", "rollback")


@pytest.mark.parametrize(
    "path",
    [
        "versions/9/",
        "versions/9/rollback/",
        f"versions/{10**19}/",
        f"versions/{10**19}/rollback/",
        f"versions/{10**9}/",
        "versions/1/?against=x",
        "versions/1/?against=9",
    ],
)
def test_versions_that_are_not_there_are_not_found(boss: Client, path: str) -> None:
    assert boss.get(f"{LIST}{make.app_image().pk}/{path}").status_code == 404
    assert boss.get(f"{LIST}0/{path}").status_code == 404


@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_exports_come_as_files(boss: Client, suffix: str) -> None:
    row = make.app_image()
    answer = boss.get(reverse("admin:appimages_export", args=[row.pk, suffix]))
    assert f'filename="{row.name}.{suffix}"' in answer["Content-Disposition"]
    assert row.name in answer.content.decode()


# --- the editor ------------------------------------------------------------------------------------------------------


def test_an_edit_is_shown_before_it_is_saved(boss: Client, operator: User) -> None:
    row = make.app_image()
    data = {"text": text_of(row, tag="v2"), "version": "1"}
    shown = post(boss, page_of(row, "edit"), data).content.decode()
    assert "+    tag: &quot;v2&quot;" in shown and len(stored()) == 1
    again = post(boss, page_of(row, "edit"), data | {"again": "yes"})
    assert "edited" not in again.context and len(stored()) == 1
    answer = post(boss, page_of(row, "edit"), data | {"confirmed": "yes"})
    assert answer["Location"] == page_of(row)
    row.refresh_from_db()
    assert (row.image_tag, row.version, row.versions.first().author) == ("v2", 2, operator)


def test_who_was_slower_overwrites_nothing(boss: Client) -> None:
    row = make.app_image()
    moved(row, "v2")
    answer = post(boss, page_of(row, "edit"), {"text": text_of(row, tag="v3"), "version": "1", "confirmed": "yes"})
    assert "version 2 now" in answer.content.decode()
    row.refresh_from_db()
    assert row.image_tag == "v2"


def test_a_new_one_begins_with_something_that_can_be_saved(boss: Client) -> None:
    text = boss.get(LIST + "add/").context["text"]
    post(boss, LIST + "add/", {"text": text})
    assert not AppImage.objects.exists()
    post(boss, LIST + "add/", {"text": text, "confirmed": "yes"})
    row = AppImage.objects.get()
    assert (row.name, row.image_name, row.versions.get().how) == ("my-app", "secretflow/app", "create")
    taken = post(boss, LIST + "add/", {"text": text, "confirmed": "yes"}).content.decode()
    assert "already" in taken and len(stored()) == 1


@pytest.mark.parametrize(("language", "word"), [("en", "line"), ("zh-CN", "行")])
@pytest.mark.parametrize("text", ["", "a: [", "kind: Pod", "name: x\n---\n", "\ud800", "\0", "{{.X}}"])
def test_what_cannot_be_read_is_said_and_not_saved(boss: Client, text: str, language: str, word: str) -> None:
    row = make.app_image()
    data = {"text": text.encode("utf-8", "replace").decode(), "version": "1", "confirmed": "yes"}
    answer = post(boss, page_of(row, "edit"), data, HTTP_ACCEPT_LANGUAGE=language)
    assert answer.status_code == 200 and (answer.context["faults"] or answer.context["refused"])
    assert len(stored()) == 1


def test_the_name_stays_and_one_is_edited_at_a_time(boss: Client) -> None:
    row = make.app_image()
    for text in (text_of(row).replace(row.name, "other"), text_of(row) + "---\n" + text_of(row).replace(row.name, "b")):
        answer = post(boss, page_of(row, "edit"), {"text": text, "version": "1", "confirmed": "yes"})
        assert answer.context["faults"][0]["message"]
    assert len(stored()) == 1


def test_the_text_is_checked_as_it_is_typed(boss: Client) -> None:
    row = make.app_image()
    url = reverse("admin:appimages_check")
    found = post(boss, url, {"text": text_of(row, tag="v2"), "row": row.pk}).json()
    assert (found["faults"], found["changes"]) == ([], {"added": 1, "removed": 1})
    assert {"image.tag": "v2", "deployTemplates.0.0.workingDir": "/srv"}.items() <= {
        field["path"]: field["value"] for field in found["fields"]
    }.items()
    assert found["meaning"]["effective_reference"] == "docker.io/team/app:v2" and found["text"] is None
    wrong = post(boss, url, {"text": text_of(row).replace("name: ", "nome: "), "row": row.pk}).json()
    assert wrong["faults"][0]["message"] and wrong["faults"][0]["line"]
    assert len(stored()) == 1


def test_fields_change_the_text(boss: Client) -> None:
    row = make.app_image()
    url = reverse("admin:appimages_check")
    asked = {"text": text_of(row), "row": row.pk, "field-image.name": "r.io/x", "field-image.tag": "1.10"}
    found = post(boss, url, asked | {"field-image.id": "abc"}).json()
    assert found["text"] == text_of(row, name="r.io/x", tag="1.10", id="abc")
    asked = {"field-image.name": "team/app", "field-image.tag": "v1", "field-image.id": ""}
    back = post(boss, url, {"text": found["text"], "row": row.pk, **asked}).json()
    assert back["text"] == text_of(row) and back["changes"] == {"added": 0, "removed": 0}
    assert "error" in post(boss, url, {"text": text_of(row), "field-image.name": "No Image"}).json()["meaning"]


def test_fields_of_templates_and_containers_change_the_text(boss: Client) -> None:
    row = make.app_image()
    url = reverse("admin:appimages_check")
    values = {"role": "server,client", "replicas": "3", "0.workingDir": "/other", "0.imagePullPolicy": "Always"}
    asked = {f"field-deployTemplates.0.{name}": value for name, value in values.items()}
    found = post(boss, url, {"text": text_of(row), "row": row.pk, **asked}).json()
    (template,) = yaml.safe_load(found["text"])["spec"]["deployTemplates"]
    assert (template["role"], template["replicas"]) == ("server,client", 3)
    (container,) = template["spec"]["containers"]
    assert (container["workingDir"], container["imagePullPolicy"]) == ("/other", "Always")
    wrong = post(boss, url, {"text": text_of(row), "row": row.pk, "field-deployTemplates.0.replicas": "-x"}).json()
    assert "replicas" in wrong["faults"][0]["field"]
    unknown = post(boss, url, {"text": text_of(row), "row": row.pk, "field-deployTemplates.7.role": "x"}).json()
    assert unknown["text"] == text_of(row)


def test_checking_is_for_posts_of_operators(boss: Client, user: User) -> None:
    assert boss.get(reverse("admin:appimages_check")).status_code == 405


# --- importing -------------------------------------------------------------------------------------------------------


def test_what_has_few_values_is_chosen_and_not_typed(boss: Client) -> None:
    found = post(boss, LIST + "check/", {"text": text_of(make.app_image("a"))}).json()
    choices = {field["path"].rpartition(".")[2]: field["choices"] for field in found["fields"]}
    assert choices["restartPolicy"] == ["Always", "OnFailure", "Never"]
    assert choices["imagePullPolicy"] == ["Always", "IfNotPresent", "Never"]
    assert choices["tag"] == []


def test_it_is_run_from_the_list(boss: Client) -> None:
    row = make.app_image("psi.v2")
    answer = boss.get(page_of(row, "run"))
    assert answer["Location"] == reverse("admin:instances_deployment_add") + "?app_image=psi.v2"


def test_its_page_leads_to_bringing_its_image_onto_nodes(boss: Client) -> None:
    make.node()
    row = make.app_image("a", image={"name": "team/app", "tag": "v1"})
    address = f"{LIST}register/?image=team/app%3Av1"
    assert address in boss.get(page_of(row)).content.decode()
    assert boss.get(address).context["image"] == "team/app:v1"
    none = make.app_image("b", image={"name": "No Image", "tag": ""})
    assert "register/?image" not in boss.get(page_of(none)).content.decode()


def test_its_page_names_what_there_is_and_what_is_in_force(boss: Client) -> None:
    row = moved(make.app_image("a"), "v2")
    page = boss.get(page_of(row)).content.decode()
    assert "app.json" in page and page.count("in force") == 1
    assert reverse("admin:appimages_rollback", args=[row.pk, 1]) in page
    assert reverse("admin:appimages_rollback", args=[row.pk, 2]) not in page


def test_deleting_says_what_goes_and_what_stays(boss: Client) -> None:
    row = moved(make.app_image("a"), "v2")
    page = boss.get(page_of(row, "delete")).content.decode()
    assert "Delete the AppImage “a”?" in page and "versions of AppImages (2)" in page
    assert "The image stays on the nodes that have it." in page and "This cannot be undone." in page
    assert post(boss, page_of(row, "delete"), {"post": "yes"}).status_code == 302
    assert not AppImage.objects.exists()


def test_an_import_shows_what_it_would_change(boss: Client) -> None:
    row = make.app_image("a", image={"name": "team/app", "tag": "v1"})
    text = text_of(row, tag="v2") + "---\n" + text_of(make.app_image("b"))
    shown = post(boss, LIST + "import/", {"text": text})
    page = shown.content.decode()
    assert "What changes in “a”" in page and "What changes in “b”" not in page
    assert "stays as it is" in page and "replaces the present one" in page
    changed = [line["text"] for line in shown.context["found"][0]["lines"] if line["kind"] and "tag" in line["text"]]
    assert [line[0] for line in changed] == ["-", "+"]


def test_values_for_placeholders_are_asked_for_where_they_lack(boss: Client) -> None:
    closed = boss.get(LIST + "import/").content.decode()
    assert '<details class="il-card il-details">' in closed
    lacking = 'apiVersion: kuscia.secretflow/v1alpha1\nkind: AppImage\nmetadata: {name: "{{.SF_NAME}}"}\nspec: {}\n'
    assert (
        '<details class="il-card il-details" open>' in post(boss, LIST + "import/", {"text": lacking}).content.decode()
    )


def test_a_file_is_shown_before_it_is_imported(boss: Client) -> None:
    row = make.app_image("a")
    text = text_of(row, tag="v2") + "---\n" + text_of(row).replace('"a"', '"b"')
    file = SimpleUploadedFile("two.yaml", text.encode())
    shown = post(boss, LIST + "import/", {"file": file, "text": ""})
    assert [(item["name"], item["is_new"]) for item in shown.context["found"]] == [("a", False), ("b", True)]
    assert len(stored()) == 1
    answer = post(boss, LIST + "import/", {"text": shown.context["text"], "confirmed": "yes"})
    assert answer["Location"] == LIST
    assert [(name, number, how) for name, number, _document, how in stored()] == [
        ("a", 1, "create"), ("a", 2, "import"), ("b", 1, "import"),
    ]  # fmt: skip


def test_placeholders_get_their_values(boss: Client) -> None:
    text = text_of(make.app_image("a")).replace('"a"', '"{{.SF_NAME}}"').replace('"team/app"', '"{{.SF_IMAGE_NAME}}"')
    text = text.replace('"v1"', '"{{.SF_IMAGE_TAG}}"')
    data = {"text": text, "name": "mine", "image": "r.io/x:1.10", "confirmed": "yes"}
    post(boss, LIST + "import/", data)
    row = AppImage.objects.get(name="mine")
    assert (row.image_name, row.image_tag) == ("r.io/x", "1.10")
    refused = post(boss, LIST + "import/", data | {"image": "No Image"})
    assert refused.context["refused"]


@pytest.mark.parametrize("data", [b"", b"a: [", b"\xff\xfe", b"kind: Pod", b"a: &x [*x]"])
def test_what_is_no_file_of_app_images_is_said_and_nothing_is_stored(boss: Client, data: bytes) -> None:
    answer = post(boss, LIST + "import/", {"file": SimpleUploadedFile("x.yaml", data or b" "), "confirmed": "yes"})
    assert answer.status_code == 200 and answer.context["faults"]
    assert not stored()


# --- rendering -------------------------------------------------------------------------------------------------------


def test_files_are_shown_with_the_values_that_were_given(boss: Client) -> None:
    row = make.app_image()
    url = page_of(row, "render_files")
    page = boss.get(url)
    assert [name for name, _field, _value in page.context["variables"]] == ["TASK_ID"]
    assert "TASK_ID" in page.context["preview"]["unresolved"]
    text = post(boss, url, {"variable-TASK_ID": "<b>task</b>"}).content.decode()
    assert "{&quot;task&quot;: &quot;&lt;b&gt;task&lt;/b&gt;&quot;}" in text
    assert len(stored()) == 1


def test_what_cannot_be_rendered_is_said_with_its_place(boss: Client) -> None:
    row = make.app_image(configTemplates={"app.json": "{{range .X}}"})
    answer = boss.get(page_of(row, "render_files"))
    assert answer.context["faults"][0]["field"] == "configTemplates.app.json"
    nobody = boss.get(page_of(make.app_image(deployTemplates=[{"name": "a", "role": "x"}]), "render_files") + "?role=y")
    assert nobody.context["faults"][0]["field"] == "role"


def test_secrets_cannot_be_typed_in(boss: Client) -> None:
    row = make.app_image(configTemplates={"app.json": "{{.KUSCIA_API_TOKEN}}{{.A}}"})
    assert [name for name, *_rest in boss.get(page_of(row, "render_files")).context["variables"]] == ["A"]
    answer = post(boss, page_of(row, "render_files"), {"variable-KUSCIA_API_TOKEN": "s3cret-Words"})
    assert answer.context["faults"][0]["field"] == "variables" and b"s3cret" not in answer.content


# --- deleting --------------------------------------------------------------------------------------------------------


def test_deleting_asks_first(boss: Client) -> None:
    row = make.app_image()
    url = page_of(row, "delete")
    assert boss.get(url).status_code == 200 and AppImage.objects.exists()
    post(boss, url, {"post": "yes"})
    assert not AppImage.objects.exists()


def test_all_changes_are_listed_for_those_who_may_see_the_audit_log(boss: Client, admin_client: Client) -> None:
    row = moved(make.app_image("a"), "v2")
    url = "/admin/appimages/appimageversion/"
    text = admin_client.get(url, headers={"accept-language": "en"}).content.decode()
    for number in (1, 2):
        version = row.versions.get(number=number)
        page = reverse("admin:appimages_version", args=[row.pk, number])
        assert page in text and f"a, version {number}" in text
        assert admin_client.get(f"{url}{version.pk}/change/")["Location"] == page
        assert admin_client.post(f"{url}{version.pk}/delete/", {"post": "yes"}).status_code == 403
    assert "system" in text and row.versions.count() == 2
    assert admin_client.get(f"{url}4711/change/").status_code == 404
    assert boss.get(url).status_code == 403
    assert url in admin_client.get("/admin/").content.decode() and url not in boss.get("/admin/").content.decode()
