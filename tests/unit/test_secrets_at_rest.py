"""Encrypted columns: ciphertext in the database, a mask everywhere else, keys that rotate."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Iterator

import pytest
from cryptography.fernet import Fernet
from django.core import serializers
from django.core.exceptions import FieldError
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import translation

from core.errors import SecretUnreadable
from core.fields import MASK, EncryptedTextField, Secret, key_id
from imagelib.models import RegistryEndpoint
from nodes.models import ComputeNode
from tests.api import make

pytestmark = pytest.mark.django_db
CANARY = "canary-秘密-1f7c"


@pytest.fixture
def english() -> Iterator[None]:
    with translation.override("en"):
        yield


def raw(table: str, column: str, pk: int) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT "{column}" FROM "{table}" WHERE id = %s', [pk])
        return cursor.fetchone()[0]


def test_the_database_holds_ciphertext_and_only_reveal_decrypts() -> None:
    row = make.registry(password=CANARY)
    stored = raw("imagelib_registryendpoint", "password", row.pk)
    assert stored.startswith("enc1:")
    assert CANARY not in stored
    assert RegistryEndpoint.objects.get(pk=row.pk).password.reveal() == CANARY


@pytest.mark.parametrize("fresh", [True, False])
def test_printing_a_secret_shows_the_mask(fresh: bool) -> None:
    row = make.registry(password=CANARY)
    secret = row.password if fresh else RegistryEndpoint.objects.get(pk=row.pk).password
    shown = f"{secret} {secret!r} {secret!s} {[secret]} {row.__dict__}"
    assert CANARY not in shown
    assert str(secret) == MASK
    assert CANARY not in serializers.serialize("json", [row])


def test_an_empty_secret_is_empty_and_stays_empty_in_the_database() -> None:
    row = make.registry()
    assert not row.password
    assert str(row.password) == ""
    assert raw("imagelib_registryendpoint", "password", row.pk) == ""
    assert RegistryEndpoint.objects.get(pk=row.pk).password.reveal() == ""


def test_the_same_text_never_gives_the_same_ciphertext() -> None:
    one, other = make.registry(password=CANARY), make.registry(password=CANARY)
    table = "imagelib_registryendpoint"
    assert raw(table, "password", one.pk) != raw(table, "password", other.pk)


def test_saving_an_unchanged_row_keeps_the_ciphertext() -> None:
    row = RegistryEndpoint.objects.get(pk=make.registry(password=CANARY).pk)
    before = raw("imagelib_registryendpoint", "password", row.pk)
    row.save()
    assert raw("imagelib_registryendpoint", "password", row.pk) == before


def test_a_ciphertext_of_another_column_is_refused() -> None:
    stored = raw("imagelib_registryendpoint", "password", make.registry(password=CANARY).pk)
    node = make.node()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE nodes_computenode SET password = %s WHERE id = %s", [stored, node.pk])
    with pytest.raises(SecretUnreadable) as caught:
        ComputeNode.objects.get(pk=node.pk).password.reveal()
    assert CANARY not in str(caught.value)


def test_a_lost_key_breaks_no_list_and_says_so_when_the_secret_is_needed(settings) -> None:
    make.registry(password=CANARY)
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    [row] = RegistryEndpoint.objects.all()
    assert str(row.password) == MASK
    assert not row.password.readable()
    with pytest.raises(SecretUnreadable, match="IMAGELIB_FIELD_KEYS"):
        row.password.reveal()


@pytest.mark.usefixtures("english")
def test_keys_rotate_without_losing_a_secret(settings, capsys) -> None:
    registry, node = make.registry(password=CANARY), make.node(password="", client_key=CANARY)
    old, new = settings.FIELD_KEYS, Fernet.generate_key().decode()
    settings.FIELD_KEYS = [new, *old]
    call_command("rotate_keys", dry_run=True)
    assert "Would be re-encrypted: 2." in capsys.readouterr().out
    call_command("rotate_keys")
    assert "Re-encrypted: 2." in capsys.readouterr().out
    settings.FIELD_KEYS = [new]
    assert RegistryEndpoint.objects.get(pk=registry.pk).password.reveal() == CANARY
    assert ComputeNode.objects.get(pk=node.pk).client_key.reveal() == CANARY
    assert raw("nodes_computenode", "password", node.pk) == ""
    call_command("rotate_keys")
    assert "Re-encrypted: 0." in capsys.readouterr().out


@pytest.mark.usefixtures("english")
def test_rotation_reports_what_it_cannot_decrypt_and_leaves_it_alone(settings, capsys) -> None:
    row = make.registry(password=CANARY)
    before = raw("imagelib_registryendpoint", "password", row.pk)
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(CommandError) as caught:
        call_command("rotate_keys")
    assert caught.value.returncode == 2
    assert f"row {row.pk}" in capsys.readouterr().err
    assert raw("imagelib_registryendpoint", "password", row.pk) == before


@pytest.mark.parametrize("option", ["unique", "db_index", "primary_key"])
def test_an_encrypted_column_refuses_what_cannot_work(option: str) -> None:
    with pytest.raises(FieldError):
        EncryptedTextField(**{option: True})
    with pytest.raises(FieldError):
        list(RegistryEndpoint.objects.filter(password__icontains="x"))


def test_the_key_id_names_a_key_without_revealing_it() -> None:
    key = Fernet.generate_key().decode()
    assert len(key_id(key)) == 8
    assert key_id(key) not in key


def test_secrets_do_not_serialise_by_accident() -> None:
    secret = Secret(plain=CANARY)
    with pytest.raises(TypeError):
        json.dumps({"password": secret})
    assert CANARY not in json.dumps({"password": secret}, default=str)
    assert copy.copy(secret).reveal() == CANARY
    assert CANARY.encode() in pickle.dumps(secret)  # why secrets are never cached or sent to tasks
