"""Commands and the server as processes: what a shell sees of them."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests

from tests.integration.pull_bed import PullBed, settle
from tests.services.engine import RealEngine
from tests.services.fault_proxy import FaultProxy
from tests.services.product import Product
from tests.services.registries import Registries

pytestmark = pytest.mark.real
NODE = "shell"


@pytest.fixture(autouse=True)
def _fresh(embedded: PullBed, engine: RealEngine) -> Iterator[None]:
    engine.wipe()
    known = [row["name"] for row in embedded.product.api("GET", "/api/nodes/").json()["results"]]
    if NODE not in known:
        values = {"name": NODE, "docker_address": engine.unix_url}
        assert embedded.product.api("POST", "/api/nodes/", json=values).status_code == 201
    yield
    for (pk,) in embedded.rows("SELECT id FROM pulls_pulljob WHERE finished_at IS NULL"):
        embedded.cancel(pk)
    settle(embedded)


@pytest.fixture
def slow(fault_proxy: Callable[..., FaultProxy], registries: Registries) -> FaultProxy:
    """A registry from which the 21 MB image takes about 20 s."""
    proxy = fault_proxy(registries.open)
    proxy.limit(1_000_000)
    return proxy


def on_a_terminal(product: Product, *arguments: str, timeout: float = 60.0) -> tuple[int, str]:
    """The command's exit code and what it wrote on a terminal of 100 columns."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    options = {"stdin": its, "stdout": its, "stderr": its}
    process = product.popen(*arguments, **options)
    os.close(its)
    written, end = b"", time.monotonic() + timeout
    while time.monotonic() < end:
        if select.select([ours], [], [], 0.2)[0]:
            try:
                written += os.read(ours, 65536)
            except OSError:  # the other side is closed
                break
    code = process.wait(30)
    os.close(ours)
    return code, written.decode()


def test_in_a_pipe_lines_and_exit_code_0(embedded: PullBed, registries: Registries) -> None:
    reference = registries.open.reference("team/mid:1")
    done = embedded.product.manage("pull", reference, "--node", NODE, "--wait")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert re.fullmatch(rf"Pull \d+: {re.escape(reference)} → {NODE} \(queued\)", lines[0])
    assert lines[-1].startswith(f"{NODE}  {reference}  succeeded  100.0 %  ")
    assert registries.open.image("team/mid:1").digest in lines[-1]
    assert "\x1b" not in done.stdout


def test_on_a_terminal_bars_that_move(embedded: PullBed, slow: FaultProxy) -> None:
    slow.limit(6_000_000)
    code, written = on_a_terminal(
        embedded.product, "pull", slow.reference("team/mid:1"), "--node", NODE, "--wait", timeout=60
    )
    assert code == 0, written
    assert "\x1b[" in written
    shown = [float(text) for text in re.findall(r"([\d.]+) %", written)]
    assert shown == sorted(shown)
    assert len(set(shown)) > 4
    assert shown[-1] == 100.0
    assert written.count("━") > 20


def test_an_entry_by_name_without_waiting(embedded: PullBed, registries: Registries) -> None:
    values = {"name": "tiny", "address": registries.open.reference("team/tiny:1")}
    embedded.product.api("POST", "/api/images/", json=values)
    done = embedded.product.manage("pull", "tiny", "--all-nodes")
    assert done.returncode == 0, done.stderr
    [pk] = re.findall(r"^Pull (\d+): ", done.stdout, re.MULTILINE)
    assert embedded.wait(int(pk))["state"] == "succeeded", "the server must hear of it"


