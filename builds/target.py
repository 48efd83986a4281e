"""The place where an image goes: what its registry has under the tag now.

The registry is asked from here; where it cannot be reached from here, through the node's engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from django.db.models import Q

from builds.failures import failure
from builds.models import Build
from builds.naming import RECIPE, recipe_of
from builds.outcome import BuildFailed, Published
from core.jobs import JobState
from imagelib.addresses import ImageReference
from imagelib.models import RegistryEndpoint
from imagelib.registry import UNREACHABLE_CODES, ImageDescription, RegistryClient, RegistryError
from nodes.engine import Engine, EngineRejected, RegistryAuth
from pulls.failures import classify_engine_text
from pulls.tools import Tools

REVISION: Final = "org.opencontainers.image.revision"
TITLE: Final = "org.opencontainers.image.title"
# Many registries deny what is only made by the first push.
_PERHAPS_NONE: Final = frozenset({"image_not_found", "repository_not_found", "registry_denied", "image_access_denied"})


@dataclass(frozen=True, slots=True)
class Found:
    """What a registry shows under a tag."""

    digest: str
    size: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Target:
    job: Build
    reference: ImageReference  # with its tag
    endpoint: RegistryEndpoint | None
    auth: RegistryAuth | None
    engine: Engine
    tools: Tools

    def standing(self) -> Published | None:
        """What of this build is in the registry already: a build of the same revision and recipe, which need not be
        made again.

        Raises `BuildFailed` when the tag is taken by anything else: tags of builds never move.
        """
        found = self._look(with_labels=True)
        if found is None:
            return None
        objection = self._objection(found)
        if objection:
            params = {"reference": self.reference.canonical, "digest": found.digest}
            raise BuildFailed(failure(objection, params=params))
        return Published(found.digest, found.size)

    def confirm(self, digest: str) -> Published:
        """The registry shows what the engine pushed; else `BuildFailed`."""
        found = self._look(with_labels=False)
        if found is None or found.digest != digest:
            shown = found.digest if found else "-"
            raise BuildFailed(failure("push_mismatch", evidence=f"{digest} != {shown}"))
        return Published(digest, found.size)

    def _look(self, *, with_labels: bool) -> Found | None:
        repository, tag = self.reference.repository, self.reference.tag or "latest"
        try:
            with self.tools.registry(self.reference.host, self.endpoint) as registry:
                description = registry.describe(repository, tag)
                labels = _labels(registry, repository, description) if with_labels else {}
                return Found(description.digest, _size(description), labels)
        except RegistryError as error:
            if error.code in _PERHAPS_NONE:
                return None
            if error.code not in UNREACHABLE_CODES:
                raise
        return self._look_through_engine()

    def _look_through_engine(self) -> Found | None:
        try:
            return Found(self.engine.distribution(self.reference.canonical, auth=self.auth).digest)
        except EngineRejected as error:
            found = classify_engine_text(error.evidence, status=error.status, credentials_sent=self.auth is not None)
            if found.code in _PERHAPS_NONE:
                return None
            raise BuildFailed(found) from error

    def _objection(self, found: Found) -> str:
        """Why it is not what this build would make, as a code; empty if it is: the image says so, or our rows do."""
        labels, recipe = found.labels, _recipe_of(self.job)
        named = labels.get(REVISION) == self.job.revision and labels.get(TITLE) == self.job.application_name
        if named and labels.get(RECIPE) == recipe:
            return ""
        earlier = Build.objects.filter(application=self.job.application_id, reference=self.reference.canonical)
        published = Q(state=JobState.SUCCEEDED, digest=found.digest) | Q(pushed_digest=found.digest)
        recipes = {_recipe_of(build) for build in earlier.filter(published)}
        if recipe in recipes:
            return ""
        return "tag_of_other_recipe" if named or recipes else "tag_taken"


def _recipe_of(job: Build) -> str:
    return recipe_of(job.arguments, job.git_path)


def _size(description: ImageDescription) -> int | None:
    """Of the largest platform; there is mostly one."""
    sizes = [manifest.layers_size + manifest.config.size for manifest in description.manifests if manifest.sizes_known]
    return max(sizes, default=None)


def _labels(registry: RegistryClient, repository: str, description: ImageDescription) -> Mapping[str, str]:
    if not description.manifests:
        return {}
    return registry.image_config(repository, description.manifests[0].config).labels
