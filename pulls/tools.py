"""What the work needs from outside: time, chance, engines and registries come in as arguments; no test patches."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from core.shutdown import stopping
from imagelib.models import RegistryEndpoint
from imagelib.references import open_registry
from imagelib.registry import RegistryClient
from nodes.engine import Engine, EngineEndpoint, connect


@dataclass(frozen=True, slots=True)
class Tools:
    now: Callable[[], datetime]
    monotonic: Callable[[], float]  # seconds
    sleep: Callable[[float], None]
    jitter: Callable[[], float]  # in [0, 1)
    connect: Callable[..., AbstractContextManager[Engine]]  # of an `EngineEndpoint`; `timeout`, if not the usual one
    registry: Callable[[str, RegistryEndpoint | None], RegistryClient]
    interrupted: Callable[[], bool]  # the process is shutting down


def _connect(endpoint: EngineEndpoint, *, timeout: float | None = None) -> AbstractContextManager[Engine]:
    return connect(endpoint, timeout=timeout or settings.ENGINE_TIMEOUT, known_hosts=settings.SSH_KNOWN_HOSTS)


def production_tools() -> Tools:
    return Tools(
        now=timezone.now,
        monotonic=time.monotonic,
        sleep=time.sleep,
        jitter=random.random,
        connect=_connect,
        registry=open_registry,
        interrupted=stopping.is_set,
    )
