"""What the results of a container's probes mean, with the semantics of Kubernetes. Pure; seconds of one clock.

Until the startup probe has succeeded once the other two are not asked. `successes` and `failures` are how many results
in a row it takes to change a verdict. A container without a startup probe has started, one without a readiness probe is
ready then, one without a liveness probe is alive.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

STARTUP, READINESS, LIVENESS = "startup", "readiness", "liveness"


FIRST_PAUSE, LONGEST_PAUSE, FORGIVEN_AFTER = 10.0, 300.0, 600.0  # seconds


@dataclass(frozen=True, slots=True)
class Restarts:
    """How often a container was restarted in a row, and when last: the more often, the longer the next one waits."""

    count: int = 0
    at: float = 0

    def allows(self, *, now: float) -> bool:
        pause = min(FIRST_PAUSE * 2 ** min(self.count - 1, 10), LONGEST_PAUSE) if self.count else 0
        return now >= self.at + pause

    def one_more(self, *, now: float) -> Restarts:
        """One that did well for some minutes begins anew."""
        return Restarts(self.count + 1 if now < self.at + FORGIVEN_AFTER else 1, now)


@dataclass(frozen=True, slots=True)
class Rule:
    """How often, and how many results in a row count. Seconds."""

    delay: float = 0
    period: float = 10
    successes: int = 1
    failures: int = 3

    @classmethod
    def of(cls, probe: Mapping[str, Any]) -> Rule:
        """From what `instances.recipes.probes` made."""
        return cls(probe["delay"], probe["period"], probe["successes"], probe["failures"])


@dataclass(frozen=True, slots=True)
class Row:
    """Results of one probe: the last one, and how many were like it in a row."""

    ok: bool | None = None
    length: int = 0

    def with_result(self, ok: bool) -> Row:
        return Row(ok, self.length + 1 if ok == self.ok else 1)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one run of a container. `must_restart`: startup or liveness has failed as often as it may."""

    started: bool
    ready: bool
    alive: bool = True
    must_restart: bool = False

    @property
    def failed(self) -> str:
        """Of one that must be restarted, the probe for which."""
        return STARTUP if self.alive else LIVENESS


@dataclass(frozen=True, slots=True)
class Watched:
    """One run of a container, from its start on. Give every result to `after`, which makes the next one."""

    rules: Mapping[str, Rule]
    since: float
    verdict: Verdict
    due: Mapping[str, float] = field(default_factory=dict)
    rows: Mapping[str, Row] = field(default_factory=dict)

    @classmethod
    def begin(cls, rules: Mapping[str, Rule], *, since: float) -> Watched:
        """`since`: when the container was started."""
        started = STARTUP not in rules
        verdict = Verdict(started=started, ready=started and READINESS not in rules)
        return cls(rules, since, verdict, {kind: since + rule.delay for kind, rule in rules.items()})

    def asks(self, *, now: float) -> Iterable[str]:
        """The probes whose time has come. Of a container that is to be restarted, the one that failed: it may do better
        while its restart waits."""
        kinds = (READINESS, LIVENESS) if self.verdict.started else (STARTUP,)
        if self.verdict.must_restart:
            kinds = (self.verdict.failed,)
        return [kind for kind in kinds if kind in self.rules and self.due[kind] <= now]

    def after(self, kind: str, ok: bool | None, *, now: float) -> Watched:
        """With one more result of a probe, which ended `now`; None, that it could not be asked, counts for nothing."""
        rule = self.rules[kind]
        due = {**self.due, kind: now + rule.period}
        if ok is None:
            return replace(self, due=due)
        row = self.rows.get(kind, Row()).with_result(ok)
        verdict = self.verdict
        if row.length >= (rule.successes if ok else rule.failures):
            verdict = _judged(verdict, kind, ok, has_readiness=READINESS in self.rules)
        return replace(self, verdict=verdict, due=due, rows={**self.rows, kind: row})


def _judged(verdict: Verdict, kind: str, ok: bool, *, has_readiness: bool) -> Verdict:
    if kind == READINESS:
        return replace(verdict, ready=ok and not verdict.must_restart)
    if not ok:
        return replace(verdict, ready=False, alive=kind == STARTUP, must_restart=True)
    if verdict.must_restart or not verdict.started:
        return Verdict(started=True, ready=not has_readiness)  # which the next result of readiness may change
    return verdict
