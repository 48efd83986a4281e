"""What a builder gets besides the files: names, arguments, labels, logins, secrets, limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from django.conf import settings

from builds.dockerfiles import (
    Dockerfile,
    DockerfileError,
    external_images,
    foreign_syntax,
    leaves_doubt,
    needs_buildkit,
)
from builds.failures import failure
from builds.hiding import login_secrets
from builds.models import Build
from builds.naming import RECIPE, recipe_of
from builds.outcome import BuildFailed
from builds.pushing import is_trusted
from builds.sources import Source
from builds.target import REVISION, TITLE
from imagelib.addresses import ImageReference, parse
from imagelib.models import ImageRegistry
from imagelib.references import Endpoints
from nodes.engine import BUILDKIT, CLASSIC, BuildSpec, RegistryAuth
from pulls.services import entry_of
from pulls.subject import credentials

_GB: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Logins:
    """For base images, by host. `withheld`: hosts whose stored login is not sent, `in_doubt`: as nobody can tell for
    certain what is taken from there. `pull`: what the node has of these images is not taken without asking their
    registries, as somebody else may have brought it there."""

    auths: Mapping[str, RegistryAuth] = field(default_factory=dict)
    withheld: tuple[str, ...] = ()
    in_doubt: bool = False
    pull: bool = False


def logins_for(job: Build, dockerfile: Dockerfile, endpoints: Endpoints) -> Logins:
    """Builds of operators' applications get the login of every registry that the Dockerfile names, whoever asks for
    them. Others' get one only when each image from there is listed: engines know logins by host alone, so it would be
    sent for an unlisted one as well."""
    try:
        images = [parse(name) for name in external_images(dockerfile, job.arguments)]
    except DockerfileError:
        images = []  # the builder will say what is wrong with it
    hosts: dict[str, list[ImageReference]] = {}
    for image in images:
        hosts.setdefault(image.host, []).append(image)
    auths, withheld = {}, []
    trusted = _is_operators(job)
    listed = {image: trusted or _is_listed(image, endpoints) for image in images}
    # Another front end, or text that we misread, could take any image with the logins of a build.
    in_doubt = not trusted and (bool(foreign_syntax(dockerfile)) or leaves_doubt(dockerfile))
    for host, wanted in hosts.items():
        auth = next(filter(None, (credentials(image, endpoints.for_reference(image)) for image in wanted)), None)
        if auth is None:
            continue
        if in_doubt or not all(listed[image] for image in wanted):
            withheld.append(host)
        else:
            auths[host] = auth
    pull = not trusted and (in_doubt or not images or not all(listed.values()))
    return Logins(auths, tuple(withheld), in_doubt, pull)


def spec_for(job: Build, source: Source, dockerfile: Dockerfile, *, logins: Logins, preferred: str) -> BuildSpec:
    """`preferred`: the builder that the engine prefers. Raises `BuildFailed`."""
    application = job.application
    secrets = {row.name: row.value.reveal().encode() for row in application.secrets.all()} if application else {}
    return BuildSpec(
        tag=job.reference,
        # Engines warn of those that a Dockerfile does not ask for, and there are two spellings of one.
        arguments={name: value for name, value in job.arguments.items() if name in dockerfile.text},
        labels={
            REVISION: source.revision,
            TITLE: job.application_name,
            RECIPE: recipe_of(job.arguments, job.git_path),
            "org.opencontainers.image.source": source.place,
            # Of the revision, not of the build: the same revision makes the same image, and caches find it.
            "org.opencontainers.image.created": source.made_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        },
        auths=logins.auths,
        secrets=secrets,
        memory_bytes=int(settings.BUILD_MEMORY_GB * _GB) or None,
        cpus=settings.BUILD_CPUS or None,
        builder=_builder(dockerfile, has_secrets=bool(secrets), preferred=preferred),
        pull=logins.pull,
    )


def secrets_of(spec: BuildSpec) -> set[str]:
    """What no line of the log may show."""
    hidden = {content.decode() for content in spec.secrets.values()}
    return hidden.union(*(login_secrets(auth.username, auth.password) for auth in spec.auths.values()))


def _builder(dockerfile: Dockerfile, *, has_secrets: bool, preferred: str) -> str:
    """BuildKit takes no limits with a build, so there may be none of it."""
    needed = needs_buildkit(dockerfile)
    if not settings.BUILD_CLASSIC_ONLY:
        return BUILDKIT if has_secrets or needed else preferred
    if needed:
        raise BuildFailed(failure("buildkit_not_allowed"))
    return CLASSIC


def _is_operators(job: Build) -> bool:
    """Who wrote the Dockerfile counts, today, not who asked: an operator who starts a user's build has not read it."""
    return job.application is not None and is_trusted(job.application.owner)


def _is_listed(image: ImageReference, endpoints: Endpoints) -> bool:
    return entry_of(image.canonical, endpoints, among=ImageRegistry.objects.filter(is_listed=True)) is not None
