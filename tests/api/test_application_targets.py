"""Where images of users' applications may go, which of them share a name, and how many applications one may have."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from builds.models import Application, Build
from builds.packing import pack
from builds.workflows import Workflow, workflow_path, write_workflow
from imagelib.models import RegistryEndpoint
from tests.api import make
from tests.support.one_build import builder

pytestmark = pytest.mark.django_db
AT = "/api/applications/"
HOST = "registry.example.com"
LANGUAGES = ("en", "zh-hans")
FILES = {"Dockerfile": "FROM scipy-notebook:3.11\n"}


@pytest.fixture
def registry() -> RegistryEndpoint:
    """As an operator adds one: nothing is said about who may push."""
    return RegistryEndpoint.objects.create(name="ours", endpoint=HOST, username="robot", password="hunter2")


def values(**changed: Any) -> dict[str, Any]:
    return {"name": "lab", "base_image": "scipy-notebook", "base_tag": "3.11", "files": FILES, **changed}


def repository(namespace: str, *names: str, suffix: str = "x") -> bytes:
    files = {}
    for name in names or ("web",):
        workflow = Workflow(name, "quay.io", "jupyter", "notebook", "1", HOST, namespace, suffix)
        files |= {workflow_path(name): write_workflow(workflow).encode(), f"src/{name}/Dockerfile": b"FROM x:1\n"}
    return pack(files)


def send(client: APIClient, archive: bytes, **options: Any) -> Any:
    return client.generic("POST", f"{AT}import/", archive, content_type="application/zip", **options)


def allow(registry: RegistryEndpoint, places: str) -> None:
    RegistryEndpoint.objects.filter(pk=registry.pk).update(users_push_to=places)


class TestWhereUsersPush:
    def test_a_new_registry_takes_each_users_images_in_a_place_of_their_own(
        self, as_user: APIClient, registry: Any
    ) -> None:
        made = as_user.post(AT, values()).json()
        assert (made["target_namespace"], made["image_repository"]) == (
            "users/ulrich",
            f"{HOST}/users/ulrich/scipy-notebook",
        )
        below = as_user.patch(f"{AT}{made['id']}/", {"target_namespace": "users/ulrich/gpu"})
        assert below.status_code == 200, below.content

    @pytest.mark.parametrize("language", LANGUAGES)
    @pytest.mark.parametrize("namespace", ["", "team", "users/other", "users", "users/ulrichs"])
    def test_nowhere_else(self, as_user: APIClient, registry: Any, namespace: str, language: str) -> None:
        answer = as_user.post(AT, values(target_namespace=namespace), HTTP_ACCEPT_LANGUAGE=language)
        (fault,) = make.problem(answer, 400, "invalid")["errors"]
        assert fault["field"] == "target_namespace"
        assert make.gives_example(fault["message"], chinese=language != "en"), fault
        assert "users/ulrich" in fault["message"] and "ours" in fault["message"] and "hunter2" not in str(fault)
        assert not Application.objects.exists()

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_if_users_may_push_nowhere_it_is_said_whom_to_ask(
        self, as_user: APIClient, registry: Any, language: str
    ) -> None:
        allow(registry, "")
        answer = as_user.post(AT, values(), HTTP_ACCEPT_LANGUAGE=language)
        (fault,) = make.problem(answer, 400, "invalid")["errors"]
        word = "ask an operator" if language == "en" else "管理员"
        assert word in fault["message"] and make.gives_example(fault["message"], chinese=language != "en"), fault

    def test_operators_decide(self, as_user: APIClient, as_operator: APIClient, registry: Any) -> None:
        at = f"/api/registries/{registry.pk}/"
        assert as_operator.get(at).json()["users_push_to"] == "users/{username}"
        changed = as_operator.patch(at, {"users_push_to": " team-a ,users/{username} "}).json()
        assert changed["users_push_to"] == "team-a, users/{username}"
        assert as_user.post(AT, values()).json()["target_namespace"] == "team-a"
        as_operator.patch(at, {"users_push_to": "*"})
        assert as_user.post(AT, values(name="free", suffix="x")).json()["target_namespace"] == ""

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_a_wrong_list_is_refused(self, as_operator: APIClient, registry: Any, language: str) -> None:
        answer = as_operator.patch(
            f"/api/registries/{registry.pk}/", {"users_push_to": "Team A"}, HTTP_ACCEPT_LANGUAGE=language
        )
        (fault,) = make.problem(answer, 400, "invalid")["errors"]
        assert fault["field"] == "users_push_to"
        assert make.gives_example(fault["message"], chinese=language != "en"), fault
        assert RegistryEndpoint.objects.get().users_push_to == "users/{username}"

    def test_operators_own_applications_go_everywhere(self, as_operator: APIClient, registry: Any) -> None:
        allow(registry, "")
        assert as_operator.post(AT, values(target_namespace="team")).status_code == 201
        assert as_operator.post(AT, values(name="b", suffix="b")).json()["target_namespace"] == ""

    def test_an_operator_does_not_lend_a_users_application_a_place(
        self, as_user: APIClient, as_operator: APIClient, registry: Any
    ) -> None:
        made = as_user.post(AT, values()).json()
        refused = as_operator.patch(f"{AT}{made['id']}/", {"target_namespace": "team"})
        assert make.faulty_fields(refused) == {"target_namespace"}

    def test_the_endpoint_whose_login_is_sent_decides(self, as_user: APIClient, registry: Any) -> None:
        allow(registry, "*")
        make.registry(endpoint=f"{HOST}/secret", users_push_to="")
        assert make.faulty_fields(
            as_user.post(AT, values(target_registry=registry.pk, target_namespace="secret/x"))
        ) == {"target_namespace"}
        assert as_user.post(AT, values(target_registry=registry.pk, target_namespace="secrets/x")).status_code == 201

    def test_what_is_stored_may_be_changed_but_not_moved(self, as_user: APIClient, registry: Any) -> None:
        allow(registry, "team")
        made = as_user.post(AT, values()).json()
        allow(registry, "elsewhere")
        assert as_user.patch(f"{AT}{made['id']}/", {"description": "x"}).status_code == 200
        assert make.faulty_fields(as_user.patch(f"{AT}{made['id']}/", {"suffix": "x"})) == {"target_namespace"}

    def test_imports_keep_to_it(self, as_user: APIClient, registry: Any) -> None:
        told = make.problem(send(as_user, repository("team")), 400, "invalid_file")
        (fault,) = told["errors"]
        assert fault["field"] == "src/web" and "target_namespace: " in fault["message"]
        assert "users/ulrich" in fault["message"] and not Application.objects.exists()
        assert send(as_user, repository("users/ulrich")).json()["created"] == ["web"]

    def test_a_folder_without_a_workflow_goes_where_its_owner_may_push(self, as_user: APIClient, registry: Any) -> None:
        RegistryEndpoint.objects.update(is_default=True)
        assert send(as_user, pack({"src/web/Dockerfile": b"FROM python:3.12\n"})).json()["created"] == ["web"]
        assert Application.objects.get().target_namespace == "users/ulrich"

    @pytest.mark.parametrize("language", LANGUAGES)
    @pytest.mark.parametrize("who", ["user", "operator"])
    def test_a_build_asks_again(
        self, as_user: APIClient, as_operator: APIClient, registry: Any, language: str, who: str
    ) -> None:
        """Also an operator's: what counts is who wrote the Dockerfile."""
        builder()
        made = as_user.post(AT, values()).json()
        allow(registry, "team")
        client = as_user if who == "user" else as_operator
        answer = client.post("/api/builds/", {"application": made["id"]}, HTTP_ACCEPT_LANGUAGE=language)
        told = make.problem(answer, 403, "target_not_allowed")
        assert "team" in told["detail"] and "ulrich" in told["detail"]
        assert not Build.objects.exists()