def test_exit_code_1_and_the_reason_when_it_fails(embedded: PullBed, registries: Registries) -> None:
    done = embedded.product.manage("pull", registries.open.reference("team/missing:1"), "--node", NODE, "--wait")
    assert done.returncode == 1
    assert re.search(r"failed .*\[(image|repository)_not_found\]$", done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nginx:1", "--node", "nope"], "nope"),
        (["UPPER/x:1", "--node", NODE], "reference"),
        (["nginx:1"], "--all-nodes"),
        (["nginx:1", "--all-nodes", "--node", NODE], "not allowed"),
    ],
)
def test_exit_code_2_for_a_wrong_request(embedded: PullBed, arguments: list[str], words: str) -> None:
    done = embedded.product.manage("pull", *arguments, "--wait")
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_ends_the_watching_and_not_the_pull(embedded: PullBed, slow: FaultProxy) -> None:
    arguments = ("pull", slow.reference("team/mid:1"), "--node", NODE, "--wait")
    command = embedded.product.popen(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert command.stdout is not None
    pk = int(re.findall(r"^Pull (\d+): ", command.stdout.readline())[0])
    embedded.wait_for_bytes(pk, 500_000)
    command.send_signal(signal.SIGINT)
    _out, error = command.communicate(timeout=60)
    assert command.returncode == 130
    assert f"/api/pulls/{pk}/cancel/" in error
    assert "Traceback" not in error
    assert embedded.snapshot(pk)["state"] == "running"
    slow.limit(None)
    assert embedded.wait(pk)["state"] == "succeeded"


def test_a_second_command_shares_the_pull(embedded: PullBed, slow: FaultProxy) -> None:
    reference = slow.reference("team/mid:1")
    first = embedded.product.manage("pull", reference, "--node", NODE)
    second = embedded.product.manage("pull", reference, "--node", NODE)
    assert re.findall(r"Pull \d+", first.stdout) == re.findall(r"Pull \d+", second.stdout)
    assert "shared" in second.stdout and "shared" not in first.stdout
    slow.limit(None)


# --- the server -------------------------------------------------------------------------------------------------------


def test_a_second_server_is_refused_and_harms_nobody(embedded: PullBed) -> None:
    done = embedded.product.manage("serve", "--port", "0", timeout=30)
    assert done.returncode == 2
    assert f"process {embedded.product.pid}" in done.stderr
    assert "Traceback" not in done.stderr
    assert embedded.product.api("GET", "/readyz", user=None).status_code == 200


def test_doctor_sees_server_and_node(embedded: PullBed, engine: RealEngine) -> None:
    done = embedded.product.manage("doctor")
    lines = done.stdout.splitlines()
    assert f"ok  server: process {embedded.product.pid}, with workers and schedule" in lines
    assert any(line.startswith(f"ok  node {NODE}: Docker ") for line in lines)


@pytest.fixture
def own_product(session_dir: Path, tmp_path: Path) -> Iterator[Product]:
    product = Product(session_dir / tmp_path.name, name="server")
    with closing(product):
        yield product


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_quickly_and_well(own_product: Product, number: signal.Signals) -> None:
    """Also while a browser keeps an event stream open."""
    own_product.start()
    node = own_product.api("POST", "/api/nodes/", json={"name": "n", "docker_address": "tcp://127.0.0.1:1"}).json()
    asked = {"reference": "127.0.0.1:1/x:1", "nodes": [node["id"]]}
    [result] = own_product.api("POST", "/api/pulls/", json=asked).json()["results"]
    headers = {"Authorization": f"Bearer {own_product.token()}"}
    with requests.Session() as session:
        session.trust_env = False
        stream = session.get(
            f"{own_product.url}/api/pulls/{result['pull']['id']}/events/", headers=headers, stream=True, timeout=30
        )
        assert stream.status_code == 200
        process = own_product.process
        assert process is not None
        process.send_signal(number)
        code = process.wait(25)  # the stream and the pull would go on for ever
    assert code == 0
    assert "Traceback" not in own_product.log()


def test_make_up_twice(own_product: Product, engine: RealEngine) -> None:
    """The commands of the Makefile, in its order, on the same data."""
    makefile = (Path(__file__).resolve().parents[2] / "Makefile").read_text()
    commands = re.findall(r"manage\.py (.*)", makefile.partition("\nup:")[2].partition("\n\n")[0])
    assert [line.split()[0] for line in commands] == ["migrate", "ensure_admin", "register_local_node", "serve"]
    own_product.env["DOCKER_HOST"] = engine.unix_url
    del own_product.env["IMAGELIB_ADMIN_PASSWORD"]
    said = []
    for _time in range(2):
        for line in commands[:-1]:
            done = own_product.manage(*line.split())
            assert done.returncode == 0, done.stderr
            said.append(done.stdout)
        own_product.start()
        own_product.stop()
    assert re.fullmatch(r"Administrator created: user admin, password \S+  \(shown only now\)\n", said[1])
    assert said[2] == f"Node local: {engine.unix_url} (connected)\n"
    assert said[3:] == ["", "", ""]


def test_a_database_without_tables_is_told_by_every_command(own_product: Product) -> None:
    commands = (["pull", "x", "--all-nodes"], ["reap_jobs"], ["rotate_keys"], ["ensure_admin"], ["serve"], ["doctor"])
    for command in commands:
        done = own_product.manage(*command, timeout=120)
        assert done.returncode == 2, command
        assert "manage.py migrate" in done.stdout + done.stderr, command
        assert "Traceback" not in done.stderr
