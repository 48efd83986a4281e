"""JSON of submissions, notices and outgoing webhooks in the native API."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from builds.models import Decision, Notice, Submission, WebhookCall, WebhookTarget
from builds.services.notices import notice_text
from builds.submission_snapshot import call_picture, picture
from core.api import AskedFields, SecretField, StrictModelSerializer
from core.jobs import JobState
from pulls.serializers import PullError

_LARGEST = 2**63 - 1


class SubmissionAsked(AskedFields):
    """`{"build": id}` or `{"reference": "registry.example.com/team/app:v1"}`; name and description are wishes."""

    build = serializers.IntegerField(required=False, min_value=1, max_value=_LARGEST)
    reference = serializers.CharField(required=False, max_length=3000)
    name = serializers.CharField(required=False, max_length=255)
    description = serializers.CharField(required=False, allow_blank=True, max_length=1000)


class ApprovalAsked(AskedFields):
    """All of it optional: what the submitter wished for is taken where nothing is said."""

    name = serializers.CharField(required=False, max_length=255)
    description = serializers.CharField(required=False, allow_blank=True, max_length=1000)
    nodes = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=_LARGEST), required=False, max_length=1000,
        help_text="Compute nodes that pull it at once.",
    )  # fmt: skip
    supports_vgpu = serializers.BooleanField(
        required=False, help_text="Left out: yes with glibc, no where that is not known."
    )


class RejectionAsked(AskedFields):
    reason = serializers.CharField(max_length=1000)


class SubmissionCheckShape(serializers.Serializer):
    key = serializers.CharField(help_text="exists, digest, size, platforms, libc, source, vulnerabilities")
    title = serializers.CharField()
    verdict = serializers.ChoiceField(choices=["passed", "warned", "failed", "unknown"])
    verdict_text = serializers.CharField()
    code = serializers.CharField()
    text = serializers.CharField()
    counts = serializers.DictField(
        child=serializers.IntegerField(), required=False, help_text="Of vulnerabilities, by severity."
    )
    worst = serializers.ListField(
        child=serializers.DictField(child=serializers.CharField()), required=False, help_text="Vulnerabilities."
    )


class CheckError(PullError):
    evidence = serializers.CharField(allow_blank=True, help_text="For operators.")


class BuildName(serializers.Serializer):
    id = serializers.IntegerField()
    application = serializers.CharField()


class EntryName(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    address = serializers.CharField()


class SubmissionShape(serializers.Serializer):
    """One submission: `state` is that of its checks, `decision` what became of it. Sizes in bytes."""

    id = serializers.IntegerField()
    state = serializers.ChoiceField(choices=JobState.choices)
    decision = serializers.ChoiceField(choices=Decision.choices)
    reference = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    description = serializers.CharField(allow_blank=True)
    digest = serializers.CharField(allow_blank=True, help_text="As it was checked; the entry is pinned to it.")
    size = serializers.IntegerField(allow_null=True, help_text="Compressed, of the largest platform.")
    platforms = serializers.ListField(child=serializers.CharField())
    libc = serializers.CharField(allow_blank=True, help_text='"glibc 2.36", "musl", "none"; empty: not known.')
    checks = SubmissionCheckShape(many=True)
    error = CheckError(allow_null=True)
    attempt = serializers.IntegerField()
    max_attempts = serializers.IntegerField()
    build = BuildName(allow_null=True)
    requested_by = serializers.CharField(allow_null=True)
    decided_by = serializers.CharField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)
    entry = EntryName(allow_null=True)
    created_at = serializers.DateTimeField()
    checked_at = serializers.DateTimeField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()

    def to_representation(self, instance: Submission) -> dict[str, Any]:
        request = self.context.get("request")
        return picture(instance, for_operator=bool(request and request.user.is_staff))


class ApprovalShape(serializers.Serializer):
    """What an approval did."""

    submission = SubmissionShape()
    pulls = serializers.ListField(child=serializers.IntegerField(), help_text="Ids of the pulls that were asked for.")
    moved_to = serializers.CharField(
        allow_blank=True, help_text="Where the tag leads now, if not to the digest that was checked and approved."
    )


class SubmissionEventShape(serializers.Serializer):
    at = serializers.DateTimeField()
    code = serializers.CharField()
    text = serializers.CharField()


class NoticeSerializer(serializers.ModelSerializer):
    """A message for the user who asks."""

    text = serializers.SerializerMethodField()
    submission = serializers.IntegerField(source="submission_id", allow_null=True)

    class Meta:
        model = Notice
        fields = ("id", "code", "text", "submission", "created_at", "read_at")

    def get_text(self, notice: Notice) -> str:
        return notice_text(notice)


class ReadShape(serializers.Serializer):
    read = serializers.IntegerField(help_text="How many were unread.")


class WebhookTargetSerializer(StrictModelSerializer):
    """Where messages go. The secret is write-only; `has_secret` says whether there is one."""

    secret = SecretField(max_length=255)
    has_secret = serializers.SerializerMethodField()

    class Meta:
        model = WebhookTarget
        fields = ("id", "name", "url", "secret", "has_secret", "is_active", "created_at", "updated_at")
        read_only_fields = ("id", "created_at", "updated_at")
        extra_kwargs: ClassVar[dict[str, Any]] = {"name": {"validators": []}}

    def get_has_secret(self, target: WebhookTarget) -> bool:
        return bool(target.secret)


class CallError(serializers.Serializer):
    code = serializers.CharField()
    title = serializers.CharField()
    cause = serializers.CharField()
    advice = serializers.CharField()
    evidence = serializers.CharField(allow_blank=True)


class WebhookCallShape(serializers.Serializer):
    """One message. `status` is the HTTP status of the last answer."""

    id = serializers.IntegerField()
    event = serializers.CharField()
    submission = serializers.IntegerField()
    state = serializers.ChoiceField(choices=JobState.choices)
    attempt = serializers.IntegerField()
    max_attempts = serializers.IntegerField()
    status = serializers.IntegerField(allow_null=True)
    error = CallError(allow_null=True)
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)

    def to_representation(self, instance: WebhookCall) -> dict[str, Any]:
        return call_picture(instance)
