"""TLS material for one client: PEM texts checked, then written to files because the SDK takes nothing else."""

from __future__ import annotations

import os
import shutil
import ssl
import tempfile
from pathlib import Path

from .errors import EngineError
from .evidence import clean
from .types import EngineEndpoint


class TlsFiles:
    """PEM files, each of mode 0600, in a private directory that `remove` deletes.

    `verify` and `cert` are what a `requests.Session` wants: the CA's path (True without one: public CAs), and the
    paths of client certificate and key (None without). Raises EngineError(engine_tls_key_invalid) for texts that are
    no PEM, or a key that does not belong to its certificate: found out here, before anything is sent.
    """

    def __init__(self, endpoint: EngineEndpoint) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="imagelib-tls-"))
        try:
            self.verify: str | bool = self._write_ca(endpoint.ca_cert)
            self.cert: tuple[str, str] | None = self._write_pair(endpoint.client_cert, endpoint.client_key)
        except BaseException:
            self.remove()
            raise

    def remove(self) -> None:
        shutil.rmtree(self._directory, ignore_errors=True)

    def _write_ca(self, pem: str) -> str | bool:
        if not pem.strip():
            return True
        try:
            _context().load_verify_locations(cadata=pem)
        except (ssl.SSLError, ValueError) as error:
            raise _invalid("CA certificate", error) from error
        return self._write("ca.pem", pem)

    def _write_pair(self, certificate: str, key: str) -> tuple[str, str] | None:
        if not certificate.strip() and not key.strip():
            return None
        if not certificate.strip() or not key.strip():
            missing = "key" if certificate.strip() else "certificate"
            raise EngineError("engine_tls_key_invalid", f"the client {missing} is missing")
        paths = self._write("cert.pem", certificate), self._write("key.pem", key)
        try:
            # An empty answer to the question for a pass phrase: nobody sits at a worker's terminal.
            _context().load_cert_chain(*paths, password=lambda: "")
        except (ssl.SSLError, ValueError) as error:
            raise _invalid("client certificate and key", error) from error
        return paths

    def _write(self, name: str, pem: str) -> str:
        path = self._directory / name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(pem)
        return str(path)


def _context() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _invalid(what: str, error: Exception) -> EngineError:
    return EngineError("engine_tls_key_invalid", clean(f"{what}: {error}"))
