"""What counts as already built: the same revision made of the same base and folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from builds.models import Application, Build
from builds.naming import RECIPE
from builds.naming import recipe_of as recipe
from builds.outcome import BuildFailed
from builds.services.builds import request_build
from builds.target import REVISION, TITLE, Target
from builds.work import run_build
from core.jobs import JobState
from imagelib.addresses import parse
from imagelib.references import Endpoints
from pulls.tools import Tools
from tests.integration.scripted_server import ScriptedServer, scripted_server
from tests.support.one_build import BASE, application, builder
from tests.support.submitted import reference, serve

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as server:
        yield server


@pytest.mark.parametrize("column", ["base_registry", "base_namespace"])
def test_another_base_of_the_same_name_is_no_success(people, tools, engine, column) -> None:
    engine.registry.add(BASE)
    builder()
    app = application(people)
    jobs = []
    for value in (getattr(app, column), "other.example.com", getattr(app, column)):
        Application.objects.filter(pk=app.pk).update(**{column: value})
        jobs.append(request_build(user=people, application=app.pk))
        run_build(jobs[-1].pk, tools=tools)
    states = [(job.state, job.error_code) for job in map(refreshed, jobs)]
    assert states == [(JobState.SUCCEEDED, ""), (JobState.FAILED, "tag_of_other_recipe"), (JobState.SUCCEEDED, "")]
    first = refreshed(jobs[0])
    assert len(engine.builds.all) == 1 and engine.find(first.reference).labels[RECIPE] == recipe_of(first)


def recipe_of(job: Build) -> str:
    return recipe(job.arguments, job.git_path)


def refreshed(job: Build) -> Build:
    job.refresh_from_db()
    return job


def standing(server: ScriptedServer, tools: Tools, job: Build, labels: Mapping[str, str]) -> Any:
    serve(server, labels=labels)
    place = parse(reference(server))
    try:
        return Target(job, place, Endpoints().for_reference(place), None, None, tools).standing()
    except BuildFailed as error:
        return error.failure.code


def test_an_image_says_itself_what_it_was_made_of(server: ScriptedServer, tools: Tools) -> None:
    job = Build(application_name="lab", revision="0ac1" * 10, arguments={"BASE_TAG": "1"}, git_path="src/a")
    folder = Build(arguments=job.arguments, git_path="src/b")
    labels = {REVISION: job.revision, TITLE: "lab"}
    assert standing(server, tools, job, {**labels, RECIPE: recipe_of(job)}).digest.startswith("sha256:")
    assert standing(server, tools, job, {**labels, RECIPE: recipe_of(folder)}) == "tag_of_other_recipe"
    assert standing(server, tools, job, labels) == "tag_of_other_recipe"
    assert standing(server, tools, job, {RECIPE: recipe_of(job), TITLE: "lab"}) == "tag_taken"
