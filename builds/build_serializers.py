"""JSON of builds in the native API: what is asked, and the snapshot's shape for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from builds.models import Build, Trigger
from builds.snapshot import snapshot
from core.api import AskedFields
from core.jobs import JobState
from pulls.serializers import NodeName, PullError

_LARGEST_ID = 2**63 - 1


class BuildAsked(AskedFields):
    """`{"application": 1}`. Without `node` the product chooses one. `branch` and `commit` are for applications in a git
    repository: another branch than the application's, another commit than the newest."""

    application = serializers.IntegerField(min_value=1, max_value=_LARGEST_ID)
    node = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=_LARGEST_ID)
    branch = serializers.CharField(required=False, allow_blank=True, max_length=255)
    commit = serializers.RegexField(
        r"\A(?:[0-9a-f]{40})?\Z",
        required=False,
        allow_blank=True,
        error_messages={
            "invalid": _(
                "A whole commit id of 40 hexadecimal digits, for example 4b825dc642cb6eb9a060e54bf8d69288fbee4904."
            )
        },
    )


class ApplicationName(serializers.Serializer):
    id = serializers.IntegerField(allow_null=True)
    name = serializers.CharField()


class StepTiming(serializers.Serializer):
    step = serializers.IntegerField()
    text = serializers.CharField(help_text="The instruction.")
    state = serializers.ChoiceField(choices=["running", "done", "cached", "failed"])
    seconds = serializers.FloatField(allow_null=True)
    added = serializers.BooleanField(help_text="Not of the Dockerfile: a label that the product adds to the image.")


class BuildSource(serializers.Serializer):
    version = serializers.IntegerField(allow_null=True, help_text="Of files that are kept here.")
    git_url = serializers.CharField(allow_blank=True)
    git_branch = serializers.CharField(allow_blank=True)
    git_path = serializers.CharField(allow_blank=True)


class BuildShape(serializers.Serializer):
    """One build as it is now. Sizes in bytes."""

    id = serializers.IntegerField()
    application = ApplicationName()
    state = serializers.ChoiceField(choices=JobState.choices)
    phase = serializers.CharField(
        help_text="waiting, preparing, building, pushing, verifying; of a build that ended, its state."
    )
    percent = serializers.FloatField()
    step = serializers.IntegerField(help_text="The one that began last; 0 before the first.")
    steps = serializers.IntegerField(allow_null=True, help_text="How many there are, as far as is known.")
    timings = StepTiming(many=True)
    bytes_total = serializers.IntegerField(allow_null=True, help_text="Of the push, not compressed.")
    bytes_total_exact = serializers.BooleanField()
    bytes_pushed = serializers.IntegerField()
    layers = serializers.IntegerField()
    layers_done = serializers.IntegerField()
    layers_reused = serializers.IntegerField(help_text="Those that the registry had already.")
    image = serializers.CharField(allow_blank=True, help_text="Its whole name, once the revision is known.")
    digest = serializers.CharField(allow_blank=True, help_text="As the registry shows it.")
    revision = serializers.CharField(allow_blank=True, help_text="A commit, or the hash of the files.")
    size = serializers.IntegerField(allow_null=True, help_text="In the registry, compressed.")
    source = BuildSource()  # type: ignore[assignment]
    node = NodeName(allow_null=True)
    builder = serializers.CharField(allow_blank=True, help_text="classic or buildkit.")
    trigger = serializers.ChoiceField(choices=Trigger.choices)
    log_lines = serializers.IntegerField(help_text="So many lines the log has; ask for new ones with log/?from=N.")
    last_word_age_seconds = serializers.FloatField(allow_null=True, help_text="Since builder or engine said something.")
    attempt = serializers.IntegerField()
    max_attempts = serializers.IntegerField()
    error = PullError(allow_null=True)
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    running_seconds = serializers.FloatField(allow_null=True, help_text="Of the last attempt; grows until the end.")
    requested_by = serializers.CharField(allow_null=True)
    cancelled_by = serializers.CharField(allow_null=True, help_text="Who asked for its end, once somebody did.")
    retry_of = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()

    def to_representation(self, instance: Build) -> dict[str, Any]:
        return snapshot(instance, now=timezone.now(), for_operator=self.context["request"].user.is_staff)


class LogPage(serializers.Serializer):
    """Part of a log. A line: `[seconds since the start of the attempt, step, kind, text]`; kinds are step, output,
    cached, done (text: seconds), failed, warning, and note for what this product says itself."""

    lines = serializers.ListField(
        child=serializers.ListField(child=serializers.JSONField(), min_length=4, max_length=4)
    )
    next = serializers.IntegerField(help_text="Ask for what follows with from=next.")
    complete = serializers.BooleanField(help_text="Nothing will follow.")
