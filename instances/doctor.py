"""The vGPU doctor: whether a node can run slices, examined now, each finding with what to do about it."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from core.operators import require_operator
from core.rows import some_of
from imagelib.addresses import AddressError
from imagelib.models import ImageRegistry
from imagelib.references import Endpoints
from instances.accelerator import Finding, Refused
from instances.accelerators.registry import CARDS
from instances.discovery import discover, small_images
from instances.doctor_texts import DOCTOR
from instances.elf import version_text
from instances.engine_slots import examinations
from instances.examination_texts import advice, cause
from instances.failures import classify_refusal
from instances.inventory import node_of
from instances.models import Gpu, Orphan
from instances.preflight import architecture_of, digest_of, examine, known_image
from instances.preload import ImageFacts, LibraryFacts, judge
from instances.refusal_texts import join
from nodes.engine import Engine, EngineError, EngineRejected, ImageInfo, connect
from nodes.failure_texts import engine_failure_text
from nodes.models import ComputeNode
from nodes.paths import USUAL_LIBRARY_DIRECTORY

WITHIN = 60.0  # seconds, for everything together
IMAGES_SOUGHT, IMAGES_CHECKED = 50, 5
GOOD, DOUBTFUL, BAD = "good", "doubtful", "bad"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. `level`: `GOOD`, `DOUBTFUL` (unknown, or worth a look), `BAD` (no slices until it is mended)."""

    code: str  # of `instances.doctor_texts`
    level: str
    params: Mapping[str, Any] = field(default_factory=dict)
    causes: tuple[Finding, ...] = ()  # of what was judged as a whole

    @property
    def level_for_node(self) -> str:
        """An image that does not fit keeps no other from the node."""
        return DOUBTFUL if self.code == "image_does_not_fit" else self.level

    @property
    def text(self) -> str:
        told = " ".join(cause(finding.code, finding.params) for finding in self.causes)
        return cause(self.code, {**self.params, "cause": self.params.get("cause", told)}, DOCTOR)

    @property
    def advice(self) -> str:
        """What to do; empty where nothing is."""
        found = advice(self.code, DOCTOR)
        for finding in self.causes:
            found = join(found, advice(finding.code)) if found else advice(finding.code)
        return found


def examine_node(*, user: Any, node: int) -> list[Check]:
    """Look at everything that slices need there. What was seen of its cards, its library and its images is stored.

    Up to 60 s. Raises `NotFound`, `PermissionRefused`, `Busy` while it or too many others are examined; a node that
    does not answer is a finding.
    """
    require_operator(user)
    row = node_of(user, node)
    if not row.docker_address:
        return [Check("no_address", BAD)]
    timeout, hosts = settings.ENGINE_TIMEOUT, settings.SSH_KNOWN_HOSTS
    checks: list[Check] = []
    try:
        with (
            examinations.held(row.pk),
            connect(row.endpoint(), timeout=timeout, within=WITHIN, known_hosts=hosts) as engine,
        ):
            checks.extend(examined(engine, row, now=timezone.now()))
    except EngineError as error:
        checks.append(Check("engine_away", BAD, {"cause": str(engine_failure_text(error.code).cause)}))
    return checks


def examined(engine: Engine, node: ComputeNode, *, now: datetime) -> Iterator[Check]:
    """As the questions are answered. Raises `EngineError`."""
    yield Check("engine_answers", GOOD, {"version": engine.info().engine_version, "platform": engine.platform})
    of_devices = list(_devices(engine, node, now=now))
    yield from of_devices
    if orphans := list(Orphan.objects.filter(node=node)):
        yield Check("orphans", DOUBTFUL, {"count": len(orphans), "containers": some_of([str(one) for one in orphans])})
    images = list(_images_there(engine))
    names = [reference for _name, reference, _image in images] or small_images(engine)
    if not names:
        missing = Check("no_probe_image", DOUBTFUL)
        yield from () if missing in of_devices else (missing,)
        return
    image = engine.inspect_image(names[0])
    library = None if image is None else (yield from _library(engine, node, image, names[0], now=now))
    if library is None:
        return
    if not images:
        yield Check("no_image_to_check", DOUBTFUL)
    for name, reference, found in images:
        facts = known_image(digest_of(found), found.architecture)
        if facts is None:
            _library_again, facts = examine(engine, node, found, reference=reference, now=now)
        yield _of_image(name, facts, library)


