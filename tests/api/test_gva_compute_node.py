"""What is particular to `/computeNode/`: secrets, certificates, addresses, the connection, what users may see."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import time_machine
from django.db import connection
from rest_framework.test import APIClient

from nodes.models import ComputeNode
from nodes.services import sweep_all
from tests.api import make
from tests.api.gva_client import done, log_in, refused
from tests.api.gva_kinds import NODES
from tests.services.certs import Authority

CREATE, UPDATE, FIND, LIST = NODES.create, NODES.update, NODES.find, NODES.list
FORM = {**NODES.form, "isOnShelf": True}
MASK = "******"


@pytest.fixture
def spa(operator: Any) -> APIClient:
    return log_in("olga")


@pytest.fixture
def spa_user(user: Any) -> APIClient:
    return log_in("ulrich")


@pytest.fixture
def silent() -> Iterator[str]:
    """Accepts connections and never answers."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=16)) as server:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


def created(client: APIClient, **values: Any) -> int:
    return int(done(client.post(CREATE, {**FORM, **values}))["ID"])


def found(client: APIClient, pk: int) -> dict[str, Any]:
    data: dict[str, Any] = done(client.get(f"{FIND}?ID={pk}"))
    return data


# --- secrets -----------------------------------------------------------------------------------------------------


def test_secrets_are_masked_and_the_mask_keeps_them(spa: APIClient) -> None:
    pair = Authority("test").issue("client", client=True)
    pk = created(spa, clientCert=pair.cert, clientKey=pair.key, dockerAddress="tcp://127.0.0.1:1", useTls=True)
    whole = found(spa, pk)
    assert (whole["password"], whole["clientKey"], whole["clientCert"]) == (MASK, MASK, pair.cert.strip())
    answers = [spa.get(LIST), spa.get(f"{FIND}?ID={pk}"), spa.put(UPDATE, {**whole, "remark": "x"})]
    row = ComputeNode.objects.get()
    assert (row.password.reveal(), row.client_key.reveal()) == (FORM["password"], pair.key)
    assert not any(FORM["password"] in answer.content.decode() for answer in answers)
    assert not any(pair.key.splitlines()[1] in answer.content.decode() for answer in answers)
    assert FORM["password"] not in row.password.sealed("nodes.computenode.password"), "stored as it was typed"


@pytest.mark.parametrize(
    ("sent", "stored", "answered"),
    [({"password": ""}, "", ""), ({"password": "new"}, "new", MASK), ({"password": None}, "s3cr3t-Pa55", MASK),
     ({}, "s3cr3t-Pa55", MASK), ({"password": " p "}, " p ", MASK)],
)  # fmt: skip
def test_an_empty_secret_clears_a_text_replaces(spa: APIClient, sent: Any, stored: str, answered: str) -> None:
    pk = created(spa)
    whole = {key: value for key, value in found(spa, pk).items() if key != "password"}
    done(spa.put(UPDATE, {**whole, **sent}))
    assert ComputeNode.objects.get().password.reveal() == stored
    assert found(spa, pk)["password"] == answered


def test_a_mask_is_never_stored_as_a_secret(spa: APIClient) -> None:
    pk = created(spa, password=MASK, clientKey=MASK)
    assert (found(spa, pk)["password"], found(spa, pk)["clientKey"]) == ("", "")
    assert not ComputeNode.objects.get().password


def test_a_secret_does_not_follow_the_address_to_another_host(spa: APIClient) -> None:
    pk = created(spa)
    whole = found(spa, pk)
    for address in ("tcp://127.0.0.2:1", "ssh://root@127.0.0.2"):
        assert refused(spa.put(UPDATE, {**whole, "dockerAddress": address})).startswith("Update failed: password: ")
    assert ComputeNode.objects.get().docker_address == FORM["dockerAddress"]
    done(spa.put(UPDATE, {**whole, "dockerAddress": "tcp://127.0.0.2:1", "password": "again"}))


