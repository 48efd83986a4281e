"""Simultaneous writers: nobody undoes another's change, nothing that was deleted comes back."""

from __future__ import annotations

import pytest

from core.errors import Conflict, NotFound
from core.system import SYSTEM
from imagelib.models import ImageRegistry
from imagelib.services import save_image, set_listed
from nodes.models import ComputeNode
from nodes.services import save_node
from tests.api import make

pytestmark = pytest.mark.django_db


def test_two_writers_of_different_fields_both_win() -> None:
    pk = make.image().pk
    one, other = ImageRegistry.objects.get(pk=pk), ImageRegistry.objects.get(pk=pk)
    save_image(user=SYSTEM, values={"remark": "mine"}, image=one)
    save_image(user=SYSTEM, values={"source": "theirs"}, image=other)
    row = ImageRegistry.objects.get(pk=pk)
    assert (row.remark, row.source) == ("mine", "theirs")


def test_editing_a_node_does_not_undo_what_a_probe_found() -> None:
    pk = make.node().pk
    edited = ComputeNode.objects.get(pk=pk)
    ComputeNode.objects.filter(pk=pk).update(status="connected", engine_version="20.10")
    save_node(user=SYSTEM, values={"remark": "x"}, node=edited)
    row = ComputeNode.objects.get(pk=pk)
    assert (row.remark, row.status, row.engine_version) == ("x", "connected", "20.10")


def test_a_deleted_row_stays_deleted() -> None:
    image = make.image()
    ImageRegistry.objects.filter(pk=image.pk).delete()
    with pytest.raises(NotFound):
        save_image(user=SYSTEM, values={"remark": "x"}, image=image)
    assert not ImageRegistry.objects.filter(pk=image.pk).exists()


def test_a_duplicate_is_a_conflict() -> None:
    one, other = make.image(), make.image()
    with pytest.raises(Conflict) as caught:
        save_image(user=SYSTEM, values={"name": one.name, "address": one.address}, image=other)
    assert caught.value.code == "duplicate"


def test_listing_touches_nothing_else() -> None:
    image = make.image(is_listed=False)
    ImageRegistry.objects.filter(pk=image.pk).update(remark="kept")
    assert set_listed(user=SYSTEM, ids=[image.pk], listed=True) == 1
    row = ImageRegistry.objects.get(pk=image.pk)
    assert (row.is_listed, row.remark) == (True, "kept")
