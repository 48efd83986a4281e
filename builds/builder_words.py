"""Which failure an engine speaks of while it builds or pushes. Pure.

The wordings are those of the classic builder of Docker 20.10 and 28 and of BuildKit as Docker 23 to 28 have it. What
both say of registries and of the node itself is known from pulls (`pulls.engine_words`). What begins with words that
builders have only for a failed step or for the Dockerfile comes first: behind them they quote it, which is free text
and may hold any words of the other rules.
"""

from __future__ import annotations

import re
from typing import Final

from pulls.engine_words import node_trouble, recognise

_STEP = re.compile(
    r"the command '(?P<classic>.*)' returned a non-zero code: (?P<classic_code>\d+)\s*\Z"
    r"|process \"(?P<buildkit>.*)\" did not complete successfully: exit code: (?P<buildkit_code>\d+)"
    r"|executor failed running \[(?P<older>.*)\]: exit code: (?P<older_code>\d+)",
    re.IGNORECASE | re.DOTALL,
)
_BEFORE_STEPS = re.compile(r"failed to create llb definition", re.IGNORECASE)
_KILLED = 137  # by SIGKILL: mostly for want of memory
_LINE = re.compile(r"dockerfile parse error (?:on )?line (\d+)|(?:^|\W)dockerfile:(\d+)", re.IGNORECASE)


def _rules(*rows: tuple[str, str]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((code, re.compile(pattern, re.IGNORECASE)) for code, pattern in rows)


_WRAPPED = (
    r"\A(?:failed to solve(?: with frontend \S+)?: |failed to create llb definition: |rpc error: code = \w+ desc = )*"
)
_OF_DOCKERFILE: Final = _rules(
    (
        "base_name_invalid",
        _WRAPPED + r"(?:failed to parse stage name \".*\": |base name \(.*\) should not be blank"
        r"|(?:invalid from flag value .*: )?invalid reference format)",
    ),
    (
        "dockerfile_invalid",
        _WRAPPED + r"(?:dockerfile parse error|failed to parse dockerfile|failed to process \"|syntax error - )",
    ),
    (
        "copy_source_missing",
        _WRAPPED + r"(?:(?:copy|add) failed: file not found in build context"
        r"|failed to (?:compute cache key|calculate checksum of ref).*\"(?:: | )not found(?:: not found)?\Z)",
    ),
)
_BUILD: Final = _rules(
    ("buildkit_needed", r"requires? buildkit|buildkit is (?:required|needed)|only supported (?:with|by) buildkit"),
    ("build_secret_missing", r"\bsecret \S+: not found|secret \S+ not found|could not parse secrets"),
    (
        "dockerfile_missing",
        r"cannot locate specified dockerfile|failed to read dockerfile|open \S*dockerfile: no such file",
    ),
    (
        "copy_source_missing",
        r"\b(?:copy|add) failed:|failed to (?:compute cache key|calculate checksum of ref)"
        r"|no source files were specified|forbidden path outside the build context",
    ),
    (
        "build_step_not_started",
        r"oci runtime create failed|runc run failed|failed to create (?:shim|task)|exec format error"
        r"|starting container process caused",
    ),
    (
        "dockerfile_invalid",
        r"dockerfile parse error|failed to parse dockerfile|unknown instruction|file with no instructions"
        r"|the dockerfile (?:\(\S+\) )?cannot be empty|no build stage in current context"
        r"|failed to (?:parse platform|process \")|unknown flag: "
        r"|circular dependency|no build stages? found|failed to process \"|syntax error"
        r"|requires (?:at least|exactly|either) (?:one|two|three|\d)",
    ),
)
_PUSH: Final = _rules(
    ("push_tag_immutable", r"\bimmutable\b|cannot be overwritten|tag .{0,200} already exists"),
    ("push_quota_exceeded", r"\bquota\b|exceed(?:s|ed)? the configured upper limit|storage limit"),
    ("push_too_large", r"request entity too large|payload too large|\b413\b"),
    ("image_absent_after_build", r"image does not exist locally|no such image|tag does not exist"),
)
_BASE: Final = {
    "invalid_reference": "base_name_invalid",
    "image_not_found": "base_image_missing",
    "repository_not_found": "base_image_missing",
    "digest_not_found": "base_image_missing",
    "image_access_denied": "base_image_denied",
    "registry_denied": "base_image_denied",
    "registry_credentials_missing": "base_image_denied",
}
_TARGET: Final = {
    "registry_unauthorized": "push_unauthorized",
    "registry_credentials_missing": "push_unauthorized",
    "registry_denied": "push_denied",
    "image_access_denied": "push_denied",
    "registry_auth_expired": "push_denied",
    "registry_policy_blocked": "push_denied",
    "repository_not_found": "push_repository_missing",
    "image_not_found": "push_repository_missing",
}
_IMAGE = re.compile(
    r"manifest for (\S+) not found"
    r"|pull access denied for ([^\s,]+)"
    r"|failed to resolve (?:source metadata for|reference) \"?([^\s\"]+?)\"?:"
    r"|(?:definition|failed to solve): ([^\s\"]+?): ",
    re.IGNORECASE,
)

_NO_NAME = re.compile(r"stage name \"(.+)\": |base name \((.+)\) should|flag value (.+?): ", re.IGNORECASE)
_HOST = re.compile(r"pulling from host (\S+) failed", re.IGNORECASE)


def of_build(text: str, *, status: int | None) -> tuple[str, dict[str, str]]:
    """Code and parameters for what ended a build."""
    if step := _STEP.search(text):
        return _failed_step(step)
    code = _first(_OF_DOCKERFILE, text) or node_trouble(text) or _first(_BUILD, text)
    if code == "base_name_invalid":
        name = _NO_NAME.search(text)
        return code, {"base": next(filter(None, name.groups()))} if name else {}
    if code == "dockerfile_invalid":
        line = _LINE.search(text)
        return code, {"line": line[1] or line[2]} if line else {}
    if code:
        return code, {}
    # As if it were no stream: what is refused there is not the middle of a pull, but its beginning.
    code, params = recognise(text, status=status or 500)
    code = _BASE.get(code, code)
    if code in ("engine_rejected", "unknown") and (status == 400 or _BEFORE_STEPS.search(text)):
        return "dockerfile_invalid", {}  # what the builder refuses before the first step
    if found := _HOST.search(text):
        params = {**params, "host": found[1]}
    if found := _IMAGE.search(text):
        params = {**params, "base": next(filter(None, found.groups()))}
    return code, params


def of_push(text: str, *, status: int | None) -> tuple[str, dict[str, str]]:
    """Code and parameters for what ended a push."""
    code = node_trouble(text) or _first(_PUSH, text)
    if code:
        return code, {}
    code, params = recognise(text, status=status or 500)
    return _TARGET.get(code, code), params


def _first(rules: tuple[tuple[str, re.Pattern[str]], ...], text: str) -> str:
    return next((code for code, pattern in rules if pattern.search(text)), "")


def _failed_step(step: re.Match[str]) -> tuple[str, dict[str, str]]:
    found = step.groupdict()
    command = next(filter(None, (found["classic"], found["buildkit"], found["older"])), "")
    number = next(filter(None, (found["classic_code"], found["buildkit_code"], found["older_code"])), "")
    code = "build_step_killed" if int(number[:9]) == _KILLED else "build_step_failed"
    return code, {"command": command.removeprefix("/bin/sh -c ")[:200], "exit": number}
