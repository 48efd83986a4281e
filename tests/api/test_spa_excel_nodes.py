"""Excel on the page of the compute nodes: secrets stay, nobody is connected to, users see nothing about logins."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from typing import Any

import pytest
from rest_framework.test import APIClient

from core.fields import MASK
from nodes.models import ComputeNode, NodeStatus
from tests.api import make
from tests.api.gva_client import log_in, refused
from tests.api.gva_kinds import NODES
from tests.api.sheets import exported, import_sheet, imported
from tests.services.certs import Authority
from tests.support.workbooks import as_excel_saves_it, file_of, rows_in

TEMPLATE = "computenode_ComputeNode"


@pytest.fixture
def spa(operator: Any) -> APIClient:
    return log_in("olga")


@pytest.fixture
def silent() -> Iterator[str]:
    """Accepts connections and never answers: whoever connects waits."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.setblocking(False)
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(BlockingIOError):
            server.accept()


def header(client: APIClient) -> list[str]:
    return [str(text) for text in rows_in(exported(client, TEMPLATE))[0]]


def changed(file: BytesIO, **cells: Any) -> BytesIO:
    """The sheet with cells of its first row replaced, by header with `_` for spaces."""
    rows = rows_in(file)
    for name, content in cells.items():
        rows[1][rows[0].index(name.replace("_", " "))] = content
    return file_of(rows)


def secret_node(**values: Any) -> ComputeNode:
    pair = Authority("test").issue("client", client=True)
    return make.node(
        **{
            "name": "gpu-1", "password": "s3cr3t", "client_cert": pair.cert, "client_key": pair.key, "use_tls": True,
            "username": "root", "public_ip": "203.0.113.7", "status": NodeStatus.CONNECTED, "gpu_count": 8, **values,
        }
    )  # fmt: skip


@pytest.mark.parametrize("resaved", [False, True])
def test_an_exported_sheet_imports_again_without_change(spa: APIClient, resaved: bool) -> None:
    secret_node()
    make.node(name="bare", docker_address="")  # without the addresses that the form insists on
    before = list(ComputeNode.objects.order_by("pk").values())
    file = exported(spa, TEMPLATE)
    counts = imported(spa, TEMPLATE, as_excel_saves_it(file) if resaved else file)
    assert counts == {"created": 0, "changed": 0, "unchanged": 2}
    assert str(list(ComputeNode.objects.order_by("pk").values())) == str(before)


def test_secrets_are_never_exported_and_the_mask_keeps_them(spa: APIClient) -> None:
    node = secret_node()
    file = exported(spa, TEMPLATE)
    cells = [cell for row in rows_in(file) for cell in row]
    assert cells.count(MASK) == 2 and "s3cr3t" not in cells
    assert imported(spa, TEMPLATE, changed(file, Remark="new"))["changed"] == 1
    found = ComputeNode.objects.get()
    assert (found.password.reveal(), found.client_key.reveal()) == ("s3cr3t", node.client_key.reveal())
    assert found.remark == "new"


def test_secrets_are_replaced_and_cleared(spa: APIClient) -> None:
    secret_node()
    assert imported(spa, TEMPLATE, changed(exported(spa, TEMPLATE), Password="another"))["changed"] == 1
    assert ComputeNode.objects.get().password.reveal() == "another"
    assert imported(spa, TEMPLATE, changed(exported(spa, TEMPLATE), Password=None))["changed"] == 1
    assert not ComputeNode.objects.get().password


def test_a_mask_for_a_node_without_the_secret_means_none(spa: APIClient) -> None:
    secret_node()
    file = exported(spa, TEMPLATE)
    ComputeNode.objects.all().delete()
    file = changed(file, Client_certificate=None, Private_IP="10.0.0.7")
    assert imported(spa, TEMPLATE, file)["created"] == 1
    found = ComputeNode.objects.get()
    assert not found.password and not found.client_key
    assert imported(spa, TEMPLATE, file) == {"created": 0, "changed": 0, "unchanged": 1}


