"""`manage.py rotate_keys`: re-encrypt every stored secret with the first of IMAGELIB_FIELD_KEYS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.commands import ProductCommand
from core.errors import SecretUnreadable
from core.fields import EncryptedTextField, Secret

BATCH = 200


class Command(ProductCommand):
    help = gettext_lazy(
        "Re-encrypt stored secrets with the first key of IMAGELIB_FIELD_KEYS. Put the new key first, keep the old one "
        "behind it, restart, run this, then remove the old key. Can be interrupted and repeated."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--dry-run", action="store_true", help=_("Only count."))

    def handle(self, *, dry_run: bool, **_options: Any) -> None:
        done = unreadable = 0
        for field, pk, secret in self._stale():
            try:
                fresh = Secret(plain=secret.reveal())
            except SecretUnreadable:
                unreadable += 1
                what = {"column": field.label, "row": pk}
                self.stderr.write(_("%(column)s of row %(row)s cannot be decrypted: enter it again.") % what)
                continue
            if dry_run or self._replace(field, pk, secret, fresh):
                done += 1
        self._summarise(done, unreadable, dry_run)

    def _summarise(self, done: int, unreadable: int, dry_run: bool) -> None:
        sentence = _("Would be re-encrypted: %(count)s.") if dry_run else _("Re-encrypted: %(count)s.")
        self.stdout.write(sentence % {"count": done})
        if unreadable:
            text = _("%(count)s stored secrets cannot be decrypted with the configured keys.") % {"count": unreadable}
            raise CommandError(text, returncode=2)
        if not dry_run:
            self.stdout.write(_("Every secret uses the first key. The other keys may be removed."))

    def _stale(self) -> Iterator[tuple[EncryptedTextField, int, Secret]]:
        for model in apps.get_models():
            for field in model._meta.concrete_fields:
                if isinstance(field, EncryptedTextField):
                    rows = model._default_manager.order_by("pk").values_list("pk", field.attname)
                    for pk, secret in rows.iterator(chunk_size=BATCH):
                        if secret.needs_rotation():
                            yield field, pk, secret

    def _replace(self, field: EncryptedTextField, pk: int, old: Secret, fresh: Secret) -> bool:
        """Only if nobody entered another secret meanwhile: the old ciphertext must still be there."""
        rows = field.model._default_manager.filter(pk=pk, **{field.attname: old})
        return rows.update(**{field.attname: fresh}) == 1