class TestOneImageName:
    @pytest.mark.parametrize("language", LANGUAGES)
    @pytest.mark.parametrize(
        "same", [{}, {"base_image": "scipy", "suffix": "notebook"}, {"base_registry": "other.example.com"}]
    )
    def test_two_applications_of_one_name_are_refused(
        self, as_user: APIClient, registry: Any, same: dict[str, Any], language: str
    ) -> None:
        assert as_user.post(AT, values()).status_code == 201
        answer = as_user.post(AT, values(name="web", **same), HTTP_ACCEPT_LANGUAGE=language)
        (fault,) = make.problem(answer, 400, "invalid")["errors"]
        assert fault["field"] == "suffix" and "lab" in fault["message"], fault
        assert f"{HOST}/users/ulrich/scipy-notebook:3.11" in fault["message"]
        assert make.gives_example(fault["message"], chinese=language != "en"), fault
        assert Application.objects.count() == 1

    @pytest.mark.parametrize("other", [{"suffix": "x"}, {"base_tag": "3.12"}, {"target_namespace": "users/ulrich/b"}])
    def test_what_tells_them_apart(self, as_user: APIClient, registry: Any, other: dict[str, Any]) -> None:
        as_user.post(AT, values())
        assert as_user.post(AT, values(name="web", **other)).status_code == 201

    def test_a_longer_endpoint_makes_the_same_name(self, as_operator: APIClient, registry: Any) -> None:
        longer = make.registry(endpoint=f"{HOST}/team")
        as_operator.post(AT, values(target_registry=longer.pk))
        twice = values(name="web", target_registry=registry.pk, target_namespace="team")
        assert make.faulty_fields(as_operator.post(AT, twice)) == {"suffix"}

    def test_a_change_must_not_lead_there_either(self, as_user: APIClient, registry: Any) -> None:
        as_user.post(AT, values())
        made = as_user.post(AT, values(name="web", suffix="x")).json()
        at = f"{AT}{made['id']}/"
        assert make.faulty_fields(as_user.patch(at, {"suffix": ""})) == {"suffix"}
        assert as_user.patch(at, {"suffix": "y"}).status_code == 200
        assert as_user.patch(at, {"description": "x"}).status_code == 200

    def test_who_has_it_is_not_told_to_strangers(self, as_user: APIClient, as_other: APIClient, registry: Any) -> None:
        allow(registry, "team")
        as_user.post(AT, values(name="private-name"))
        answer = as_other.post(AT, values(name="web"))
        assert make.faulty_fields(answer) == {"suffix"} and "private-name" not in answer.content.decode()

    def test_two_folders_of_one_repository(self, as_user: APIClient, registry: Any) -> None:
        told = make.problem(send(as_user, repository("users/ulrich", "api", "web")), 400, "invalid_file")
        (fault,) = told["errors"]
        assert fault["field"] == "src/web" and "suffix: " in fault["message"] and "api" in fault["message"]
        assert not Application.objects.exists()

    def test_a_copy_is_called_after_itself(self, as_user: APIClient, registry: Any) -> None:
        made = as_user.post(AT, values(suffix="qlora")).json()
        at = f"{AT}{made['id']}/copy/"
        assert as_user.post(at, {"name": "mine"}).json()["suffix"] == "mine"
        assert as_user.post(at, {"name": "newer", "base_tag": "3.12"}).json()["suffix"] == "qlora"
        assert make.faulty_fields(as_user.post(at, {"name": "third", "suffix": "qlora"})) == {"suffix"}


