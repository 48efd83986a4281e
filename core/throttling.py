"""Limits on how often somebody may try: they need the cache, and must not lock everybody out while it is away."""

from __future__ import annotations

from typing import Any, ClassVar

import structlog
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

logger = structlog.get_logger(__name__)


class PatientThrottle(SimpleRateThrottle):
    """Lets everybody pass while the cache is away. `limits` names in the log what is not limited then."""

    limits: ClassVar[str] = "attempts"
    _cache_was_away: ClassVar[bool] = False

    def allow_request(self, request: Request, view: Any) -> bool:
        try:
            allowed = bool(super().allow_request(request, view))
        except (RedisError, OSError) as error:
            if not PatientThrottle._cache_was_away:  # one line for each time that it goes away
                logger.error(f"{self.limits} are not limited: the cache is unavailable", reason=str(error))
            PatientThrottle._cache_was_away = True
            return True
        PatientThrottle._cache_was_away = False
        return allowed
