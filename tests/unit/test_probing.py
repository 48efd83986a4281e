"""What the results of probes mean: every rule of Kubernetes that the state machine has."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from instances.probing import LIVENESS, READINESS, STARTUP, Restarts, Rule, Verdict, Watched

QUICK = Rule(delay=0, period=10, successes=1, failures=1)


def watched(**rules: Rule) -> Watched:
    return Watched.begin(rules, since=100)


def after(one: Watched, *results: tuple[str, bool | None]) -> Watched:
    for step, (kind, ok) in enumerate(results):
        one = one.after(kind, ok, now=100 + step)
    return one


def test_without_probes_a_container_is_all_that_it_can_be() -> None:
    assert watched().verdict == Verdict(started=True, ready=True, alive=True)
    assert list(watched().asks(now=1e9)) == []


def test_before_the_first_result() -> None:
    assert watched(readiness=QUICK).verdict == Verdict(started=True, ready=False)
    assert watched(liveness=QUICK).verdict == Verdict(started=True, ready=True)
    assert watched(startup=QUICK).verdict == Verdict(started=False, ready=False)


def test_the_first_look_comes_after_the_delay_and_then_once_in_a_period() -> None:
    one = watched(readiness=Rule(delay=5, period=10))
    assert (list(one.asks(now=104.9)), list(one.asks(now=105))) == ([], [READINESS])
    one = one.after(READINESS, True, now=106)
    assert (list(one.asks(now=115.9)), list(one.asks(now=116))) == ([], [READINESS])


def test_startup_comes_before_the_others() -> None:
    one = watched(startup=QUICK, readiness=QUICK, liveness=QUICK)
    assert list(one.asks(now=100)) == [STARTUP]
    one = one.after(STARTUP, True, now=100)
    assert one.verdict == Verdict(started=True, ready=False)
    assert list(one.asks(now=1000)) == [READINESS, LIVENESS], "and it is not asked again"


def test_startup_alone_makes_ready() -> None:
    assert after(watched(startup=QUICK), (STARTUP, True)).verdict == Verdict(started=True, ready=True)


def test_a_container_that_does_not_start_is_restarted() -> None:
    one = watched(startup=Rule(failures=3))
    assert after(one, *[(STARTUP, False)] * 2).verdict == Verdict(started=False, ready=False)
    failed = after(one, *[(STARTUP, False)] * 3)
    assert failed.verdict == Verdict(started=False, ready=False, alive=True, must_restart=True)
    assert list(failed.asks(now=1e9)) == [STARTUP]
    assert after(failed, (STARTUP, True)).verdict == Verdict(started=True, ready=True), "late, but before its restart"


def test_what_recovers_before_its_restart_is_left_alone() -> None:
    one = after(watched(liveness=QUICK, readiness=QUICK), (READINESS, True), (LIVENESS, False))
    assert one.verdict == Verdict(started=True, ready=False, alive=False, must_restart=True)
    assert list(one.asks(now=1000)) == [LIVENESS]
    assert after(one, (READINESS, True)).verdict == one.verdict, "an answer that was on its way"
    one = after(one, (LIVENESS, True))
    assert one.verdict == Verdict(started=True, ready=False, alive=True)
    assert list(one.asks(now=1000)) == [READINESS, LIVENESS]
    assert after(one, (READINESS, True)).verdict == Verdict(started=True, ready=True)
    alone = after(watched(liveness=QUICK), (LIVENESS, False), (LIVENESS, True))
    assert alone.verdict == Verdict(started=True, ready=True), "nothing else says that it is not ready"


def test_readiness_goes_and_comes_back() -> None:
    one = after(watched(readiness=Rule(successes=2, failures=2)), (READINESS, True))
    assert not one.verdict.ready
    one = after(one, (READINESS, True))
    assert one.verdict.ready
    one = after(one, (READINESS, False))
    assert one.verdict.ready, "one failure of two"
    one = after(one, (READINESS, True), (READINESS, False))
    assert one.verdict.ready, "in a row"
    one = after(one, (READINESS, False))
    assert one.verdict == Verdict(started=True, ready=False), "and nothing else follows from it"
    assert after(one, (READINESS, True), (READINESS, True)).verdict.ready


def test_a_container_that_is_not_alive_is_restarted() -> None:
    one = after(watched(liveness=Rule(failures=2)), (LIVENESS, False), (LIVENESS, True), (LIVENESS, False))
    assert one.verdict == Verdict(started=True, ready=True)
    one = after(one, (LIVENESS, False))
    assert one.verdict == Verdict(started=True, ready=False, alive=False, must_restart=True)


def test_a_rule_is_read_from_the_template() -> None:
    probe: dict[str, Any] = {"via": "tcp", "delay": 1, "period": 2, "successes": 3, "failures": 4, "timeout": 9}
    assert Rule.of(probe) == Rule(1, 2, 3, 4)


def test_restarts_in_a_row_wait_longer_and_longer() -> None:
    restarts = Restarts()
    assert restarts.allows(now=0)
    for pause in (10, 20, 40, 80, 160, 300, 300):
        at = restarts.at + 1000
        restarts = Restarts(restarts.count + 1, at)
        assert not restarts.allows(now=at + pause - 1) and restarts.allows(now=at + pause)
    assert restarts.one_more(now=restarts.at + 599) == Restarts(8, restarts.at + 599)
    assert restarts.one_more(now=restarts.at + 600) == Restarts(1, restarts.at + 600)
    assert Restarts(10**6, 0).allows(now=300)


@given(st.lists(st.tuples(st.sampled_from([READINESS, LIVENESS]), st.booleans()), max_size=30), st.integers(1, 4))
def test_only_failures_in_a_row_restart(results: list[tuple[str, bool]], failures: int) -> None:
    rule = Rule(failures=failures)
    one, row = watched(readiness=rule, liveness=rule), 0
    for kind, ok in results:
        one = one.after(kind, ok, now=100)
        if kind == LIVENESS:
            row = 0 if ok else row + 1
        assert one.verdict.must_restart == (row >= failures) == (not one.verdict.alive)
        assert not (one.verdict.must_restart and one.verdict.ready)


def test_what_could_not_be_asked_counts_for_nothing() -> None:
    rule = Rule(period=10, failures=2)
    failed = after(watched(liveness=rule), (LIVENESS, False))
    lost = failed.after(LIVENESS, None, now=200)
    assert (lost.verdict, lost.rows) == (failed.verdict, failed.rows), "neither a failure more nor the end of a row"
    assert list(lost.asks(now=209)) == [] and list(lost.asks(now=210)) == [LIVENESS]
    assert lost.after(LIVENESS, False, now=210).verdict.must_restart