def test_a_secret_whose_key_is_lost_breaks_no_page(spa: APIClient) -> None:
    row = make.node()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE nodes_computenode SET password = 'enc1:12345678:lost'")
    assert found(spa, row.pk)["password"] == MASK
    assert done(spa.get(LIST))["list"][0]["password"] == MASK


def test_ordinary_users_learn_nothing_about_logging_in_to_a_node(spa: APIClient, spa_user: APIClient) -> None:
    pair = Authority("test").issue("client", client=True)
    values = {"caCert": pair.cert, "clientCert": pair.cert, "clientKey": pair.key, "useTls": True}
    pk = created(spa, **values)
    for row in (found(spa_user, pk), done(spa_user.get(LIST))["list"][0]):
        assert row.keys() == found(spa, pk).keys()
        for key in ("username", "password", "hamiCore", "dockerAddress", "caCert", "clientCert", "clientKey", "remark"):
            assert row[key] == "", key
        assert (row["sshPort"], type(row["sshPort"]), row["useTls"]) == (0, int, False)
        assert (row["name"], row["gpuCount"], row["publicIp"]) == (FORM["name"], 8, "203.0.113.7")
    # What is not shown cannot be searched for either.
    assert done(spa_user.get(f"{LIST}?dockerAddress=zzz&username=zzz"))["total"] == 1


# --- addresses and certificates ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "stored"),
    [("2001:DB8::0007", "2001:db8::7"), (" 10.1.2.3 ", "10.1.2.3"), ("::ffff:10.1.2.3", "::ffff:10.1.2.3")],
)
def test_both_kinds_of_addresses_are_taken(spa: APIClient, given: str, stored: str) -> None:
    pk = created(spa, publicIp=given, privateIp="fd00::1")
    assert (found(spa, pk)["publicIp"], found(spa, pk)["privateIp"]) == (stored, "fd00::1")
    assert done(spa.get(f"{LIST}?publicIp={stored[2:5]}&privateIp=fd0"))["total"] == 1
    assert done(spa.get(f"{LIST}?privateIp=/"))["total"] == 0, "a database's own spelling has a mask after the address"


PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"
WRONG = [
    ("publicIp", {"publicIp": "300.1.1.1"}),
    ("publicIp", {"publicIp": "gpu7.example.com"}),
    ("publicIp", {"publicIp": "10.0.0.1/24"}),
    ("privateIp", {"privateIp": "010.0.0.1"}),
    ("sshPort", {"sshPort": 0}),
    ("sshPort", {"sshPort": 65536}),
    ("cpu", {"cpu": -1}),
    ("memory", {"memory": 2**31}),
    ("memoryCapacity", {"memoryCapacity": 10**30}),
    *(("hamiCore", {"hamiCore": path}) for path in make.BAD_DIRECTORIES),
    ("dockerAddress", {"dockerAddress": "10.0.0.5:2375"}),
    ("dockerAddress", {"dockerAddress": "http://10.0.0.5:2375"}),
    ("dockerAddress", {"dockerAddress": "ssh://root:pw@10.0.0.5"}),
    ("caCert", {"caCert": "no certificate"}),
    ("clientCert", {"clientCert": PEM, "clientKey": "x"}),
    ("clientKey", {"clientCert": "{cert}"}),
    ("clientCert", {"clientKey": "{key}"}),
    ("clientKey", {"clientCert": "{cert}", "clientKey": "no key"}),
    ("clientKey", {"clientCert": "{cert}", "clientKey": "{other}"}),
    ("caCert", {"caCert": "{cert}\n{key}"}),
    ("clientCert", {"clientCert": "{cert}{key}", "clientKey": "{key}"}),
]