def _devices(engine: Engine, node: ComputeNode, *, now: datetime) -> Iterator[Check]:
    try:
        found = discover(engine, node, now=now)
    except EngineError:  # if it is the node itself that went away, the next question finds out
        yield Check("gpus_unknown", DOUBTFUL)
        return
    if found is None:  # it was moved to another machine meanwhile
        yield Check("gpus_unknown", DOUBTFUL)
        return
    if found.problem:
        yield Check(found.problem, BAD if found.problem == "no_device_support" else DOUBTFUL)
        return
    cards = list(Gpu.objects.filter(node=node))
    idle = [card for card in cards if card.is_missing or card.is_partitioned or card.is_cordoned]
    yield Check("devices_found", GOOD, {"devices": _named(card for card in cards if not card.is_missing)})
    if idle:
        yield Check("devices_out_of_service", DOUBTFUL, {"devices": _named(iter(idle))})
    if outside := [card for card in cards if card.outside_mib and not card.is_missing]:
        told = ", ".join(f"{card} ({card.outside_mib} / {card.memory_mib} MiB)" for card in outside)
        yield Check("devices_used_outside", DOUBTFUL, {"devices": told})


def _named(cards: Iterator[Gpu]) -> str:
    return ", ".join(f"{card} ({card.memory_mib} MiB)" for card in cards)


def _library(
    engine: Engine, node: ComputeNode, image: ImageInfo, reference: str, *, now: datetime
) -> Generator[Check, None, LibraryFacts | None]:
    """Yields what is to be said of the library and returns its facts, None when there are none."""
    try:
        library, _image = examine(engine, node, image, reference=reference, now=now)
    except Refused:
        yield Check("library_directory_bad", BAD, {"path": node.hami_core})
        return None
    except EngineRejected as error:
        missing = classify_refusal(error.evidence) == "library_directory_missing"
        place = {"node": node.name, "path": node.hami_core or USUAL_LIBRARY_DIRECTORY, "evidence": error.evidence}
        yield Check("library_directory_missing", BAD, place) if missing else Check("library_not_seen", DOUBTFUL, place)
        return None
    found = judge(library, None, CARDS.PRELOADED, node=architecture_of(engine.platform))
    yield from (Check(one.code, BAD if one.refuses else DOUBTFUL, one.params) for one in found)
    elf = library.elf
    if not found:
        code = "library_fits" if elf.glibc_needed else "library_fits_any_glibc"
        yield Check(code, GOOD, {"machine": elf.machine, "glibc": version_text(elf.glibc_needed)})
    if CARDS.PRELOADED.driver in elf.needed:
        yield Check("library_wants_driver", GOOD, {"driver": CARDS.PRELOADED.driver})
    return library


def _images_there(engine: Engine) -> Iterator[tuple[str, str, ImageInfo]]:
    """Listed images that allow slices and are on the node: name, reference, the image; the newest entries first."""
    endpoints, found = Endpoints(), 0
    rows = ImageRegistry.objects.filter(is_listed=True, supports_vgpu=True).order_by("-pk")
    for entry in rows[:IMAGES_SOUGHT]:
        try:
            reference = endpoints.effective(entry.address).reference.canonical
        except AddressError:
            continue
        image = engine.inspect_image(reference)
        if image is None:
            continue
        yield entry.name, reference, image
        found += 1
        if found == IMAGES_CHECKED:
            return


def _of_image(name: str, facts: ImageFacts, library: LibraryFacts) -> Check:
    """Of the image with this library; what is wrong with the library itself was said already."""
    own = judge(library, None, CARDS.PRELOADED, node="")
    causes = tuple(finding for finding in judge(library, facts, CARDS.PRELOADED, node="") if finding not in own)
    if any(finding.refuses for finding in causes):
        return Check("image_does_not_fit", BAD, {"image": name}, causes)
    if causes:
        return Check("image_uncertain", DOUBTFUL, {"image": name}, causes)
    libc = f"{facts.libc} {version_text(facts.glibc)}".strip()
    return Check("image_fits", GOOD, {"image": name, "libc": libc})
