"""Admin pages of custom images."""

from builds.admin import applications, builds, notices, submissions, webhooks

__all__ = ["applications", "builds", "notices", "submissions", "webhooks"]
