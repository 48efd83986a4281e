"""What a worker finds out about a submitted image: questions to its registry and to the scanner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog
from django.conf import settings

from builds.checking import Check, Facts, Fleet, checks_of
from builds.libc_search import find_libc
from builds.models import Submission
from builds.pushing import objection_to
from builds.scanner import Artifact, Report, Scanner, ScannerError
from imagelib.addresses import ImageReference, parse
from imagelib.models import ImageRegistry, RegistryEndpoint
from imagelib.references import Endpoints
from imagelib.registry import ImageDescription, Manifest, Platform, RegistryClient
from imagelib.registry.platforms import choose
from imagelib.registry.redaction import basic_value
from nodes.models import NodeStatus
from nodes.services import usable_nodes
from pulls.services import entry_of
from pulls.tools import Tools

logger = structlog.get_logger(__name__)
_USUAL = "linux/amd64"


@dataclass(frozen=True, slots=True)
class Examined:
    facts: Facts
    checks: list[Check]


def examine(submission: Submission, tools: Tools, *, glance: Callable[[], None]) -> Examined:
    """Takes minutes at most. `glance` is called meanwhile, and may raise to stop. Raises `RegistryError` and
    `SecretUnreadable`."""
    reference = parse(submission.reference)
    endpoint = Endpoints().for_reference(reference)
    fleet = fleet_of_now()
    with tools.registry(reference.host, endpoint) as client:
        found = client.describe(reference.repository, reference.remote)
        glance()
        manifest = _chosen(found, fleet)
        facts = _facts(client, reference, found, manifest, glance)
        registry = client.url
    facts = replace(facts, anonymous=endpoint is None or not endpoint.has_credentials)
    report = _scan(registry, endpoint, reference, manifest, tools, glance)
    built = submission.build.digest if submission.build else ""
    return Examined(facts, checks_of(facts, built=built, fleet=fleet, report=report))


def may_know(submission: Submission) -> bool:
    """Whether who submitted it gets to know what the registry says. Anybody may name any reference, and registries are
    asked with logins that operators stored: so only of an own build, of what is listed, of what everybody may ask for,
    and below namespaces where the user may push."""
    if submission.build_id is not None:
        return True
    endpoints, reference = Endpoints(), parse(submission.reference)
    endpoint = endpoints.for_reference(reference)
    if endpoint is None or not endpoint.has_credentials:
        return True
    if objection_to(reference.name, submission.requested_by, endpoints) is None:
        return True
    return entry_of(submission.reference, endpoints, among=ImageRegistry.objects.filter(is_listed=True)) is not None


def fleet_of_now() -> Fleet:
    """The listed nodes whose engines answered last."""
    rows = usable_nodes().filter(is_listed=True, status=NodeStatus.CONNECTED)
    known = list(rows.values_list("platform", "disk_free_bytes"))
    free = [size for _platform, size in known if size is not None]
    platforms = sorted({platform for platform, _size in known if platform.count("/") in (1, 2)})
    return Fleet(platforms, max(free) if free else None)


def _chosen(found: ImageDescription, fleet: Fleet) -> Manifest | None:
    """The manifest for the nodes that there are, else for the usual platform, else the first one."""
    offered = [manifest.platform for manifest in found.manifests]
    for text in (*fleet.platforms, _USUAL):
        position = choose(offered, Platform.parse(text))
        if position is not None:
            return found.manifests[position]
    return found.manifests[0] if found.manifests else None


def _facts(
    client: RegistryClient,
    reference: ImageReference,
    found: ImageDescription,
    manifest: Manifest | None,
    glance: Callable[[], None],
) -> Facts:
    sizes = [one.layers_size for one in found.manifests if one.sizes_known]
    platforms = [storable(str(one), 100) for one in found.platforms]
    size = max(sizes) if sizes and len(sizes) == len(found.manifests) else None
    if manifest is None:
        return Facts(found.digest, size, platforms, libc_unknown="libc_unknown")
    config = client.image_config(reference.repository, manifest.config)
    libc, unknown = find_libc(client, reference.repository, manifest, glance=glance)
    labels = {storable(name, 200): storable(value, 500) for name, value in config.labels.items()}
    return Facts(found.digest, size, platforms, libc, unknown, storable(config.created, 40), labels)


def storable(text: str, most: int) -> str:
    """What a registry says of itself, as databases take it: no NUL, no halves of surrogate pairs."""
    return text[:most].encode("utf-8", "replace").decode().replace("\0", " ")


def _scan(
    registry: str,
    endpoint: RegistryEndpoint | None,
    reference: ImageReference,
    manifest: Manifest | None,
    tools: Tools,
    glance: Callable[[], None],
) -> Report | str:
    """The report, or the code of why there is none: that is no reason to hold a submission up."""
    if not settings.SCANNER_URL:
        return "scanner_not_configured"
    if manifest is None:
        return "scanner_without_manifest"

    def wait(seconds: float) -> None:
        until = tools.monotonic() + seconds
        while (left := until - tools.monotonic()) > 0:
            glance()
            tools.sleep(min(left, 1.0))

    scanner = Scanner(settings.SCANNER_URL, settings.SCANNER_TOKEN, wait=wait, monotonic=tools.monotonic)
    artifact = Artifact(
        registry=registry, authorization=_authorization(endpoint), repository=reference.repository,
        digest=manifest.manifest_digest, tag=reference.tag or "", media_type=manifest.media_type,
    )  # fmt: skip
    try:
        return scanner.scan(artifact)
    except ScannerError as error:
        logger.warning("no vulnerability report", code=error.code, evidence=error.evidence)
        return error.code


def _authorization(endpoint: RegistryEndpoint | None) -> str:
    if endpoint is None or not endpoint.has_credentials:
        return ""
    return f"Basic {basic_value(endpoint.username, endpoint.password.reveal())}"
