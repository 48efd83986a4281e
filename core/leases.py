"""One process of the deployment at a time: a row says who, and for how long. Another takes over when it is not renewed.

All moments are the database's, so the clocks of the machines need not agree.
"""

from __future__ import annotations

from datetime import timedelta
from time import monotonic
from uuid import uuid4

import structlog
from django.db import DatabaseError, InterfaceError, connection
from django.db.models import DateTimeField, ExpressionWrapper, Q
from django.db.models.functions import Now

from core.models import Lease

logger = structlog.get_logger(__name__)


class Holding:
    """This process's claim to `name`, good for `seconds` after each `hold` that succeeded."""

    def __init__(self, name: str, *, seconds: float) -> None:
        self._name, self._seconds = name, seconds
        self._me = uuid4()
        self._exists = False
        self._until = 0.0  # monotonic seconds

    @property
    def is_mine(self) -> bool:
        """Also right while the database is away: it ends here no later than there."""
        return monotonic() < self._until

    def hold(self) -> bool:
        """Take it, or keep it. False: somebody else has it."""
        if not self._exists:
            Lease.objects.get_or_create(name=self._name, defaults={"until": Now()})
            self._exists = True
        asked = monotonic()
        end = ExpressionWrapper(Now() + timedelta(seconds=self._seconds), output_field=DateTimeField())
        free = Q(holder=self._me) | Q(holder=None) | Q(until__lt=Now())
        mine = Lease.objects.filter(free, name=self._name).update(holder=self._me, until=end) == 1
        self._until = asked + self._seconds if mine else 0.0
        return mine

    def release(self) -> None:
        """Let go, so that nobody has to wait for its end."""
        self._until = 0.0
        Lease.objects.filter(name=self._name, holder=self._me).update(holder=None)

    def let_go(self) -> None:
        """The last thing that a thread does: release it, or let it end by itself if the database is away."""
        try:
            self.release()
        except (DatabaseError, InterfaceError) as error:
            logger.info("the lease ends by itself", lease=self._name, reason=type(error).__name__)
        finally:
            connection.close()
