"""What a pull will move: exact sizes from the registry's manifest, minus what the node has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from imagelib.addresses import ImageReference
from imagelib.registry import UNREACHABLE_CODES, Manifest, Platform, RegistryClient, RegistryError
from imagelib.registry.platforms import normalize, runnable
from nodes.engine import Engine
from pulls.meter import LayerPlan


@dataclass(frozen=True, slots=True)
class Offer:
    """What the registry has under a reference. Without a `manifest` it could not be asked; `unreachable` says why."""

    digest: str  # what the engine must report afterwards; empty when the registry could not be asked
    manifest: Manifest | None = None
    diff_ids: tuple[str, ...] = ()
    platform: str = ""  # of the image; empty when unknown
    unreachable: str = ""  # the code of the look-up's failure

    @property
    def sizes(self) -> dict[str, int]:
        """Bytes that travel for each layer, by the digest of its content; empty when they are not known."""
        layers = self.manifest.layers if self.manifest is not None and self.manifest.sizes_known else ()
        if len(layers) != len(self.diff_ids):
            return {}
        return {diff_id: blob.size for diff_id, blob in zip(self.diff_ids, layers, strict=True)}

    def runs_on(self, node: str) -> bool:
        """False for a single image of another platform: engines pull it without a word (docker-engine.md §3)."""
        return not self.platform or runs_on(self.platform, node)


@dataclass(frozen=True, slots=True)
class PullPlan:
    """`layers` is None when sizes are not to be had from here: the total is then "at least"."""

    offer: Offer
    layers: tuple[LayerPlan, ...] | None

    @property
    def bytes_to_move(self) -> int | None:
        return None if self.layers is None else sum(layer.size for layer in self.layers if not layer.reused)

    @property
    def bytes_reused(self) -> int:
        return sum(layer.size for layer in self.layers or () if layer.reused)


def runs_on(image: str, node: str) -> bool:
    """Whether a node of platform `node` runs images of platform `image`, such as linux/386 on linux/amd64."""
    return normalize(Platform.parse(image)) in set(runnable(Platform.parse(node)))


def look_up(reference: ImageReference, registry: RegistryClient, *, platform: str) -> Offer:
    """Ask the registry what a node of `platform` would pull. Raises `RegistryError` when it says no itself."""
    try:
        manifest = registry.resolve(reference.repository, reference.remote, platform=Platform.parse(platform))
        config = registry.image_config(reference.repository, manifest.config)
    except RegistryError as error:
        if error.code not in UNREACHABLE_CODES:
            raise  # the registry answered, and its answer decides
        return Offer(reference.digest or "", unreachable=error.code)
    known = config.platform.is_known and config.platform.architecture
    return Offer(manifest.digest, manifest, config.diff_ids, str(config.platform) if known else "")


def weigh(offer: Offer, *, chains: Iterable[Sequence[str]], any_order: bool) -> PullPlan:
    """What of the offer moves to a node that has the layer `chains`; for `any_order` see `reused_layers`."""
    manifest = offer.manifest
    if manifest is None or not manifest.sizes_known:
        return PullPlan(offer, None)
    have = reused_layers(manifest, offer.diff_ids, chains=chains, any_order=any_order)
    layers = (LayerPlan(blob.digest, blob.size, blob.digest in have) for blob in manifest.distinct_layers)
    return PullPlan(offer, tuple(layers))


def plan_pull(*, reference: ImageReference, registry: RegistryClient, engine: Engine) -> PullPlan:
    """Ask the registry, compare with the node. Raises `RegistryError` when the registry itself says no."""
    offer = look_up(reference, registry, platform=engine.platform)
    return weigh(offer, chains=engine.image_layers(), any_order=engine.info().containerd_store)


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
