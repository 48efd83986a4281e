"""Who may build what where, and which waiting build goes next."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.db import connections
from django.utils import timezone

from builds.builders import builder_nodes, is_builder
from builds.history import forget_old_builds
from builds.lanes import claim_next
from builds.models import Application, Build, LogChunk, Trigger
from builds.services import builds as services
from builds.services.builds import cancel_build, request_build, retry_build, visible_builds
from core.errors import Conflict, InvalidInput, NotFound
from core.jobs import JobState
from core.rows import delete_rows
from core.system import SYSTEM
from nodes.models import ComputeNode
from tests.api import make
from tests.support.one_build import FILES, add_version, application, builder

pytestmark = pytest.mark.django_db
COMMIT = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def git_application(owner: Any, **values: Any) -> Application:
    git = {"git_url": "https://git.example.com/a.git", "git_branch": "main", "git_path": "src/a"}
    return application(owner, files={}, **{"source": "git", **git, **values})


def ended(job: Build, state: str, **values: Any) -> Build:
    Build.objects.filter(pk=job.pk).update(state=state, node_slot=None, finished_at=timezone.now(), **values)
    job.refresh_from_db()
    return job


def test_what_a_build_is_made_of_is_copied(ulrich: Any) -> None:
    builder()
    app = application(ulrich)
    job = request_build(user=ulrich, application=app.pk)
    Application.objects.filter(pk=app.pk).update(base_tag="4", target_namespace="elsewhere")
    add_version(app, {**FILES, "more": ""})
    job.refresh_from_db()
    assert job.files.number == 1 and job.arguments["BASE_TAG"] == "3.11"
    assert job.repository == "127.0.0.1:1/team/notebook" and job.registry_host == "127.0.0.1:1"
    assert (job.state, job.trigger, job.as_operator, job.requested_by) == (
        JobState.QUEUED,
        Trigger.PERSON,
        False,
        ulrich,
    )


def test_the_image_has_its_name_at_once_where_the_revision_is_known(ulrich: Any) -> None:
    builder()
    app = application(ulrich)
    job = request_build(user=ulrich, application=app.pk)
    revision = app.versions.get().revision
    assert job.revision == revision and job.reference == f"{job.repository}:3.11-{revision}"
    ended(job, JobState.FAILED)
    assert retry_build(user=ulrich, build=job.pk).reference == job.reference
    of_git = git_application(ulrich)
    assert request_build(user=ulrich, application=of_git.pk, commit=COMMIT).reference.endswith(f"-{COMMIT}")
    Build.objects.update(state=JobState.FAILED)
    assert request_build(user=ulrich, application=of_git.pk).reference == ""


def test_one_build_of_an_application_at_a_time(ulrich: Any) -> None:
    builder()
    app = application(ulrich)
    job = request_build(user=ulrich, application=app.pk)
    with pytest.raises(Conflict) as refused:
        request_build(user=ulrich, application=app.pk)
    assert refused.value.code == "still_active" and refused.value.extra == {"build": job.pk}
    assert str(job.pk) in str(refused.value)
    ended(job, JobState.FAILED)
    assert request_build(user=ulrich, application=app.pk).pk != job.pk


def test_of_an_application_in_a_repository_branch_and_commit_may_be_named(ulrich: Any) -> None:
    builder()
    app = git_application(ulrich)
    job = request_build(user=ulrich, application=app.pk, branch="feat/x", commit=COMMIT, trigger=Trigger.WEBHOOK)
    assert (job.git_url, job.git_branch, job.git_path, job.revision) == (app.git_url, "feat/x", "src/a", COMMIT)
    assert job.files is None and job.trigger == Trigger.WEBHOOK
    ended(job, JobState.FAILED, revision=COMMIT)
    assert retry_build(user=ulrich, build=job.pk).revision == COMMIT


@pytest.mark.parametrize(
    ("values", "error", "field"),
    [
        ({"branch": "main"}, InvalidInput, "branch"),
        ({"commit": COMMIT}, InvalidInput, "commit"),
        ({"node": 2**40}, NotFound, "node_not_listed"),
    ],
)
def test_what_cannot_be_asked_for(ulrich: Any, values: dict[str, Any], error: Any, field: str) -> None:
    builder()
    with pytest.raises(error) as refused:
        request_build(user=ulrich, application=application(ulrich).pk, **values)
    assert field in (getattr(refused.value, "fields", None) or refused.value.code)
    assert not Build.objects.exists()


def test_a_part_of_a_commit_id_is_refused(ulrich: Any) -> None:
    builder()
    with pytest.raises(InvalidInput):
        request_build(user=ulrich, application=git_application(ulrich).pk, commit="4b825dc")


def test_without_a_dockerfile_or_a_node_nothing_begins(ulrich: Any) -> None:
    with pytest.raises(Conflict) as refused:
        request_build(user=ulrich, application=application(ulrich).pk)
    assert refused.value.code == "no_builder"
    builder()
    with pytest.raises(Conflict) as refused:
        request_build(user=ulrich, application=application(ulrich, files={"README": ""}).pk)
    assert refused.value.code == "dockerfile_missing"
    with pytest.raises(InvalidInput):  # no name of an image
        request_build(user=ulrich, application=application(ulrich, base_tag="x" * 100).pk)


def test_others_applications_and_builds_do_not_exist(ulrich: Any, people: Any, django_user_model: Any) -> None:
    builder()
    other = django_user_model.objects.create_user("otto")
    app = application(ulrich)
    with pytest.raises(NotFound):
        request_build(user=other, application=app.pk)
    job = request_build(user=people, application=app.pk)  # an operator's, of ulrich's application
    assert list(visible_builds(ulrich)) == list(visible_builds(people)) == [job] and not visible_builds(other)
    for service in (cancel_build, retry_build):
        with pytest.raises(NotFound):
            service(user=other, build=job.pk)
    assert cancel_build(user=ulrich, build=job.pk).state == JobState.CANCELLED


def test_the_audit_log_says_who_asked_who_cancelled_and_who_repeated(ulrich: Any, people: Any) -> None:
    builder()
    job = request_build(user=ulrich, application=application(ulrich).pk)
    cancel_build(user=people, build=job.pk)
    cancelled = cancel_build(user=ulrich, build=job.pk)  # a second click changes nothing
    assert cancelled.cancelled_by == people
    again = retry_build(user=people, build=job.pk)
    of_system = request_build(user=SYSTEM, application=application(ulrich).pk)
    seen = {
        row.pk: [(entry.actor, entry.action, entry.changes_dict) for entry in LogEntry.objects.get_for_object(row)]
        for row in (job, again, of_system)
    }
    create, update = LogEntry.Action.CREATE, LogEntry.Action.UPDATE
    assert seen[job.pk] == [
        (people, update, {"state": ["queued", "cancelled"]}),
        (ulrich, create, {"application": ["", job.application_name]}),
    ]
    told = {"application": ["", job.application_name], "retry_of": ["", str(job)]}
    assert seen[again.pk] == [(people, create, told)]
    assert seen[of_system.pk][0][0] is None


def test_a_retry_builds_the_same_version_and_needs_an_end(ulrich: Any) -> None:
    builder()
    app = application(ulrich)
    job = request_build(user=ulrich, application=app.pk)
    with pytest.raises(Conflict) as refused:
        retry_build(user=ulrich, build=job.pk)
    assert refused.value.code == "still_active"
    ended(job, JobState.FAILED)
    add_version(app, {**FILES, "more": ""})
    again = retry_build(user=ulrich, build=job.pk)
    assert (again.files, again.retry_of) == (job.files, job)


def test_applications_nodes_and_registries_of_active_builds_stay(ulrich: Any) -> None:
    node = builder()
    job = request_build(user=SYSTEM, application=application(ulrich).pk, node=node.pk)
    for model, pk in ((ComputeNode, node.pk), (Application, job.application_id)):
        with pytest.raises(Conflict):
            delete_rows(model, [pk])
    ended(job, JobState.FAILED)
    delete_rows(ComputeNode, [node.pk])
    delete_rows(Application, [job.application_id])
    job.refresh_from_db()
    assert (job.node, job.node_name, job.application) == (None, node.name, None)
    with pytest.raises(Conflict) as refused:
        retry_build(user=SYSTEM, build=job.pk)
    assert refused.value.code == "application_gone"


# --- where ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "truth"),
    [({"builder": "yes"}, True), ({"builder": True}, True), ({"builder": ""}, False), ({"builder": "False"}, False),
     ({"builder": 0}, False), ({"rack": "a"}, False), ({}, False)],
)  # fmt: skip
def test_labels_make_builders(labels: dict[str, Any], truth: bool) -> None:
    assert is_builder(make.node(labels=labels)) is truth


def test_builders_go_before_other_nodes_and_connected_ones_before_the_rest() -> None:
    plain = make.node()
    assert builder_nodes() == [plain]
    lost = builder(status="failed")
    assert builder_nodes() == [lost]
    there = make.node(status="connected")
    assert builder_nodes() == [there]
    builder(is_listed=False)
    builder(docker_address="")
    labelled = builder()
    assert builder_nodes() == [labelled]


def test_slots_are_never_exceeded_and_the_freest_node_goes_first(ulrich: Any, settings: Any) -> None:
    settings.BUILDS_PER_NODE = 2
    nodes = [builder(), builder()]
    for _number in range(5):
        request_build(user=ulrich, application=application(ulrich).pk)
    claimed = [claim_next(now=timezone.now()) for _number in range(5)]
    assert [job.node if job else None for job in claimed] == [nodes[0], nodes[1], nodes[0], nodes[1], None]
    assert sorted(job.node_slot for job in claimed if job) == [0, 0, 1, 1]


def test_an_application_goes_to_the_node_that_has_its_layers(ulrich: Any) -> None:
    builder()
    second = builder()
    app = application(ulrich)
    ended(request_build(user=ulrich, application=app.pk), JobState.SUCCEEDED, node=second)
    request_build(user=ulrich, application=app.pk)
    job = claim_next(now=timezone.now())
    assert job is not None and job.node == second


def test_who_has_less_running_goes_first_and_a_full_node_holds_up_no_other(
    ulrich: Any, people: Any, settings: Any
) -> None:
    settings.BUILDS_PER_NODE = 1
    first, second = builder(), builder()
    jobs = [request_build(user=ulrich, application=application(ulrich).pk, node=first.pk) for _number in range(2)]
    mine = request_build(user=people, application=application(people).pk, node=second.pk)
    taken = claim_next(now=timezone.now())
    assert taken is not None and taken.pk == jobs[0].pk
    taken = claim_next(now=timezone.now())
    assert taken is not None and taken.pk == mine.pk
    assert claim_next(now=timezone.now()) is None


def test_many_waiting_builds_of_one_user_hold_up_nobody(ulrich: Any, people: Any, settings: Any) -> None:
    settings.BUILDS_PER_NODE = 1
    full, free = builder(), builder()
    make.build(by=ulrich, state=JobState.RUNNING, node=full, node_slot=0)
    for _number in range(100):  # the oldest
        make.build(by=ulrich, node=full, node_asked=True)
    mine = request_build(user=people, application=application(people).pk, node=free.pk)
    taken = claim_next(now=timezone.now())
    assert taken is not None and taken.pk == mine.pk
    assert claim_next(now=timezone.now()) is None
    Build.objects.filter(pk=mine.pk).update(node_slot=None, state=JobState.SUCCEEDED)
    for _number in range(100):
        make.build(by=ulrich)
    mine = request_build(user=people, application=application(people).pk)
    taken = claim_next(now=timezone.now())
    assert taken is not None and taken.pk == mine.pk, "who has nothing running goes first"
    Build.objects.filter(pk=mine.pk).update(node_slot=None, state=JobState.SUCCEEDED)
    taken = claim_next(now=timezone.now())
    assert taken is not None and taken.node == free, "and then the others, around the full node"


def test_a_user_s_builds_wait_in_limited_numbers(ulrich: Any, people: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(services, "MOST_WAITING", 2)
    builder()
    for user in (ulrich, people):
        for _number in range(2):
            request_build(user=user, application=application(user).pk)
    with pytest.raises(Conflict) as refused:
        request_build(user=ulrich, application=application(ulrich).pk)
    assert refused.value.code == "too_many_builds" and "2" in str(refused.value)
    request_build(user=people, application=application(people).pk)  # an operator
    claim_next(now=timezone.now())
    Build.objects.filter(requested_by=ulrich, state=JobState.QUEUED).first().delete()
    request_build(user=ulrich, application=application(ulrich).pk)


def test_a_build_whose_nodes_are_gone_is_claimed_to_say_so(ulrich: Any) -> None:
    node = builder()
    job = request_build(user=ulrich, application=application(ulrich).pk)
    node.delete()
    claimed = claim_next(now=timezone.now())
    assert claimed is not None and (claimed.pk, claimed.node) == (job.pk, None)


@pytest.mark.django_db(transaction=True)
def test_two_requests_in_the_same_moment_make_one_build(ulrich: Any) -> None:
    builder()
    app = application(ulrich)
    barrier, results = threading.Barrier(2), list[str]()

    def ask() -> None:
        try:
            barrier.wait(60)
            request_build(user=ulrich, application=app.pk)
            results.append("made")
        except Conflict as refused:
            results.append(refused.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask) for _number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(results) == ["made", "still_active"] and Build.objects.count() == 1


def test_old_builds_go_but_the_last_good_one_of_an_application(ulrich: Any) -> None:
    now = timezone.now()
    old, young = now - timedelta(days=91), now - timedelta(days=89)
    app = application(ulrich)

    def past(state: str, finished: Any) -> Build:
        return make.build(by=ulrich, application=app, state=state, finished_at=finished)

    gone = [past(JobState.SUCCEEDED, old), past(JobState.FAILED, old), past(JobState.CANCELLED, old)]
    LogChunk.objects.create(build=gone[0], first=0, lines=[])
    kept = [past(JobState.SUCCEEDED, old), past(JobState.FAILED, young)]
    nowhere = past(JobState.SUCCEEDED, old)
    Build.objects.filter(pk=nowhere.pk).update(application=None)
    assert forget_old_builds(now=now) == 4
    assert set(Build.objects.all()) == set(kept) and not LogChunk.objects.exists()
