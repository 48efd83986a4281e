"""Archives that operators upload, for pulls that take the image from there."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from core.errors import InvalidInput
from core.jobs import ACTIVE_STATES
from core.operators import require_operator
from pulls import spool
from pulls.archive_listing import ArchivedImage
from pulls.archives import ArchiveUnusable, read_archive
from pulls.failure_texts import describe
from pulls.models import PullJob, Source

KEPT_FOR = 86400.0  # seconds: so long one may ask again for a pull that failed


def keep_archive(*, user: Any, read: Callable[[int], bytes], announced: int | None) -> dict[str, Any]:
    """Store an archive and look into it: `{archive, images: [{names, platform}]}`. Raises `InvalidInput` for what is
    none; nothing is stored then."""
    require_operator(user)
    archive, images = spool.keep(read, announced=announced, look=_images)
    shown = [{"names": list(image.names), "platform": image.info.platform} for image in images]
    return {"archive": archive, "images": shown}


def _images(path: str) -> list[ArchivedImage]:
    try:
        return read_archive(path)
    except ArchiveUnusable as error:
        text = describe(error.failure.code, error.failure.params)
        raise InvalidInput({"archive": f"{text.cause} {text.advice}"}) from error


def forget_archives() -> int:
    """Remove uploaded archives that are a day old and that no pull waits for."""
    waiting = PullJob.objects.filter(source=Source.ARCHIVE, state__in=ACTIVE_STATES)
    return spool.forget_old(before=time.time() - KEPT_FOR, needed=list(waiting.values_list("archive", flat=True)))
