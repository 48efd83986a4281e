"""Admin pages of the installed packages, moved onto the theme's class so that they look like ours."""

from __future__ import annotations

from typing import Any

from auditlog.admin import LogEntryAdmin as BaseLogEntryAdmin
from auditlog.models import LogEntry
from axes.admin import AccessAttemptAdmin as BaseAccessAttemptAdmin
from axes.admin import AccessFailureLogAdmin as BaseAccessFailureLogAdmin
from axes.admin import AccessLogAdmin as BaseAccessLogAdmin
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy
from django_celery_beat.admin import CrontabScheduleAdmin as BaseCrontabScheduleAdmin
from django_celery_beat.admin import PeriodicTaskAdmin as BasePeriodicTaskAdmin
from django_celery_beat.admin import PeriodicTaskForm as BasePeriodicTaskForm
from django_celery_beat.admin import TaskSelectWidget as BaseTaskSelectWidget
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget


class Themed(ModelAdmin):
    """Small pages, no count of the whole table."""

    list_per_page = 25
    show_full_result_count = False


class ReadOnly(Themed):
    """Records that are evidence: looked at, never edited."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class TaskSelectWidget(UnfoldAdminSelectWidget, BaseTaskSelectWidget):
    """Names of the registered tasks, in the theme's select box."""


class PeriodicTaskForm(BasePeriodicTaskForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = TaskSelectWidget()


_THIRD_PARTY = (
    User, Group, PeriodicTask, IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule, LogEntry,
    AccessAttempt, AccessLog, AccessFailureLog,
)  # fmt: skip
for _model in _THIRD_PARTY:
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)


@admin.register(User)
class UserAdmin(BaseUserAdmin, Themed):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupAdmin(BaseGroupAdmin, Themed):
    pass


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(BasePeriodicTaskAdmin, Themed):
    form = PeriodicTaskForm
    list_display = ("name", "enabled", "rhythm", "last_run_at")

    @admin.display(description=gettext_lazy("schedule"))
    def rhythm(self, task: PeriodicTask) -> str:
        return str(task.scheduler)


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(BaseCrontabScheduleAdmin, Themed):
    pass


@admin.register(IntervalSchedule, SolarSchedule, ClockedSchedule)
class ScheduleAdmin(Themed):
    pass


@admin.register(LogEntry)
class LogEntryAdmin(BaseLogEntryAdmin, ReadOnly):
    list_display = ("created", "resource_url", "action", "what_changed", "user_url")

    @admin.display(description=gettext_lazy("Changes"))
    def what_changed(self, entry: LogEntry) -> str:
        """Names of the fields, in the reader's language. Values are on the entry's own page."""
        if entry.action in (LogEntry.Action.DELETE, LogEntry.Action.ACCESS):
            return ""
        model = entry.content_type.model_class()
        titles = {field.name: field.verbose_name for field in model._meta.concrete_fields} if model else {}
        names = [str(titles[name]) for name in entry.changes_dict if name in titles and name != "id"]
        return Truncator(", ".join(names)).chars(100)


@admin.register(AccessAttempt)
class AccessAttemptAdmin(BaseAccessAttemptAdmin, ReadOnly):
    pass


@admin.register(AccessLog)
class AccessLogAdmin(BaseAccessLogAdmin, ReadOnly):
    pass


@admin.register(AccessFailureLog)
class AccessFailureLogAdmin(BaseAccessFailureLogAdmin, ReadOnly):
    pass
