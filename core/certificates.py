"""PEM texts: is this a certificate at all, and is it still valid?"""

from __future__ import annotations

from typing import Any

from cryptography import x509
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


def certificate_fault(pem: str, *, most: int | None = None) -> Any:
    """A sentence that says what is wrong with a certificate, or with the first `most` of a bundle, or None."""
    try:
        certificates = x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        return _("This is not a certificate in PEM form. It starts with -----BEGIN CERTIFICATE-----.")
    for certificate in certificates[:most]:
        if certificate.not_valid_after_utc < timezone.now():
            rule = _(
                "The certificate expired on %(date)s. Enter one that is still valid; it starts with "
                "-----BEGIN CERTIFICATE-----."
            )
            return rule % {"date": certificate.not_valid_after_utc.date().isoformat()}
    return None
