"""What a pull will move: exact sizes from the registry's manifest, minus what the node has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from imagelib.addresses import ImageReference
from imagelib.registry import UNREACHABLE_CODES, Manifest, Platform, RegistryClient, RegistryError
from imagelib.registry.platforms import normalize, runnable
from nodes.engine import Engine
from pulls.meter import LayerPlan


@dataclass(frozen=True, slots=True)
class PullPlan:
    """`layers` is None when sizes are not to be had from here: the total is then "at least"."""

    digest: str  # what the engine must report afterwards; empty when the registry could not be asked
    layers: tuple[LayerPlan, ...] | None
    node_platform: str
    image_platform: str = ""
    unreachable: str = ""  # the code of the look-up's failure

    @property
    def runs_there(self) -> bool:
        """False for a single image of another platform: engines pull it without a word (docker-engine.md §3)."""
        return not self.image_platform or runs_on(self.image_platform, self.node_platform)

    @property
    def bytes_to_move(self) -> int | None:
        return None if self.layers is None else sum(layer.size for layer in self.layers if not layer.reused)

    @property
    def bytes_reused(self) -> int:
        return sum(layer.size for layer in self.layers or () if layer.reused)


def runs_on(image: str, node: str) -> bool:
    """Whether a node of platform `node` runs images of platform `image`, such as linux/386 on linux/amd64."""
    return normalize(Platform.parse(image)) in set(runnable(Platform.parse(node)))


def plan_pull(
    *,
    reference: ImageReference,
    registry: RegistryClient,
    engine: Engine,
    between: Callable[[], None] = lambda: None,
) -> PullPlan:
    """Ask the registry, compare with the node. Raises `RegistryError` when the registry itself says no.

    `between` is called between the steps, each of which may take seconds; it may raise to end the planning.
    """
    info = engine.info()
    between()
    wanted = Platform.parse(info.platform)
    try:
        manifest = registry.resolve(reference.repository, reference.remote, platform=wanted)
        between()
        config = registry.image_config(reference.repository, manifest.config)
    except RegistryError as error:
        if error.code not in UNREACHABLE_CODES:
            raise  # the registry answered, and its answer decides
        return PullPlan(reference.digest or "", None, info.platform, unreachable=error.code)
    between()
    layers = None
    if manifest.sizes_known:
        have = reused_layers(manifest, config.diff_ids, chains=engine.image_layers(), any_order=info.containerd_store)
        layers = tuple(LayerPlan(blob.digest, blob.size, blob.digest in have) for blob in manifest.distinct_layers)
    known = config.platform.is_known and config.platform.architecture
    image_platform = str(config.platform) if known else ""
    return PullPlan(manifest.digest, layers, info.platform, image_platform)


def reused_layers(
    manifest: Manifest, diff_ids: Sequence[str], *, chains: Iterable[Sequence[str]], any_order: bool
) -> set[str]:
    """Digests of the manifest's layers that the node has already.

    Graph drivers share a layer only on top of the same layers below it, so a common prefix counts; the containerd
    store shares by content (`any_order`).
    """
    if len(diff_ids) != len(manifest.layers):
        return set()
    if any_order:
        known = {diff_id for chain in chains for diff_id in chain}
        return {blob.digest for blob, diff_id in zip(manifest.layers, diff_ids, strict=True) if diff_id in known}
    shared = max((_common_prefix(diff_ids, chain) for chain in chains), default=0)
    return {blob.digest for blob in manifest.layers[:shared]}


def _common_prefix(left: Sequence[str], right: Sequence[str]) -> int:
    length = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        length += 1
    return length
