"""AppImages in the audit log. As long as there is one, its versions say who changed what, when and from where."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from auditlog.models import LogEntry
from django.contrib.contenttypes.models import ContentType

from appimages.models import AppImage, image_columns
from core.auditing import CHANGED, CREATED, DELETED, audit

_READ_AT_ONCE = 20  # documents, of a megabyte and a half at most
_WRITTEN_AT_ONCE = 500


def record_deletion(row: AppImage, *, user: Any) -> None:
    """Its versions go with it, so what they tell goes to the log, as of then; documents do not."""
    LogEntry.objects.bulk_create(_history(row), batch_size=_WRITTEN_AT_ONCE)
    last = {"name": row.name, "image_name": row.image_name, "image_tag": row.image_tag, "version": row.version}
    audit(row, user=user, changes={name: (value, None) for name, value in last.items()}, action=DELETED)


def _history(row: AppImage) -> Iterator[LogEntry]:
    kind = ContentType.objects.get_for_model(AppImage)
    before: dict[str, Any] = {}
    for version in row.versions.select_related("author").order_by("number").iterator(chunk_size=_READ_AT_ONCE):
        now = {"name": row.name, **image_columns(version.document), "version": version.number}
        yield LogEntry(
            content_type=kind,
            object_pk=str(row.pk),
            object_id=row.pk,
            object_repr=row.name,
            action=CHANGED if before else CREATED,
            changes={
                name: [str(before.get(name)), str(value)] for name, value in now.items() if before.get(name) != value
            },
            actor=version.author,
            actor_email=version.author.email if version.author else None,
            remote_addr=version.address,
            timestamp=version.created_at,
            additional_data={"author": version.author_name, "how": version.how},
        )
        before = now
