"""Terminals through the whole product: real engines on unix sockets and behind TLS, real shells, real WebSockets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.integration.instance_bed import PLAIN, InstanceBed
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

pytestmark = pytest.mark.real
__all__ = ["PRODUCT_ENV", "_no_terminal_left", "beds", "his", "instance", "nodes", "reference", "ulrich"]
RECORDED = Path(__file__).parents[1] / "contract_spa" / "terminal.json"
# A bash, as far as the product can tell.
WITH_BASH = "printf '#!/bin/sh\\nexec sh \"$@\"\\n' > /bin/bash; busybox chmod +x /bin/bash; "


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
