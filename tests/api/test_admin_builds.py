"""Admin pages of builds: they show, and act on POST only."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from builds.failure_texts import describe
from builds.models import Build, SourceKind
from core.jobs import JobState
from tests.api import make
from tests.support import one_build

pytestmark = pytest.mark.django_db


@pytest.fixture
def pages(admin_user: Any) -> Client:
    client = Client()
    client.force_login(admin_user)
    return client


def at(name: str, *args: Any) -> str:
    return reverse(f"admin:builds_build_{name}", args=args)


def made(pages: Client) -> Build:
    app = one_build.application()
    one_build.builder()
    assert pages.post(at("start", app.pk), {"node": ""}).status_code == 302
    return Build.objects.get()


def test_a_build_is_started_by_post_and_shown(pages: Client) -> None:
    app = one_build.application()
    node = one_build.builder(name="maker")
    shown = pages.get(at("start", app.pk))
    assert b"maker" in shown.content
    assert not Build.objects.exists()
    answer = pages.post(at("start", app.pk), {"node": str(node.pk)})
    job = Build.objects.get()
    assert answer.headers["Location"] == at("change", job.pk)
    assert (job.node, job.node_asked) == (node, True)
    page = pages.get(at("change", job.pk))
    assert f"{app.name} #{job.pk}" in page.content.decode()
    assert app.name in pages.get(at("changelist")).content.decode()


def test_the_list_says_why_a_build_failed_and_how_long_one_took(pages: Client) -> None:
    pages.cookies["django_language"] = "en"
    job, now = made(pages), timezone.now()
    assert f'data-build="{job.pk}"' in pages.get(at("changelist")).content.decode(), "it goes on: the page follows it"
    Build.objects.update(
        state=JobState.FAILED, error_code="base_image_missing", started_at=now - timedelta(seconds=75), finished_at=now
    )
    for page in (at("changelist"), reverse("admin:builds_application_change", args=[job.application_id])):
        text = pages.get(page).content.decode()
        assert str(describe("base_image_missing", {}).title) in text and "data-build=" not in text
    Build.objects.update(state=JobState.SUCCEEDED, error_code="")
    assert 'data-seconds="75"' in pages.get(at("changelist")).content.decode()


def test_from_a_build_to_its_files_and_its_submissions(pages: Client) -> None:
    job = made(pages)
    edit = reverse("admin:builds_application_edit_files", args=[job.application_id])
    page = pages.get(at("change", job.pk)).content.decode()
    assert edit in page
    row = make.submission(by=None, build=job)
    job.application.source = SourceKind.GIT
    job.application.save()
    page = pages.get(at("change", job.pk)).content.decode()
    assert reverse("admin:builds_submission_change", args=[row.pk]) in page and edit not in page


@pytest.mark.parametrize(("language", "words"), [("en", "is being built already"), ("zh-hans", "正在构建")])
def test_a_second_build_at_the_same_time_is_refused_on_the_page(pages: Client, language: str, words: str) -> None:
    job = made(pages)
    pages.cookies["django_language"] = language
    answer = pages.post(at("start", job.application_id), {"node": ""})
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert Build.objects.count() == 1


@pytest.mark.parametrize("node", ["x", "-1", "²", "1" * 30])
def test_a_node_that_is_none_is_not_chosen_by_the_system(pages: Client, node: str) -> None:
    job = made(pages)
    Build.objects.update(state=JobState.FAILED)
    pages.cookies["django_language"] = "en"
    answer = pages.post(at("start", job.application_id), {"node": node})
    assert answer.status_code == 200 and "There is no listed compute node with id" in answer.content.decode()
    assert Build.objects.count() == 1


def test_cancelling_asks_first(pages: Client) -> None:
    job = made(pages)
    assert pages.get(at("cancel", job.pk)).status_code == 200
    job.refresh_from_db()
    assert job.state == JobState.QUEUED
    pages.post(at("cancel", job.pk), {"confirmed": "1"})
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED


def test_building_again_is_a_new_build(pages: Client) -> None:
    job = made(pages)
    pages.post(at("cancel", job.pk), {"confirmed": "1"})
    assert pages.get(at("retry", job.pk)).status_code == 200
    assert Build.objects.count() == 1
    answer = pages.post(at("retry", job.pk), {"confirmed": "1"})
    new = Build.objects.get(retry_of=job)
    assert answer.headers["Location"] == at("change", new.pk)


def test_there_is_nothing_to_change_or_delete_by_hand(pages: Client) -> None:
    job = made(pages)
    assert pages.get(at("add")).status_code == 403
    assert pages.post(at("delete", job.pk), {"post": "yes"}).status_code == 403
    assert pages.get(at("start", 999)).status_code == 404


def test_others_see_nothing(client: Client, django_user_model: Any) -> None:
    client.force_login(django_user_model.objects.create_user("somebody"))
    for name in ("changelist",):
        assert client.get(at(name)).status_code == 302
