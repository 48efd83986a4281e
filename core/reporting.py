"""What a crash report may show."""

from __future__ import annotations

from typing import Any

from django.views.debug import SafeExceptionReporterFilter


class NothingEntered(SafeExceptionReporterFilter):
    """The debug page and error mails without what was entered and without local variables: both hold secrets."""

    def is_active(self, request: Any) -> bool:
        return True

    def get_post_parameters(self, request: Any) -> dict[str, str]:
        return {} if request is None else dict.fromkeys(request.POST, self.cleansed_substitute)

    def get_traceback_frame_variables(self, request: Any, tb_frame: Any) -> Any:
        return []