@pytest.mark.parametrize(("field", "values"), WRONG)
def test_faults_are_named_by_the_fields_of_the_dialect(spa: APIClient, field: str, values: dict[str, Any]) -> None:
    authority = Authority("test")
    pair, other = authority.issue("client", client=True), authority.issue("other", client=True)
    texts = {"cert": pair.cert, "key": pair.key, "other": other.key}
    values = {key: value.format(**texts) if isinstance(value, str) else value for key, value in values.items()}
    text = refused(spa.post(CREATE, {**FORM, **values}))
    assert text.startswith("Creation failed: ") and f"{field}: " in text, text
    assert pair.key.splitlines()[1] not in text
    assert not ComputeNode.objects.exists()


@pytest.mark.parametrize("field", ["caCert", "clientCert"])
def test_an_expired_certificate_is_said_so_with_its_date(spa: APIClient, field: str) -> None:
    with time_machine.travel("2020-01-01T00:00:00Z"):
        pair = Authority("old").issue("client", client=True)
    text = refused(spa.post(CREATE, {**FORM, field: pair.cert, "clientKey": pair.key}))
    assert f"{field}: The certificate expired on 2020-01-08." in text
    chinese = log_in("olga", language=None).post(CREATE, {**FORM, field: pair.cert, "clientKey": pair.key})
    assert f"{field}: " in refused(chinese) and "2020-01-08" in refused(chinese) and "过期" in refused(chinese)


def test_a_key_of_an_unknown_kind_is_refused_with_a_sentence(spa: APIClient) -> None:
    text = refused(spa.post(CREATE, {**FORM, "clientCert": ODD_CERT, "clientKey": ODD_KEY}))
    assert text.startswith("Creation failed: clientKey: Keys of this kind are not supported.")


# --- the connection ----------------------------------------------------------------------------------------------


def test_the_connection_is_tested_and_a_failed_test_refuses_nothing(spa: APIClient) -> None:
    pk = created(spa)
    assert found(spa, pk)["dockerStatus"] == "failed"
    ComputeNode.objects.update(status="connected", status_code="")
    done(spa.put(UPDATE, {**found(spa, pk), "sshPort": 2022}))
    assert found(spa, pk)["dockerStatus"] == "failed"


def test_what_does_not_change_the_connection_is_saved_without_testing_it(spa: APIClient) -> None:
    """The front end always sends the whole record back, secrets masked."""
    pk = created(spa, password="s3cret")
    ComputeNode.objects.update(status="connected", status_code="")
    before = ComputeNode.objects.get()
    done(spa.put(UPDATE, {**found(spa, pk), "remark": "again", "name": "renamed"}))
    node = ComputeNode.objects.get()
    assert (node.remark, node.status, node.connection_version) == ("again", "connected", before.connection_version)
    assert node.password.reveal() == "s3cret"


def test_a_certificate_that_expired_since_does_not_lock_its_node(spa: APIClient) -> None:
    with time_machine.travel("2020-01-01T00:00:00Z"):
        pair = Authority("old").issue("client", client=True)
    pk = created(spa)
    ComputeNode.objects.update(client_cert=pair.cert.strip())
    done(spa.put(UPDATE, {**found(spa, pk), "isOnShelf": False}))
    assert ComputeNode.objects.get().is_listed is False
    assert "expired" in refused(spa.put(UPDATE, {**found(spa, pk), "caCert": pair.cert}))


def test_an_engine_that_hangs_costs_a_bounded_time_and_nothing_of_what_was_entered(
    spa: APIClient, silent: str, settings: Any
) -> None:
    settings.ENGINE_TIMEOUT = 0.5
    pk = created(spa, dockerAddress=silent)
    assert (found(spa, pk)["dockerStatus"], found(spa, pk)["remark"]) == ("failed", "r")
    assert ComputeNode.objects.get().status_code == "engine_timeout"


