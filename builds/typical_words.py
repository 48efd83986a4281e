"""What an engine or a git server typically says when something of `builds.failures.OWN` happens; see
`pulls.typical_words`. The codes that are missing here are decided by this product itself, without anybody's words."""

from __future__ import annotations

from collections.abc import Mapping

from pulls.typical_words import TYPICAL as OF_PULLS

OWN: Mapping[str, str] = {
    "git_unreachable": "connection refused",
    "git_unauthorised": "401 Unauthorized",
    "git_repository_missing": "404 Not Found",
    "git_bad_answer": "text/html",
    "dockerfile_invalid": "dockerfile parse error line 2: unknown instruction: FRMO",
    "base_image_missing": (
        "manifest for registry.example.com:5000/team/base:nosuch not found: manifest unknown: manifest unknown"
    ),
    "base_image_denied": (
        "pull access denied for registry.example.com/team/base, repository does not exist or may require 'docker "
        "login': denied: requested access to the resource is denied"
    ),
    "copy_source_missing": (
        "COPY failed: file not found in build context or excluded by .dockerignore: stat requirements.txt: file does "
        "not exist"
    ),
    "build_step_failed": "The command '/bin/sh -c pip install nosuch' returned a non-zero code: 1",
    "build_step_killed": "The command '/bin/sh -c make -j64' returned a non-zero code: 137",
    "build_step_not_started": (
        'OCI runtime create failed: runc create failed: unable to start container process: exec: "/bin/sh": stat '
        "/bin/sh: no such file or directory: unknown"
    ),
    "buildkit_needed": "the --mount option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/",
    "build_secret_missing": "failed to solve: secret PIP_TOKEN: not found",
    "push_unauthorized": "unauthorized: authentication required",
    "push_denied": "denied: requested access to the resource is denied",
    "push_repository_missing": "name unknown: repository name not known to registry",
    "push_tag_immutable": "tag invalid: The image tag '1-abc' already exists and cannot be overwritten",
    "push_quota_exceeded": (
        "denied: adding 1.2 GiB of storage resource, which when updated to current usage of 9.1 GiB will exceed the "
        "configured upper limit of 10.0 GiB."
    ),
    "push_too_large": "error parsing HTTP 413 response body: invalid character '<' looking for beginning of value",
    "push_mismatch": "sha256:20712577 != sha256:5f70bf18",
}
TYPICAL: Mapping[str, str] = {**OF_PULLS, **OWN}
