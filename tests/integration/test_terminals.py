"""Terminals through the whole product: real engines on unix sockets and behind TLS, real shells, real WebSockets."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.integration.instance_bed import PLAIN, InstanceBed
from tests.integration.pull_bed import PullBed
from tests.integration.terminal_client import (
    TerminalClient,
    admin_login,
    by_cookie,
    front_end_login,
    front_end_path,
    native,
)
from tests.services.engine import RealEngine
from tests.services.process import wait_until
from tests.services.product import ADMIN
from tests.services.registries import Registries

pytestmark = pytest.mark.real
PRODUCT_ENV = {"IMAGELIB_TERMINALS_PER_USER": "3"}
RECORDED = Path(__file__).parents[1] / "contract_spa" / "terminal.json"
PASSWORD = "user-s3cret-of-the-tests"
# A bash, as far as the product can tell.
WITH_BASH = "printf '#!/bin/sh\\nexec sh \"$@\"\\n' > /bin/bash; busybox chmod +x /bin/bash; "
FOREVER = "trap 'exit 7' TERM; while :; do sleep 0.1; done"


@pytest.fixture(scope="module")
def beds(embedded: PullBed) -> InstanceBed:
    return InstanceBed(embedded)


@pytest.fixture(scope="module")
def reference(engine: RealEngine, registries: Registries) -> str:
    engine.wipe()
    found = registries.open.reference("library/tiny:1")
    engine.pull(found)
    return found


@pytest.fixture(scope="module")
def nodes(beds: InstanceBed, engine: RealEngine, reference: str) -> dict[str, int]:
    """The same engine by two ways."""
    tls = {
        "use_tls": True,
        "ca_cert": engine.pem("ca"),
        "client_cert": engine.pem("client_cert"),
        "client_key": engine.pem("client_key"),
    }
    behind_tls = beds.bed.node(engine.tls_url, cpu=64, memory=512, **tls)
    wait_until("the node behind TLS", lambda: beds.get(f"/api/nodes/{behind_tls}/")["status"] == "connected")
    return {"unix": beds.node(engine), "tls": behind_tls}


@pytest.fixture(scope="module")
def instance(beds: InstanceBed, nodes: dict[str, int], reference: str) -> dict[str, Any]:
    """The administrator's, running; it has no bash."""
    return beds.run(reference, nodes["unix"], PLAIN, command=["sh", "-c", FOREVER])


@pytest.fixture(autouse=True)
def _no_terminal_left(beds: InstanceBed) -> Iterator[None]:
    """They count for the limit until the server has noticed that they are closed."""
    yield
    query = "SELECT count(*) FROM instances_terminalsession WHERE ended_at IS NULL"
    wait_until("all terminals to end", lambda: beds.bed.rows(query) == [(0,)], step=0.05)


def programs(engine: RealEngine, instance: dict[str, Any]) -> list[str]:
    """Command lines of all processes in the container."""
    return [row[-1] for row in engine.get(f"/containers/{instance['container_id']}/top")["Processes"]]


def last_record(bed: InstanceBed, columns: str) -> tuple[Any, ...]:
    return bed.bed.rows(f"SELECT {columns} FROM instances_terminalsession ORDER BY id DESC LIMIT 1")[0]


@pytest.mark.parametrize("way", ["unix", "tls"])
def test_a_terminal_from_beginning_to_end(beds: InstanceBed, nodes: dict[str, int], reference: str, way: str) -> None:
    """Size, characters of several bytes, much output, the end of the shell, and what is recorded of it."""
    shown = beds.run(reference, nodes[way], PLAIN, command=["sh", "-c", WITH_BASH + FOREVER])
    with native(beds.product, shown["id"], shell="bash") as terminal:
        terminal.until("# ")
        terminal.resize(91, 31)
        terminal.type("busybox stty size\r")
        terminal.until("31 91")
        terminal.resize(120, 40)
        terminal.type("busybox stty size\r")
        terminal.until("40 120")
        terminal.type("busybox yes 'ü中文🙂' | busybox head -n 100000; echo d''one\r")
        text = terminal.until("done")
        assert text.count("ü中文🙂\r\n") == 100_000
        terminal.type("exit\r")
        assert terminal.end() == (1000, "")
    wait_until("the record", lambda: last_record(beds, "ended_at")[0])
    assert last_record(beds, "user_name, instance_name, shell, address, \"end\", container_id") == (
        ADMIN, shown["name"], "bash", "127.0.0.1", "shell", shown["container_id"],
    )  # fmt: skip
    typed, out = last_record(beds, "bytes_in, bytes_out")
    assert 90 < typed < 200 and out > 1_000_000
    beds.remove(shown["id"])


