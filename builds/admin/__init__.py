"""Admin pages of custom images."""

from builds.admin import builds, notices, submissions, webhooks

__all__ = ["builds", "notices", "submissions", "webhooks"]
