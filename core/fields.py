"""Encrypted columns and the value type that keeps secrets out of every output.

Stored form: `enc1:<key id>:<Fernet token>`. The first key of `settings.FIELD_KEYS` encrypts, all of them decrypt
(`manage.py rotate_keys` re-encrypts). The token also holds the column's label, so a ciphertext copied into another
column is refused instead of being sent to the wrong place.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import FieldError
from django.db import models
from django.db.models.query_utils import DeferredAttribute
from django.utils.translation import gettext_lazy as _

from core.errors import SecretUnreadable

MASK = "******"
PREFIX = "enc1"


def key_id(key: str) -> str:
    """Eight hex digits that name a key without revealing it."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


@lru_cache(maxsize=4)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


class Secret:
    """A secret text. `str()` and `repr()` give a mask or nothing; only `reveal()` gives the text.

    Decryption happens in `reveal()`, so one lost key cannot break a list page.
    """

    __slots__ = ("_label", "_plain", "_stored")

    def __init__(self, *, plain: str | None = None, stored: str = "", label: str = "") -> None:
        self._plain, self._stored, self._label = plain, stored, label

    def __bool__(self) -> bool:
        return bool(self._stored if self._plain is None else self._plain)

    def __str__(self) -> str:
        return MASK if self else ""

    def __repr__(self) -> str:
        return f"Secret({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return (self._plain, self._stored) == (other._plain, other._stored)

    __hash__ = None  # type: ignore[assignment]

    def reveal(self) -> str:
        """The plain text. Raises `SecretUnreadable` when no configured key opens it."""
        if self._plain is not None:
            return self._plain
        if not self._stored:
            return ""
        token = self._stored.rpartition(":")[2]
        try:
            label, _separator, plain = _box(tuple(settings.FIELD_KEYS)).decrypt(token).decode().partition("\0")
        except InvalidToken:
            label = plain = ""
        if label != self._label:
            raise SecretUnreadable(
                _(
                    "The stored secret of %(column)s cannot be decrypted. Put its key back into IMAGELIB_FIELD_KEYS, "
                    "or enter the secret again."
                )
                % {"column": self._label}
            )
        return plain

    def sealed(self, label: str) -> str:
        """The form for the database column `label`."""
        if self._plain is None and self._label == label:
            return self._stored
        plain = self.reveal()
        if not plain:
            return ""
        keys = tuple(settings.FIELD_KEYS)
        token = _box(keys).encrypt(f"{label}\0{plain}".encode()).decode()
        return f"{PREFIX}:{key_id(keys[0])}:{token}"

    def readable(self) -> bool:
        """Whether a configured key opens it; True for an empty one."""
        try:
            self.reveal()
        except SecretUnreadable:
            return False
        return True

    def needs_rotation(self) -> bool:
        """True when the stored form was not made with the first key."""
        return bool(self._stored) and self._stored.split(":")[1:2] != [key_id(settings.FIELD_KEYS[0])]


class _SecretAttribute(DeferredAttribute):
    """Whatever is assigned reads back as a `Secret`, so that a fresh text cannot be printed by accident either."""

    def __set__(self, instance: models.Model, value: Any) -> None:
        instance.__dict__[self.field.attname] = self.field.to_python(value)


if TYPE_CHECKING:
    _TextColumn = models.TextField["str | Secret", Secret]  # assigned as text, read as a Secret
else:
    _TextColumn = models.TextField


class EncryptedTextField(_TextColumn):
    """A text column encrypted at rest. Cannot be searched, indexed, unique or a key. Empty means "not set"."""

    descriptor_class = _SecretAttribute

    def __init__(self, *args: Any, **options: Any) -> None:
        if options.get("unique") or options.get("db_index") or options.get("primary_key"):
            raise FieldError("an encrypted column cannot be unique, indexed or a primary key")
        options.setdefault("blank", True)
        options.setdefault("default", "")
        super().__init__(*args, **options)

    @property
    def label(self) -> str:
        return f"{self.model._meta.label_lower}.{self.name}"

    def to_python(self, value: Any) -> Any:
        if isinstance(value, Secret) or hasattr(value, "resolve_expression"):
            return value
        return Secret(plain=value or "")

    def from_db_value(self, value: str | None, *_args: Any) -> Secret:
        return Secret(stored=value or "", label=self.label)

    def get_prep_value(self, value: Any) -> Any:
        if hasattr(value, "resolve_expression"):
            return value
        return self.to_python(value).sealed(self.label)

    def value_to_string(self, obj: models.Model) -> str:
        """Serialised fixtures (`dumpdata`) carry the ciphertext, never the text."""
        return str(self.get_prep_value(self.value_from_object(obj)))

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name not in ("isnull", "exact"):
            raise FieldError(f"an encrypted column cannot be searched with {lookup_name}")
        return super().get_lookup(lookup_name)


def keep_or_replace(new: str | None, old: Secret) -> Secret | str:
    """What a write-only secret field means: absent or the mask keeps, empty clears, anything else replaces."""
    return old if new is None or new == MASK else new