def test_without_bash_it_is_sh_and_says_so(beds: InstanceBed, instance: dict[str, Any]) -> None:
    with native(beds.product, instance["id"], shell="bash") as terminal:
        assert "not in this container. This is sh." in terminal.until("# ")
    assert last_record(beds, "shell") == ("sh",)


@pytest.mark.parametrize("program", ["sleep 4000", "busybox yes"])
def test_the_shell_ends_with_the_browser(
    beds: InstanceBed, instance: dict[str, Any], engine: RealEngine, program: str
) -> None:
    terminal = native(beds.product, instance["id"])
    terminal.until("# ")
    terminal.type(f"{program}\r")
    wait_until(program, lambda: any(program in one for one in programs(engine, instance)))
    terminal.close()
    wait_until("the end of it", lambda: not any(program in one for one in programs(engine, instance)))
    wait_until("the record", lambda: last_record(beds, '"end"') == ("left",))


def test_a_shell_as_main_program_stays(
    beds: InstanceBed, nodes: dict[str, int], reference: str, engine: RealEngine
) -> None:
    """Base images have one; it waits for an input that never comes, and needs no terminal for that."""
    shown = beds.run(reference, nodes["unix"], PLAIN, command=["sh"])
    with native(beds.product, shown["id"]) as terminal:
        terminal.until("# ")
        terminal.type("echo $((40+2))\r")
        terminal.until("42")
    assert engine.get(f"/containers/{shown['container_id']}/json")["State"]["Running"]
    beds.remove(shown["id"])


def test_an_instance_that_stops_takes_its_terminals_along(
    beds: InstanceBed, nodes: dict[str, int], reference: str
) -> None:
    shown = beds.run(reference, nodes["unix"], PLAIN)
    with native(beds.product, shown["id"]) as terminal:
        terminal.until("# ")
        beds.do("stop", shown["id"], "exited")
        assert terminal.end() == (4409, "The container has stopped.")
    with native(beds.product, shown["id"]) as terminal:
        assert terminal.end() == (4409, "The container does not run. Start the instance first.")
    assert last_record(beds, '"end"') == ("refused",)
    beds.remove(shown["id"])


# --- who may ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ulrich(beds: InstanceBed) -> str:
    beds.product.create_user("ulrich", PASSWORD)
    return "ulrich"


@pytest.fixture(scope="module")
def his(beds: InstanceBed, nodes: dict[str, int], reference: str, ulrich: str) -> dict[str, Any]:
    """An instance of an ordinary user."""
    asked = {**beds.asked(reference, nodes["unix"], PLAIN), "command": ["sh", "-c", FOREVER]}
    answer = beds.product.api("POST", "/api/instances/", json=asked, user=ulrich)
    assert answer.status_code == 202, answer.text
    return beds.wait(answer.json()["id"], "running")


def test_users_have_their_own_and_operators_all(
    beds: InstanceBed, instance: dict[str, Any], his: dict[str, Any], ulrich: str
) -> None:
    for user, pk in ((ulrich, his["id"]), (ADMIN, his["id"])):
        with native(beds.product, pk, user=user) as terminal:
            terminal.until("# ")
    with native(beds.product, instance["id"], user=ulrich) as terminal:
        code, told = terminal.end()
    assert code == 4404 and told == f"There is no instance with id {instance['id']}, or it is not yours."
    with native(beds.product, 10**17) as terminal:
        assert terminal.end()[0] == 4404