def test_a_secret_does_not_follow_an_address_to_another_host(spa: APIClient) -> None:
    secret_node()
    file = changed(exported(spa, TEMPLATE), Docker_address="tcp://198.51.100.1:2376")
    text = refused(spa.post(*import_sheet(TEMPLATE, file)))
    assert "row 2, Password: Enter the secret again" in text and "row 2, Client key: " in text
    assert ComputeNode.objects.get().docker_address == make.DEAD_ENGINE


def test_nobody_is_connected_to(spa: APIClient, silent: str) -> None:
    secret_node(docker_address=silent, password="", client_key="", client_cert="", use_tls=False)
    file = exported(spa, TEMPLATE)
    assert imported(spa, TEMPLATE, changed(file, Remark="x"))["changed"] == 1
    assert ComputeNode.objects.get().status == NodeStatus.CONNECTED, "how to connect is the same"
    assert imported(spa, TEMPLATE, changed(file, User_name="another"))["changed"] == 1
    assert ComputeNode.objects.get().status == NodeStatus.UNKNOWN
    new = changed(file, Name="gpu-2", Private_IP="10.0.0.8")
    assert imported(spa, TEMPLATE, new)["created"] == 1
    assert ComputeNode.objects.get(name="gpu-2").status == NodeStatus.UNKNOWN


def test_new_nodes_have_the_forms_defaults(spa: APIClient) -> None:
    columns = header(spa)
    values = {
        "Name": "gpu-1",
        "Public IP": "203.0.113.7",
        "Private IP": "10.0.0.7",
        "CPU cores": "64",
        "GPU count": 8.0,
    }
    assert imported(spa, TEMPLATE, file_of([columns, [values.get(name) for name in columns]]))["created"] == 1
    row = ComputeNode.objects.get()
    assert (row.cpu, row.gpu_count, row.memory, row.ssh_port, row.use_tls, row.is_listed) == (64, 8, 0, 22, True, True)
    assert row.hami_core == "/root/HAMi-core/build" and row.docker_address == ""


@pytest.mark.parametrize(
    ("cells", "named"),
    [
        ({"Public_IP": "300.1.1.1"}, "Public IP: "),
        ({"Public_IP": 10.5}, "Public IP: The spreadsheet took it for a number"),
        ({"SSH_port": 70000}, "SSH port: "),
        ({"SSH_port": 22.5}, "SSH port: Give a whole number"),
        ({"CPU_cores": -1}, "CPU cores: "),
        ({"CPU_cores": 2**40}, "CPU cores: "),
        ({"Docker_address": "http://x"}, "Docker address: "),
        ({"CA_certificate": "x"}, "CA certificate: "),
        ({"Use_TLS": "perhaps"}, "Use TLS: Give yes or no."),
        *(({"HAMi-core_directory": path}, "HAMi-core directory: ") for path in make.BAD_DIRECTORIES if path.strip()),
        ({"Password": "=1+1"}, "Password: Formulas"),
        ({"Name": "x" * 256}, "Name: "),
    ],
)
def test_faults_name_the_column(spa: APIClient, cells: dict[str, Any], named: str) -> None:
    columns = header(spa)
    good = dict(NODES.form, isOnShelf=True)
    values = {"Name": "gpu-1", "Public IP": good["publicIp"], "Private IP": good["privateIp"]}
    file = changed(file_of([columns, [values.get(name) for name in columns]]), **cells)
    text = refused(spa.post(*import_sheet(TEMPLATE, file)))
    assert f"row 2, {named}" in text
    assert not ComputeNode.objects.exists()


def test_ordinary_users_get_nothing_about_how_to_log_in(user: Any) -> None:
    secret_node(remark="in the cellar", hami_core="/opt/hami")
    make.node(name="hidden", is_listed=False)
    rows = rows_in(exported(log_in("ulrich"), TEMPLATE))
    row = dict(zip(rows[0], rows[1], strict=True))
    assert len(rows) == 2 and (row["Name"], row["Public IP"], row["GPU count"]) == ("gpu-1", "203.0.113.7", 8)
    withheld = {
        "User name", "Password", "HAMi-core directory", "Docker address", "CA certificate", "Client certificate",
        "Client key", "Remark",
    }  # fmt: skip
    assert {row[name] for name in withheld} == {None} and row["SSH port"] == 0
