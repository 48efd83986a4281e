"""What a fault proxy does to the traffic: a speed limit and a list of rules, both changeable while bytes flow."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, field
from typing import Literal

BLOBS = r"^GET .*/blobs/"
MANIFESTS = r"^(GET|HEAD) .*/manifests/"
ANYTHING = r".*"

Kind = Literal["cut", "stall", "answer", "delay"]


@dataclass(eq=False)
class Rule:
    """One fault. `match` is searched in "METHOD PATH"; `times` None: for ever."""

    kind: Kind
    match: str
    times: int | None = None
    after: int = 0  # bytes of the response
    seconds: float | None = None
    status: int = 0
    retry_after: int | None = None
    message: str | None = None
    body: str | None = None
    ended: threading.Event = field(default_factory=threading.Event)


class RuleBook:
    """The rules of one proxy. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._active: list[Rule] = []
        self._used: list[Rule] = []  # spent, but somebody may still wait for their end

    def add(self, rule: Rule) -> None:
        with self._lock:
            self._active.append(rule)

    def clear(self) -> None:
        """End all rules; stalled transfers go on."""
        with self._lock:
            for rule in self._active + self._used:
                rule.ended.set()
            self._active, self._used = [], []

    def take(self, kind: Kind, line: str, *, sent: int = 0, past: tuple[Rule, ...] = ()) -> Rule | None:
        """The first rule of this kind that applies now; one of its times is spent.

        `sent`: response bytes that would be out after the next step. `past`: rules that this response has had already.
        """
        with self._lock:
            for rule in self._active:
                applies = rule.kind == kind and rule not in past and re.search(rule.match, line)
                if not applies or (kind in ("cut", "stall") and sent <= rule.after):
                    continue
                self._spend(rule)
                return rule
        return None

    def _spend(self, rule: Rule) -> None:
        if rule.times is None:
            return
        rule.times -= 1
        if rule.times == 0:
            self._active.remove(rule)
            self._used.append(rule)


class SpeedLimit:
    """Bytes per second for all transfers of a proxy together; None: no limit."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rate: float | None = None
        self._balance, self._at = 0.0, time.monotonic()

    def set(self, bytes_per_second: float | None) -> None:
        with self._lock:
            self._rate = bytes_per_second
            self._balance, self._at = 0.0, time.monotonic()

    def step(self, size: int) -> int:
        """How many of `size` bytes to send in one go, so that a slow transfer trickles and does not jump."""
        rate = self._rate
        return size if rate is None else min(size, max(512, int(rate / 20)))

    def wait(self, size: int) -> None:
        """Sleep until `size` bytes may go out; less when the limit is changed meanwhile."""
        with self._lock:
            rate = self._rate
            if rate is None:
                return
            now = time.monotonic()
            saved = min(rate / 10, self._balance + (now - self._at) * rate)  # at most 0.1 s worth of a burst
            self._balance, self._at = saved - size, now
            until = now - self._balance / rate
        while self._rate == rate and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))
