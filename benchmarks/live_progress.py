"""From the engine's event to the browser, and how often a row is written: 20 pulls at once, 20 browsers watching.

Every byte between the product and the engine passes a relay outside of the product that stamps each event of the
engine; every browser stamps what arrives. An event has reached a browser with the first snapshot that shows it, or
more: a layer's bytes, its download's end, its unpacking's end, and for the engine's last word the pull's success
(which for us includes the verification). All events of all pulls count, in every browser.

With PostgreSQL a trigger in the benchmark's own database notes every UPDATE of a pull's row.
"""

from __future__ import annotations

import argparse
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing

from benchmarks.browsers import Browser
from benchmarks.crowd import NO_LIMITS, Crowd
from benchmarks.figures import load, quantile, spread
from benchmarks.stage import Stage
from benchmarks.tap import EngineTap
from tests.integration.pull_bed import PullBed, settle

_RANK = {"downloaded": 3, "extracting": 4, "done": 5, "reused": 5}
_TRIGGER = """
CREATE TABLE bench_writes (pull bigint, at timestamptz, states text);
CREATE FUNCTION bench_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO bench_writes VALUES (NEW.id, clock_timestamp(), OLD.state || ' ' || NEW.state); RETURN NEW; END $$;
CREATE TRIGGER bench_note AFTER UPDATE ON pulls_pulljob FOR EACH ROW EXECUTE FUNCTION bench_note();
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mode", choices=["embedded", "separate"], default="separate")
    parser.add_argument("--pulls", type=int, default=20)
    parser.add_argument("--browsers", type=int, default=20)
    parser.add_argument("--each-watches", choices=["all", "one"], default="all")
    parser.add_argument("--seconds", type=float, default=30, help="how long the downloads take")
    options = parser.parse_args()
    with Stage() as stage:
        crowd = Crowd(stage, size=options.pulls, layer_mb=2)
        bed = stage.product(options.mode, **NO_LIMITS)
        tap = EngineTap(crowd.engine.socket_path)
        with closing(tap):
            if options.mode == "separate":
                with bed.database() as cursor:
                    cursor.execute(_TRIGGER)
            crowd.proxy.limit(options.pulls * 6_000_000 / options.seconds)
            pulls = crowd.pull(bed, bed.node(tap.url), first=0, last=options.pulls)
            browsers = _open(bed, list(pulls.values()), options.browsers, options.each_watches)
            settle(bed, timeout=options.seconds * 6 + 60)
            time.sleep(2)  # the last snapshots are on their way
            load_then = load()
            for browser in browsers:
                browser.close()
        print(
            f"{options.mode}, {options.pulls} pulls, {options.browsers} browsers, each watches {options.each_watches}"
        )
        print(load_then)
        _report_latency(tap, pulls, browsers, crowd.proxy.address)
        if options.mode == "separate":
            _report_writes(bed)
        else:
            _report_versions(bed)


def _open(bed: PullBed, ids: list[int], count: int, watches: str) -> list[Browser]:
    if watches == "all":
        return [Browser(bed.product, ids) for _ in range(count)]
    return [Browser(bed.product, [ids[number % len(ids)]]) for number in range(count)]


def _report_latency(tap: EngineTap, pulls: dict[str, int], browsers: list[Browser], address: str) -> None:
    told: dict[int, list] = defaultdict(list)
    for pull in tap.pulls:
        told[pulls[pull.repository.removeprefix(f"{address}/")]] += list(pull.events())
    found: dict[str, list[float]] = defaultdict(list)
    missing = 0
    for browser in browsers:
        seen: dict[int, list] = defaultdict(list)
        for moment, snapshot in browser.snapshots():
            seen[snapshot["id"]].append((moment, snapshot))
        for pk, snapshots in seen.items():
            missing += _match(told[pk], snapshots, found)
    everything = [delay for delays in found.values() for delay in delays]
    print(f"engine events {sum(map(len, told.values()))}, never seen {missing}")
    print("event → browser, all     ", spread(everything))
    for kind, delays in sorted(found.items()):
        print(f"event → browser, {kind:9}", spread(delays))
    print(f"bytes to each browser: {quantile([browser.bytes_read for browser in browsers], 0.5)}")


def _match(events: list, snapshots: list, found: dict[str, list[float]]) -> int:
    """Add each event's delay to `found`. Returns how many events no snapshot showed."""
    moments = [moment for moment, _ in snapshots]
    names = {layer["id"] for _, snapshot in snapshots for layer in snapshot["layers"]}
    layers: dict[str, tuple[list, list]] = {name: ([], []) for name in names}
    for _moment, snapshot in snapshots:
        shown = {layer["id"]: layer for layer in snapshot["layers"]}
        for name, (downloaded, ranks) in layers.items():
            layer = shown.get(name, {"downloaded": 0, "state": ""})
            downloaded.append(layer["downloaded"])
            ranks.append(_RANK.get(layer["state"], 0))
    done = [snapshot["state"] == "succeeded" for _, snapshot in snapshots]
    missing = 0
    for at, event in _news(events):
        kind, place = _first_showing(event, layers, done)
        if kind:
            if place >= len(moments):
                missing += 1
            else:
                found[kind].append(moments[place] - at)
    return missing


