"""Which layers of images are on which nodes, as far as pulls told: what placing ranks nodes by, and nothing else.

A pull asks the engine for all its layers before it begins, so what somebody removed by hand is forgotten with the next
one there. Until then a node may be taken for one that has more than it has; it gets the image all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from itertools import islice
from typing import Final

from django.db import connection, transaction

from imagelib.registry import Platform
from imagelib.registry.platforms import normalize
from nodes.models import ComputeNode
from pulls.models import ImageLayer, NodeLayer, PulledImage
from pulls.outcome import Layers

MOST_LAYERS: Final = 20_000  # of a node
AT_ONCE: Final = 500  # rows of a statement
_BYTES_THERE: Final = """
    SELECT image.platform, there.node_id, CAST(SUM(layer.size) AS bigint)
      FROM pulls_pulledimage image
      JOIN pulls_imagelayer layer ON layer.image_id = image.id
      JOIN pulls_nodelayer there ON there.layer = layer.layer
     WHERE image.reference = %s
     GROUP BY image.platform, there.node_id
     UNION ALL
    SELECT platform, 0, size FROM pulls_pulledimage WHERE reference = %s
"""


class Weight:
    """What would have to come to nodes for one image."""

    def __init__(self, rows: Iterable[tuple[str, int, int]]) -> None:
        self._there = {(platform, node): size for platform, node, size in rows}  # node 0: all of the image

    def bytes_to_move(self, node: int, platform: str) -> int | None:
        """None: nobody knows which layers the image has for that platform."""
        if not self._there:
            return None
        platform = normal(platform)
        size = self._there.get((platform, 0))
        return None if size is None else size - self._there.get((platform, node), 0)


NOTHING_KNOWN: Final = Weight(())


def weight_of(reference: str) -> Weight:
    """For all nodes with one query."""
    with connection.cursor() as cursor:
        cursor.execute(_BYTES_THERE, [reference, reference])
        return Weight(cursor.fetchall())


def remember(reference: str, learned: Layers, *, now: datetime) -> None:
    """To be called outside any transaction: no two of its own hold locks of the same rows in another order."""
    if learned.sizes:
        _remember_image(reference, learned)
    _remember_node(learned, now=now)


def _remember_image(reference: str, learned: Layers) -> None:
    sizes = {number(diff_id): size for diff_id, size in learned.sizes.items()}
    with transaction.atomic():
        rows = PulledImage.objects.select_for_update()
        image, _new = rows.get_or_create(reference=reference, platform=normal(learned.platform))
        if dict(image.layers.values_list("layer", "size")) == sizes:
            return
        image.layers.all().delete()
        ImageLayer.objects.bulk_create(ImageLayer(image=image, layer=one, size=size) for one, size in sizes.items())
        image.size = sum(sizes.values())
        image.save(update_fields=["size"])


def _remember_node(learned: Layers, *, now: datetime) -> None:
    """Nothing, if the node leads to another machine meanwhile. Its lock makes pulls take turns."""
    node, here = learned.node, {number(diff_id) for diff_id in learned.image}
    with transaction.atomic():
        same = ComputeNode.objects.filter(pk=node.pk, connection_version=node.connection_version)
        if not list(same.select_for_update(no_key=True).values_list("pk")):
            return
        known = dict(NodeLayer.objects.filter(node=node).values_list("layer", "added_at"))
        if learned.others is not None:
            here |= set(map(number, learned.others))
            # What another pull brought since the engine was asked is none of these.
            gone = (layer for layer, added in known.items() if added < learned.asked_at and layer not in here)
            for some in _parts(gone):
                NodeLayer.objects.filter(node=node, layer__in=some).delete()
        new = sorted(here.difference(known))[: max(MOST_LAYERS - len(known), 0)]
        rows = [NodeLayer(node=node, layer=layer, added_at=now) for layer in new]
        NodeLayer.objects.bulk_create(rows, batch_size=AT_ONCE)


def _parts(layers: Iterable[int]) -> Iterator[list[int]]:
    rest = iter(layers)
    while some := list(islice(rest, AT_ONCE)):
        yield some


def number(diff_id: str) -> int:
    """A digest as a number that fits into a column: of a fleet's layers hardly two will ever have the same one."""
    digest = blake2b(diff_id.encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


@lru_cache(maxsize=1024)  # a fleet has few platforms
def normal(platform: str) -> str:
    """One spelling for each; "" for what is none."""
    try:
        return str(normalize(Platform.parse(platform)))
    except ValueError:
        return ""