class TestLimits:
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_of_applications(
        self, as_user: APIClient, as_operator: APIClient, registry: Any, settings: Any, language: str
    ) -> None:
        settings.APPLICATIONS_PER_USER = 2
        for name in ("a", "b"):
            assert as_user.post(AT, values(name=name, suffix=name)).status_code == 201
        refused = as_user.post(AT, values(name="c", suffix="c"), HTTP_ACCEPT_LANGUAGE=language)
        told = make.problem(refused, 409, "too_many_applications")
        assert "IMAGELIB_APPLICATIONS_PER_USER" in told["detail"] and "2" in told["detail"]
        for name in ("c", "d", "e"):
            assert as_operator.post(AT, values(name=name, suffix=name)).status_code == 201
        settings.APPLICATIONS_PER_USER = 0
        assert as_user.post(AT, values(name="f", suffix="f")).status_code == 201

    def test_an_import_that_would_go_beyond_stores_nothing(
        self, as_user: APIClient, registry: Any, settings: Any
    ) -> None:
        settings.APPLICATIONS_PER_USER = 1
        plain = {f"src/{name}/Dockerfile": f"FROM python:3.1{name[-1]}\n".encode() for name in ("a1", "a2")}
        RegistryEndpoint.objects.update(is_default=True)
        told = make.problem(send(as_user, pack(plain)), 400, "invalid_file")
        assert [fault["field"] for fault in told["errors"]] == ["src/a2"]
        assert not Application.objects.exists()

    def test_the_oldest_versions_that_nothing_was_built_of_go(
        self, as_user: APIClient, registry: Any, settings: Any
    ) -> None:
        settings.VERSIONS_PER_APPLICATION = 3
        made = as_user.post(AT, values()).json()
        at = f"{AT}{made['id']}/"
        row = Application.objects.get()
        Build.objects.create(
            application=row, application_name="lab", repository="r/a", files=row.versions.get(), state="succeeded"
        )
        for number in range(2, 7):
            saved = as_user.patch(at, {"files": {**FILES, "n": str(number)}})
            assert saved.json()["version"] == number
        kept = [version["number"] for version in as_user.get(f"{at}versions/").json()["results"]]
        assert kept == [6, 5, 4, 1]
        assert as_user.get(f"{at}versions/4/").json()["against"] == 1
        make.problem(as_user.get(f"{at}versions/3/"), 404)

    def test_operators_keep_all(self, as_operator: APIClient, registry: Any, settings: Any) -> None:
        settings.VERSIONS_PER_APPLICATION = 1
        made = as_operator.post(AT, values()).json()
        as_operator.patch(f"{AT}{made['id']}/", {"files": {**FILES, "n": ""}})
        assert Application.objects.get().versions.count() == 2
