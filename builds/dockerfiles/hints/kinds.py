"""What a hint is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

HintCode = Literal[
    "add_instead_of_copy",
    "add_url",
    "apt_cli",
    "apt_install_without_update",
    "apt_lists_kept",
    "apt_recommends",
    "apt_update_alone",
    "apt_yes_missing",
    "argument_missing",
    "base_ignored",
    "base_latest",
    "base_untagged",
    "character_odd",
    "comment_swallows",
    "conda_cache",
    "conda_yes_missing",
    "copy_missing",
    "empty_continuation",
    "from_missing",
    "heredoc_open",
    "image_invalid",
    "instruction_before_from",
    "instruction_repeated",
    "instruction_unknown",
    "list_quotes",
    "maintainer",
    "pip_cache",
    "pip_unpinned",
    "requirement_unreadable",
    "requirements_index_repeated",
    "requirements_option_glued",
    "requirements_unpinned",
    "secret_in_argument",
    "secret_in_environment",
    "secret_in_text",
    "secret_in_url",
    "stage_repeated",
    "sudo",
    "syntax_foreign",
    "too_large",
    "variable_form",
    "variable_unknown",
    "workdir_relative",
]


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


_ERRORS: Final = frozenset(
    [
        "apt_yes_missing",
        "argument_missing",
        "character_odd",
        "conda_yes_missing",
        "copy_missing",
        "from_missing",
        "heredoc_open",
        "image_invalid",
        "instruction_before_from",
        "instruction_unknown",
        "requirement_unreadable",
        "requirements_option_glued",
        "secret_in_environment",
        "secret_in_text",
        "secret_in_url",
        "stage_repeated",
        "variable_form",
        "variable_unknown",
    ]
)
_REMARKS: Final = frozenset(
    [
        "add_instead_of_copy",
        "apt_cli",
        "apt_recommends",
        "conda_cache",
        "empty_continuation",
        "maintainer",
        "pip_unpinned",
        "requirements_unpinned",
        "sudo",
        "too_large",
    ]
)


@dataclass(frozen=True, slots=True)
class Hint:
    """`line` counts from 1, 0 is the whole file. `params` hold names of things, never a secret that was found."""

    code: HintCode
    line: int = 0
    path: str = "Dockerfile"
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def severity(self) -> Severity:
        if self.code in _ERRORS:
            return Severity.ERROR
        return Severity.INFO if self.code in _REMARKS else Severity.WARNING
