"""PEM texts of a TLS engine: do they parse, do they belong together, are they still valid?"""

from __future__ import annotations

from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from django.utils.translation import gettext_lazy as _

from core.certificates import certificate_fault


def check_tls(*, ca_cert: str, client_cert: str, client_key: str) -> dict[str, Any]:
    """Faults by field name; an empty mapping when all is well. Never repeats what was entered."""
    problems: dict[str, Any] = {}
    for name, pem in (("ca_cert", ca_cert), ("client_cert", client_cert)):
        if pem and (fault := _certificate_fault(pem)):
            problems[name] = fault
    if bool(client_cert) != bool(client_key):
        missing = "client_key" if client_cert else "client_cert"
        problems[missing] = _("Client certificate and client key belong together: give both, or neither.")
    elif client_key and "client_cert" not in problems and (fault := _key_fault(client_cert, client_key)):
        problems["client_key"] = fault
    return problems


def _certificate_fault(pem: str) -> Any:
    if "PRIVATE KEY-----" in pem:  # certificates are shown again, keys are not
        return _("There is a private key in this text. Give the certificate alone; the key has a field of its own.")
    return certificate_fault(pem, most=1)


def _key_fault(certificate: str, key: str) -> Any:
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    try:
        private = load_pem_private_key(key.encode(), password=None)
        public = x509.load_pem_x509_certificates(certificate.encode())[0].public_key()
        belongs = private.public_key().public_bytes(*form) == public.public_bytes(*form)
    except UnsupportedAlgorithm:
        return _("Keys of this kind are not supported. Use RSA with 2048 bits or more, or the curve P-256.")
    except (ValueError, TypeError):
        return _("This is not an unencrypted private key in PEM form. It starts with -----BEGIN PRIVATE KEY-----.")
    if belongs:
        return None
    return _(
        "The client key does not belong to the client certificate. Enter the one that the certificate was made "
        "for; it starts with -----BEGIN PRIVATE KEY-----."
    )