def test_without_a_docker_address_a_node_is_an_entry_of_the_inventory(spa: APIClient, as_operator: APIClient) -> None:
    pk = created(spa)
    whole = found(spa, pk)
    done(spa.put(UPDATE, {**whole, "dockerAddress": ""}))
    emptied = found(spa, pk)
    assert (emptied["dockerAddress"], emptied["dockerStatus"], emptied["password"]) == ("", "unknown", MASK)
    assert sweep_all() == 0 and found(spa, pk)["dockerStatus"] == "unknown"
    for path in ("test/", "discover/"):
        make.problem(as_operator.post(f"/api/nodes/{pk}/{path}"), 409, "no_docker_address")
    make.problem(as_operator.get(f"/api/nodes/{pk}/images/"), 409, "no_docker_address")
    body = make.problem(as_operator.post("/api/pulls/", {"image": make.image().pk, "nodes": [pk]}), 409)
    assert (body["code"], FORM["name"] in body["detail"]) == ("no_docker_address", True)
    # A secret that was kept goes to nobody's host: it is entered again with the new address.
    assert "password: " in refused(spa.put(UPDATE, {**emptied, "dockerAddress": FORM["dockerAddress"]}))
    done(spa.put(UPDATE, {**emptied, "dockerAddress": FORM["dockerAddress"], "password": "p"}))
    assert found(spa, pk)["dockerStatus"] == "failed"


def test_a_node_may_be_created_without_a_docker_address(spa: APIClient) -> None:
    for number, values in enumerate(({"dockerAddress": ""}, {"dockerAddress": None}, {"dockerAddress": "  "})):
        pk = created(spa, name=f"n{number}", **values)
        assert (found(spa, pk)["dockerAddress"], found(spa, pk)["dockerStatus"]) == ("", "unknown")


def test_what_is_left_out_has_its_default(spa: APIClient) -> None:
    pk = done(spa.post(CREATE, NODES.minimal()))["ID"]
    row = found(spa, pk)
    assert (row["useTls"], row["sshPort"], row["hamiCore"], row["isOnShelf"]) == (
        True, 22, "/root/HAMi-core/build", True,
    )  # fmt: skip
    assert (row["cpu"], row["gpuCount"], row["password"], row["region"]) == (0, 0, "", "")
    done(spa.put(UPDATE, {"ID": pk, "useTls": False}))
    done(spa.put(UPDATE, {"ID": pk, "remark": "x"}))
    assert found(spa, pk)["useTls"] is False, "a default is for creating"


# On the curve brainpoolP160r1, made for this test.
ODD_KEY = """-----BEGIN PRIVATE KEY-----
MGQCAQAwFAYHKoZIzj0CAQYJKyQDAwIIAQEBBEkwRwIBAQQUJ0U9RYyMCNPcunp7
fQnsok+P9KehLAMqAARyO3WL7CUZ2NGGq7Jv5Ge2WcseRZaOjvUYARmJQuegW7Ec
lN2aF1m3
-----END PRIVATE KEY-----
"""
ODD_CERT = """-----BEGIN CERTIFICATE-----
MIIBRDCCAQKgAwIBAgIURw7bcT0/STJwD7qKAAvk3AVvW58wCgYIKoZIzj0EAwIw
DjEMMAoGA1UEAwwDb2RkMCAXDTI2MTEyNTE1MTQzNVoYDzIxMjYxMTAxMTUxNDM1
WjAOMQwwCgYDVQQDDANvZGQwQjAUBgcqhkjOPQIBBgkrJAMDAggBAQEDKgAEcjt1
i+wlGdjRhquyb+RntlnLHkWWjo71GAEZiULnoFuxHJTdmhdZt6NTMFEwHQYDVR0O
BBYEFPoOFYv4anQZxANcaAXV4a0Bt36fMB8GA1UdIwQYMBaAFPoOFYv4anQZxANc
aAXV4a0Bt36fMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDMAAwLQIVAJqD
VbGgXC+J7lokmN4eZfr02DZIAhQU3nLBZufG2x2kZ3e9i33SFOA7EA==
-----END CERTIFICATE-----
"""
