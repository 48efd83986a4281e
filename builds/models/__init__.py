"""Rows of this app: what images are made of, how they were made, and how they come into the library."""

from builds.models.applications import Application, ApplicationVersion, BuildSecret, SourceKind
from builds.models.builds import Build, LogChunk, Trigger
from builds.models.hooks import HookDelivery
from builds.models.notices import Notice, WebhookCall, WebhookTarget
from builds.models.submissions import DECISION_COLOURS, Decision, Submission, SubmissionEvent

__all__ = [
    "DECISION_COLOURS",
    "Application",
    "ApplicationVersion",
    "Build",
    "BuildSecret",
    "Decision",
    "HookDelivery",
    "LogChunk",
    "Notice",
    "SourceKind",
    "Submission",
    "SubmissionEvent",
    "Trigger",
    "WebhookCall",
    "WebhookTarget",
]
