"""Before a slice's container exists: can the slicing library do its work in this image on this node?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from instances.accelerator import Finding, Refused
from instances.accelerators.registry import CARDS
from instances.examining import LIFE, look_at_image, look_at_library, opened
from instances.failures import classify_refusal
from instances.faults import note_fault, settle_library
from instances.models import ImageReport, LibraryReport
from instances.preload import ImageFacts, LibraryFacts, as_json, image_facts, judge, library_facts
from nodes.engine import Engine, EngineRejected, ImageInfo
from nodes.models import ComputeNode

COUNTS_FOR = timedelta(minutes=30)  # of what was found of a library


def preflight(engine: Engine, node: ComputeNode, image: ImageInfo, *, reference: str, now: datetime) -> list[Finding]:
    """What stands against slices of the image there, the gravest first; nothing for all that is well.

    Raises `EngineError`, an `EngineRejected` where the directory does not exist, and `Refused` for a bad path of it.
    """
    library, facts = examine(engine, node, image, reference=reference, now=now)
    return judge(library, facts, CARDS.PRELOADED, node=architecture_of(engine.platform))


def examine(
    engine: Engine, node: ComputeNode, image: ImageInfo, *, reference: str, now: datetime
) -> tuple[LibraryFacts, ImageFacts]:
    """The facts, which are stored. An image is looked at once for all nodes, a library again when it changed."""
    mount = CARDS.library_mount(node.hami_core)
    known = known_library(node)
    digest, architecture = digest_of(image), image.architecture[:64]
    facts = known_image(digest, architecture)
    try:
        with opened(engine, reference, mounts=(mount,), now=now) as container:
            library = look_at_library(engine, container, CARDS.PRELOADED, known=known)
            if facts is None:
                facts = look_at_image(engine, container, architecture=architecture)
    except EngineRejected as error:
        if (code := classify_refusal(error.evidence)) == "library_directory_missing":
            note_fault(node, code, {"node": node.name, "path": mount.source}, now=now)
        raise
    facts = replace(facts, environment=tuple(sorted(CARDS.what_matters(image.environment).items())))
    wrong = judge(library, None, CARDS.PRELOADED, node=architecture_of(engine.platform))
    settle_library(node, wrong, now=now)
    _remember(LibraryReport, library, library_facts, now=now, node=node, directory=mount.source)
    key = {"reference": reference, "digest": digest, "architecture": architecture}
    _remember(ImageReport, facts, image_facts, now=now, **key)
    return library, facts


def _remember(report: Any, facts: Any, parse: Callable[[Any], Any], *, now: datetime, **key: Any) -> None:
    """Two who look at the same moment see the same: whoever writes last is as right as the other. What was just written
    is not written again, or the creations on a node would wait for each other."""
    row = report.objects.filter(**key).first()
    if row is None or now - row.checked_at > LIFE or parse(row.facts) != facts:
        report.objects.update_or_create(**key, defaults={"facts": as_json(facts), "checked_at": now})


def refuse_by(findings: Iterable[Finding]) -> None:
    """Raises `Refused` for the first of them that leaves no choice."""
    for finding in findings:
        if finding.refuses:
            raise Refused(finding.code, **finding.params)


def digest_of(image: ImageInfo) -> str:
    """An image that came from no registry has its id."""
    return image.digest or image.id


def architecture_of(platform: str) -> str:
    return platform.partition("/")[2].partition("/")[0]


# --- what is known already --------------------------------------------------------------------------------------------


def known_library(node: ComputeNode) -> LibraryFacts | None:
    """As it was when it was last looked at. Raises `Refused` for a bad path."""
    directory = CARDS.library_mount(node.hami_core).source
    row = LibraryReport.objects.filter(node=node, directory=directory).first()
    return library_facts(row.facts) if row else None


def known_image(digest: str, architecture: str) -> ImageFacts | None:
    row = ImageReport.objects.filter(digest=digest, architecture=architecture).order_by("-checked_at").first()
    return image_facts(row.facts) if row else None


def known_findings(node: ComputeNode, reference: str) -> list[Finding]:
    """What creation would probably find, without asking anybody; nothing where nothing is known. What stood against the
    library a while ago refuses nothing any more: it may have been mended since."""
    architecture = architecture_of(node.platform)
    image = last_seen(reference, architecture)
    found = judge(known_library(node), image, CARDS.PRELOADED, node=architecture)
    if LibraryReport.objects.filter(node=node, checked_at__gt=timezone.now() - COUNTS_FOR).exists():
        return found
    lasting = judge(None, image, CARDS.PRELOADED, node=architecture)
    return [one if one in lasting else replace(one, refuses=False) for one in found]


def known_environment(reference: str) -> dict[str, str] | None:
    """Of an image that is not at hand: what matters to a slice, None if it was never seen."""
    facts = last_seen(reference)
    return None if facts is None or facts.environment is None else dict(facts.environment)


def last_seen(reference: str, architecture: str = "") -> ImageFacts | None:
    """The image that was met last under the name: a tag may mean another one by now."""
    rows = ImageReport.objects.filter(reference=reference).order_by("-checked_at")
    row = (rows.filter(architecture=architecture) if architecture else rows).first()
    return image_facts(row.facts) if row else None
