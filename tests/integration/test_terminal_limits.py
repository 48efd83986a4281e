"""How long terminals stay open, and how much goes through them, in the whole product."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.instance_bed import PLAIN, InstanceBed
from tests.integration.pull_bed import PullBed
from tests.integration.terminal_bed import (
    FOREVER,
    PASSWORD,
    PRODUCT_ENV,
    _no_terminal_left,
    beds,
    his,
    instance,
    last_record,
    nodes,
    programs,
    reference,
    ulrich,
)
from tests.integration.terminal_client import (
    admin_login,
    by_cookie,
    front_end_login,
    front_end_path,
    native,
)
from tests.services.engine import RealEngine
from tests.services.process import wait_until

pytestmark = pytest.mark.real
__all__ = ["PRODUCT_ENV", "_no_terminal_left", "beds", "his", "instance", "nodes", "reference", "ulrich"]


def test_logging_out_ends_an_open_terminal(beds: InstanceBed, his: dict[str, Any], ulrich: str) -> None:
    product = beds.product
    token = front_end_login(product, ulrich, PASSWORD)
    with by_cookie(product, front_end_path(his["id"]), {"x-token": token}, origin=product.url) as terminal:
        terminal.until("# ")
        answer = product.api("POST", "/api/jwt/jsonInBlacklist", user=None, headers={"x-token": token})
        assert answer.json()["code"] == 0
        assert terminal.end() == (4401, "Your login has ended. Log in again.")
    wait_until("the record", lambda: last_record(beds, '"end"') == ("login",))


def test_the_end_of_a_session_ends_an_open_terminal(beds: InstanceBed, instance: dict[str, Any]) -> None:
    product, browser = beds.product, admin_login(beds.product)
    cookies = {"sessionid": browser.cookies["sessionid"]}
    with by_cookie(product, f"/api/instances/{instance['id']}/terminal/", cookies, origin=product.url) as terminal:
        terminal.until("# ")
        form, at = {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}, f"{product.url}/admin/logout/"
        assert browser.post(at, data=form, headers={"Referer": at}, timeout=30).status_code == 200
        assert terminal.end()[0] == 4401


def test_a_disabled_user_loses_an_open_terminal(beds: InstanceBed, nodes: dict[str, int], reference: str) -> None:
    product = beds.product
    product.create_user("oskar", PASSWORD)
    asked = {**beds.asked(reference, nodes["unix"], PLAIN), "command": ["sh", "-c", FOREVER]}
    pk = product.api("POST", "/api/instances/", json=asked, user="oskar").json()["id"]
    beds.wait(pk, "running")
    with native(product, pk, user="oskar") as terminal:
        terminal.until("# ")
        with beds.bed.database() as cursor:
            cursor.execute("UPDATE auth_user SET is_active = false WHERE username = 'oskar'")
        assert terminal.end()[0] == 4401


def test_a_terminal_that_nobody_uses_is_closed(
    own_embedded: Callable[..., PullBed], engine: RealEngine, reference: str
) -> None:
    """What it shows does not count as use."""
    bed = InstanceBed(own_embedded(IMAGELIB_TERMINAL_IDLE="3"))
    instance = bed.run(reference, bed.node(engine), PLAIN, command=["sh", "-c", FOREVER])
    with native(bed.product, instance["id"]) as terminal:
        terminal.until("# ")
        terminal.type("while :; do echo tick; sleep 0.2; done\r")
        told = "Nothing was typed for a long time, so the terminal was closed."
        assert terminal.end() == (4408, told)
    wait_until("the record", lambda: last_record(bed, '"end"') == ("idle",))
    wait_until("the end of the shell", lambda: not any("tick" in one for one in programs(engine, instance)))
    wait_until("the end of the shell", lambda: len(programs(engine, instance)) <= 2)


def test_shells_of_a_server_that_was_killed_are_ended(
    own_embedded: Callable[..., PullBed], engine: RealEngine, reference: str
) -> None:
    """Engines let them run: neither the hang-up of the connection nor the end of its input ends a shell."""
    bed = InstanceBed(own_embedded(IMAGELIB_SWEEP_INSTANCES_EVERY="1"))
    instance = bed.run(reference, bed.node(engine), PLAIN, command=["sh", "-c", FOREVER])
    with native(bed.product, instance["id"]) as terminal:
        terminal.until("# ")
        terminal.type("sleep 4242\r")
        wait_until("the program", lambda: "sleep 4242" in programs(engine, instance), timeout=60)
        wait_until("the number", lambda: last_record(bed, "process")[0] is not None, timeout=60)
        bed.product.kill9()
    assert "sleep 4242" in programs(engine, instance)
    with bed.bed.database() as cursor:  # as if it had been killed a while ago
        cursor.execute("UPDATE instances_terminalsession SET seen_at = '2026-01-01 00:00:00+00:00'")
    bed.product.start()
    wait_until("its end", lambda: "sleep 4242" not in programs(engine, instance), timeout=120)
    wait_until("the end of the shell", lambda: len(programs(engine, instance)) <= 2, timeout=60)
    wait_until("the record", lambda: last_record(bed, '"end"') == ("server",), timeout=60)


def test_the_number_of_terminals_is_limited(beds: InstanceBed, instance: dict[str, Any]) -> None:
    open_ones = [native(beds.product, instance["id"]) for _ in range(3)]
    for terminal in open_ones:
        terminal.until("# ")
    with native(beds.product, instance["id"]) as terminal:
        assert terminal.end() == (4429, "You have 3 terminals open, which is the limit. Close one of them.")
    open_ones.pop().close()
    query = "SELECT count(*) FROM instances_terminalsession WHERE ended_at IS NULL"
    wait_until("the end to be noticed", lambda: beds.bed.rows(query) == [(2,)])
    with native(beds.product, instance["id"]) as terminal:
        terminal.until("# ")
    for terminal in open_ones:
        terminal.close()


# --- what comes in, and how much goes out -----------------------------------------------------------------------------


def test_bad_frames_are_told_and_do_no_harm(beds: InstanceBed, instance: dict[str, Any]) -> None:
    bad = [
        b"ls\r", "ls\r", "[" * 5000, "5", "{}", '{"type": "input"}', '{"type": "input", "data": 5}',
        '{"type": "resize", "cols": 0, "rows": 24}', '{"type": "resize", "cols": true, "rows": 24}',
        '{"type": "resize", "cols": 80.5, "rows": "24"}', {"type": "input", "data": "x" * 300_000},
    ]  # fmt: skip
    with native(beds.product, instance["id"]) as terminal:
        terminal.until("# ")
        for frame in bad:
            terminal.send(frame)
            assert terminal.until_error()
        terminal.type("echo $((40+2))\r")
        terminal.until("42")
        for _ in range(9):
            terminal.send("nonsense")
        assert terminal.end() == (4400, "Too many frames were not understood.")
    wait_until("the record", lambda: last_record(beds, '"end"') == ("faults",))


def test_a_huge_frame_closes_the_terminal(beds: InstanceBed, instance: dict[str, Any]) -> None:
    with native(beds.product, instance["id"]) as terminal:
        terminal.until("# ")
        terminal.type("x" * 2_000_000)
        assert terminal.end()[0] == 1009


def test_much_that_is_typed_at_once_arrives(beds: InstanceBed, instance: dict[str, Any]) -> None:
    with native(beds.product, instance["id"]) as terminal:
        terminal.until("# ")
        terminal.type("busybox stty -echo; busybox wc -c; exit\r")
        for _ in range(20):
            terminal.type(("x" * 999 + "\n") * 10)
        terminal.type("\x04")
        terminal.until("200000")


def test_a_browser_that_does_not_read_costs_no_memory(
    beds: InstanceBed, instance: dict[str, Any], engine: RealEngine
) -> None:
    """The program waits instead; nothing of what it says is lost."""
    flood = 50 << 20
    with native(beds.product, instance["id"]) as terminal:
        terminal.until("# ")
        terminal.type(f"busybox stty -onlcr -echo; busybox yes 1234567 | busybox head -c {flood}\r")
        terminal.until("1234567")
        before, largest = resident(beds.product.pid), 0
        until = time.monotonic() + 15  # in which the whole flood would have come, were it taken
        while time.monotonic() < until:
            largest = max(largest, resident(beds.product.pid))
            time.sleep(0.1)
        assert any("head -c" in one for one in programs(engine, instance))
        assert largest - before < 10 << 20
        received = len(terminal.shown) + len("1234567")
        while received < flood:
            terminal.shown = b""
            terminal.read()
            received += len(terminal.shown)


def resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024
