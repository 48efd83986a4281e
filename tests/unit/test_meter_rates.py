"""Speed and time left."""

from __future__ import annotations

import pytest

from pulls.meter_rates import SAMPLE_EVERY, WINDOW, BusyClock, Speedometer, time_left


def steady(speed: Speedometer, *, start: float, end: float, rate: int, every: float = 0.1) -> None:
    for number in range(1, round((end - start) / every) + 1):
        speed.add(round(rate * every), now=start + number * every)


def test_nothing_is_said_before_half_a_second_of_bytes():
    speed = Speedometer()
    assert speed.recent(now=5.0) is None
    assert speed.overall(now=5.0) is None
    speed.add(0, now=10.0)
    speed.add(1000, now=10.2)
    assert speed.recent(now=10.4) is None
    assert speed.overall(now=10.4) is None
    assert speed.recent(now=10.5) == pytest.approx(2000)
    assert speed.overall(now=10.5) == pytest.approx(2000)


def test_a_steady_link_has_its_speed_in_both():
    speed = Speedometer()
    speed.add(0, now=0.0)
    steady(speed, start=0.0, end=60.0, rate=5000)
    assert speed.recent(now=60.0) == pytest.approx(5000, rel=0.01)
    assert speed.overall(now=60.0) == pytest.approx(5000, rel=0.01)


def test_recent_forgets_and_overall_remembers():
    speed = Speedometer()
    speed.add(0, now=0.0)
    steady(speed, start=0.0, end=30.0, rate=1000)
    steady(speed, start=30.0, end=40.0, rate=9000)
    assert speed.recent(now=40.0) == pytest.approx(9000, rel=0.02)
    assert speed.overall(now=40.0) == pytest.approx(3000, rel=0.02)


def test_silence_is_a_speed_of_zero():
    speed = Speedometer()
    speed.add(0, now=0.0)
    steady(speed, start=0.0, end=10.0, rate=1000)
    assert 0 < speed.recent(now=10.0 + WINDOW - 0.1) < 500
    assert speed.recent(now=10.0 + WINDOW) == 0.0


def test_drops_far_apart_are_a_speed_too():
    speed = Speedometer()
    for number in range(5):
        speed.add(600_000 if number else 0, now=30.0 * number)
    assert speed.recent(now=130.0) == pytest.approx(600_000 / 40, rel=0.01)
    assert speed.recent(now=120.0 + 60.0) == 0.0


def test_samples_do_not_pile_up():
    speed = Speedometer()
    steady(speed, start=0.0, end=1000.0, rate=1000, every=0.05)
    assert len(speed._samples) <= WINDOW / SAMPLE_EVERY + 2


def test_overlapping_work_is_counted_once():
    clock = BusyClock()
    assert clock.seconds(now=3.0) == 0.0
    clock.begin(now=10.0)
    clock.begin(now=12.0)
    assert clock.seconds(now=13.0) == 3.0
    clock.end(now=14.0)
    clock.end(now=15.0)
    clock.begin(now=20.0)
    clock.end(now=21.0)
    assert clock.seconds(now=99.0) == 6.0


@pytest.mark.parametrize(
    ("download", "extract", "speeds", "extraction", "expected"),
    [
        (1000, 1000, (None, None), None, None),
        (1000, 1000, (0.0, 50.0), 10.0, None),  # nothing moves now
        (1000, 1000, (100.0, 50.0), None, (10, 20)),  # extraction speed unknown: download alone
        (1000, 1000, (100.0, 50.0), 500.0, (10, 22)),  # alongside, or after
        (1000, 4000, (100.0, 100.0), 100.0, (40, 50)),  # extraction is the slower one
        (0, 1000, (0.0, 50.0), 100.0, (10, 10)),
        (0, 1000, (0.0, 50.0), None, None),
        (0, 0, (None, None), None, (0, 0)),
        (5, 5, (10.0, 10.0), None, (0, 1)),
    ],
)
def test_time_left(download, extract, speeds, extraction, expected):
    assert time_left(download=download, extract=extract, speeds=speeds, extraction_speed=extraction) == expected
