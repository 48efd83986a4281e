"""What a pull is about, and how an engine shows it: names, digests, platforms."""

from __future__ import annotations

from contextlib import suppress

from imagelib.addresses import AddressError, ImageReference, parse
from imagelib.models import RegistryEndpoint
from nodes.engine import ImageInfo, RegistryAuth
from nodes.models import ComputeNode
from pulls.failures import failure
from pulls.models import PullJob
from pulls.outcome import PullFailed
from pulls.plan import runs_on


def node_or_fail(job: PullJob) -> ComputeNode:
    """What was true when the pull was asked for must be true when it starts."""
    if job.node is None:
        raise PullFailed(failure("node_gone"))
    if not job.as_operator and not job.node.is_listed:
        raise PullFailed(failure("node_not_listed"))
    if not job.as_operator and (job.image is None or not job.image.is_listed):
        raise PullFailed(failure("image_not_listed"))
    return job.node


def credentials(reference: ImageReference, endpoint: RegistryEndpoint | None) -> RegistryAuth | None:
    """Of the endpoint that covers the reference; no endpoint, no credentials."""
    if endpoint is None or not endpoint.has_credentials:
        return None
    return RegistryAuth(endpoint.username, endpoint.password.reveal(), reference.host)


def name_on_engine(reference: ImageReference) -> str:
    """By which an engine that pulled the reference knows the image."""
    if reference.digest:
        return f"{reference.name}@{reference.digest}"
    return f"{reference.name}:{reference.tag or 'latest'}"


def digests(image: ImageInfo, reference: ImageReference) -> set[str]:
    """Digests under which a node knows the image in this repository."""
    found = set()
    for text in image.repo_digests:
        name, _separator, digest = text.rpartition("@")
        with suppress(AddressError):  # a name that our grammar refuses is not ours
            if parse(name).name == reference.name:
                found.add(digest)
    return found


def demand_platform(image: str, node: str) -> None:
    """Raises `PullFailed` when programs for `image` cannot run on `node`; an image that does not say passes."""
    if image and not runs_on(image, node):
        raise PullFailed(failure("platform_mismatch", params={"image": image, "node": node}))