def _news(events: list) -> Iterator[tuple[float, dict]]:
    """Without the engine's repetitions of what it has said before: no viewer waits for those."""
    most: dict[tuple[str, str], int] = {}
    for at, event in events:
        key = (event.get("id", ""), event.get("status", ""))
        current = event.get("progressDetail", {}).get("current", 0)
        if current > most.get(key, -1):
            most[key] = current
            yield at, event


def _first_showing(event: dict, layers: dict[str, tuple[list, list]], done: list[bool]) -> tuple[str, int]:
    status, name = event.get("status", ""), event.get("id", "")
    if status.startswith("Status: "):
        return "success", bisect_left(done, True)
    if name not in layers:
        return "", 0
    downloaded, ranks = layers[name]
    current = event.get("progressDetail", {}).get("current")
    if status == "Downloading" and current:
        return "bytes", bisect_left(downloaded, current)
    if status == "Download complete":
        return "arrived", bisect_left(ranks, 3)
    if status == "Pull complete":
        return "unpacked", bisect_left(ranks, 5)
    return "", 0


def _report_writes(bed: PullBed) -> None:
    rows = bed.rows("SELECT pull, extract(epoch FROM at)::float8, states FROM bench_writes ORDER BY at")
    by_pull: dict[int, list[float]] = defaultdict(list)
    reports: dict[int, list[float]] = defaultdict(list)
    for pull, at, states in rows:
        by_pull[pull].append(at)
        if states == "running running":
            reports[pull].append(at)
    print("row writes per second, whole life  ", spread([_rate(moments) for moments in by_pull.values()], "/s"))
    print("row writes per second, progress    ", spread([_rate(moments) for moments in reports.values()], "/s"))
    print("most progress writes in any 1 s    ", spread([_densest(moments) for moments in reports.values()], "writes"))
    print("most writes in any 1 s (all states)", spread([_densest(moments) for moments in by_pull.values()], "writes"))


def _report_versions(bed: PullBed) -> None:
    query = "SELECT version, (julianday(finished_at) - julianday(started_at)) * 86400 FROM pulls_pulljob"
    print("row writes per second, whole life  ", spread([number / life for number, life in bed.rows(query)], "/s"))


def _rate(moments: list[float]) -> float:
    return len(moments) / max(moments[-1] - moments[0], 1e-9)


def _densest(moments: list[float]) -> int:
    return max(bisect_left(moments, at + 1.0) - place for place, at in enumerate(moments))


if __name__ == "__main__":
    main()