@pytest.mark.parametrize("prefix", ["", "/api"])
def test_the_front_ends_cookie_opens_one_from_its_own_page_alone(
    beds: InstanceBed, instance: dict[str, Any], his: dict[str, Any], ulrich: str, prefix: str
) -> None:
    product = beds.product
    cookies = {"x-token": front_end_login(product, ulrich, PASSWORD)}
    path = front_end_path(his["id"], prefix=prefix)
    with by_cookie(product, path, cookies, origin=product.url) as terminal:
        terminal.until("# ")
    with by_cookie(product, front_end_path(instance["id"], prefix=prefix), cookies, origin=product.url) as terminal:
        assert terminal.end()[0] == 4404
    for origin in ("https://evil.example", "null", product.url + "1", product.url.replace("http:", "https:")):
        with pytest.raises(InvalidStatus) as refused:
            by_cookie(product, path, cookies, origin=origin)
        assert refused.value.response.status_code == 403
    with by_cookie(product, path, cookies, origin=None) as terminal:
        assert terminal.end()[0] == 4401


def test_a_session_opens_one_from_its_own_page_alone(beds: InstanceBed, instance: dict[str, Any]) -> None:
    product = beds.product
    cookies = {"sessionid": admin_login(product).cookies["sessionid"]}
    path = f"/api/instances/{instance['id']}/terminal/"
    with by_cookie(product, path, cookies, origin=product.url) as terminal:
        terminal.until("# ")
    with pytest.raises(InvalidStatus) as refused:
        by_cookie(product, path, cookies, origin="https://evil.example")
    assert refused.value.response.status_code == 403
    with by_cookie(product, path, cookies, origin=None) as terminal:
        assert terminal.end()[0] == 4401
    with by_cookie(product, front_end_path(instance["id"]), cookies, origin=product.url) as terminal:
        assert terminal.end()[0] == 4401  # sessions do not count for the front end


def test_strangers_and_nonsense_are_refused_in_words(beds: InstanceBed, instance: dict[str, Any]) -> None:
    product, path = beds.product, f"/api/instances/{instance['id']}/terminal/"
    for headers in ({}, {"Authorization": "Bearer x"}, {"Cookie": "sessionid=x; x-token=y"}):
        with TerminalClient(product, path, Accept_Language="en", **headers) as terminal:
            code, told = terminal.end()
        assert code == 4401 and told.startswith("You are not logged in")
    with native(product, instance["id"], shell="zsh") as terminal:
        assert terminal.end() == (4400, "shell: Give bash or sh.")
    with native(product, instance["id"], shell="zsh", Accept_Language="zh-CN") as terminal:
        assert terminal.end() == (4400, "shell: 请填写 bash 或 sh。")
    cookies = {"x-token": front_end_login(product, ADMIN, product.admin_password)}
    for query in ("", "?ID=", "?ID=x", "?ID=-1", "?ID=1%00"):
        with by_cookie(product, f"/instance/terminal{query}", cookies, origin=product.url) as terminal:
            assert terminal.end()[0] in (4400, 4404)
    for nowhere in ("/api/instances/x/terminal/", "/api/pulls/1/events/", "/"):
        with pytest.raises(InvalidStatus):
            TerminalClient(product, nowhere)


def test_a_foreign_host_name_is_refused(beds: InstanceBed, instance: dict[str, Any]) -> None:
    """Also when the page that opens it is from there: a name that was made to lead here."""
    with pytest.raises(InvalidStatus) as refused:
        TerminalClient(
            beds.product, f"/api/instances/{instance['id']}/terminal/", origin="http://rebound.example",
            Host="rebound.example", Authorization=f"Bearer {beds.product.token()}",
        )  # fmt: skip
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_front_ends_frames_are_as_recorded(beds: InstanceBed, instance: dict[str, Any], language: str) -> None:
    product = beds.product
    cookies = {"x-token": front_end_login(product, ADMIN, product.admin_password)}
    path = front_end_path(instance["id"], shell="bash")
    with by_cookie(product, path, cookies, origin=product.url, language=language) as terminal:
        for step in json.loads(RECORDED.read_text())["steps"]:
            match step:
                case {"send": frame}:
                    terminal.send(frame)
                case {"shown": words}:
                    terminal.until(words)
                case {"error": words}:
                    assert words[language] in terminal.until_error()
                case {"closed": code}:
                    assert terminal.end() == (code, "")


# --- how long --------------------------------------------------------------------------------------------------------


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
