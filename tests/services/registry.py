"""One real image registry of the tests."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bcrypt

from tests.services.catalogue import STANDARD, on_demand
from tests.services.certs import Authority, Pair
from tests.services.images import BuiltImage, BuiltIndex, ImageSpec, ImageStore, IndexSpec
from tests.services.ports import LOOPBACK, accepts, free_port
from tests.services.process import Daemon
from tests.services.registry_storage import RegistryStorage
from tests.services.requirements import program
from tests.services.token_server import ISSUER, SERVICE, TokenServer

USERS: Mapping[str, str] = {"puller": "pull-s3cret", "pusher": "push-s3cret"}
DENIED: Mapping[str, str] = {"denied": "denied-s3cret"}  # token registry: may log in and do nothing

_ACCESS = re.compile(r'"([A-Z]+) (\S+) HTTP/[\d.]+" (\d+) ')  # of the registry's access log


class Registry(Daemon):
    """A registry that anybody may use over plain HTTP; the standard catalogue is in it from the start."""

    scheme = "http"
    ca_pem = ""

    def __init__(self, name: str, parent: Path, store: ImageStore) -> None:
        super().__init__(f"registry {name}", parent / f"registry-{name}")
        self.port = free_port()
        self.users: dict[str, str] = {}
        self._store = store
        self._storage = RegistryStorage(self.directory / "storage", store)
        self._images: dict[str, BuiltImage | BuiltIndex] = {}
        self._log_start = 0

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.address}"

    def reference(self, name: str) -> str:
        """Full reference of "repository:tag" here; makes the image when it is one that is made on demand."""
        self._provide(name)
        return f"{self.address}/{name}"

    def image(self, name: str) -> BuiltImage | BuiltIndex:
        """What "repository:tag" is. Raises KeyError when it was never put here."""
        self._provide(name)
        return self._images[name]

    def push_image(self, spec: ImageSpec | IndexSpec) -> Any:
        """Put an image (BuiltImage) or an index (BuiltIndex) here; an existing tag moves to it."""
        built = self._store.build(spec)
        self._storage.put(built)
        self._images[built.name] = built
        return built

    def delete_tag(self, repository: str, tag: str) -> None:
        self._storage.delete_tag(repository, tag)
        self._images.pop(f"{repository}:{tag}", None)

    def remove_blob(self, digest: str) -> None:
        """The registry goes on listing the blob, but cannot deliver it."""
        self._storage.remove_blob(digest)

    def requests(self) -> list[str]:
        """ "METHOD PATH STATUS" of every request answered since the start or the last `clear_log`."""
        return [" ".join(found) for found in _ACCESS.findall(self.log_file.text(self._log_start))]

    def request_count(self, pattern: str) -> int:
        """How many requests match, a regex on "METHOD PATH STATUS"."""
        return sum(re.search(pattern, line) is not None for line in self.requests())

    def clear_log(self) -> None:
        self._log_start = self.log_file.size()

    def start(self) -> None:
        """Start, with the standard catalogue."""
        for spec in STANDARD if not self._images else ():
            self.push_image(spec)
        (self.directory / "config.yml").write_text(json.dumps(self.configuration()))  # JSON is YAML
        super().start()

    def command(self) -> list[str]:
        return [program("docker-registry"), "serve", str(self.directory / "config.yml")]

    def is_ready(self) -> bool:
        return accepts(self.port)

    def configuration(self) -> dict[str, Any]:
        """The registry's configuration file."""
        return {
            "version": 0.1,
            "log": {"level": "warn"},
            "storage": {
                "filesystem": {"rootdirectory": str(self.directory / "storage")},
                "delete": {"enabled": True},
            },
            # relative URLs: whoever came through a proxy stays on it
            "http": {"addr": self.address, "relativeurls": True, "secret": "test"},
        }

    def _provide(self, name: str) -> None:
        if name not in self._images and (spec := on_demand(name)):
            self.push_image(spec)


class BasicRegistry(Registry):
    """Asks for user name and password."""

    def __init__(self, name: str, parent: Path, store: ImageStore) -> None:
        super().__init__(name, parent, store)
        self.users = dict(USERS)
        self._write_users()

    def configuration(self) -> dict[str, Any]:
        access = {"htpasswd": {"realm": "test registry", "path": str(self.directory / "htpasswd")}}
        return {**super().configuration(), "auth": access}

    def _write_users(self) -> None:
        lines = []
        for username, password in self.users.items():
            hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
            lines.append(f"{username}:{hashed}\n")
        (self.directory / "htpasswd").write_text("".join(lines))


class TokenRegistry(Registry):
    """Sends clients to a token server; anybody may pull `library/*`."""

    def __init__(self, name: str, parent: Path, store: ImageStore) -> None:
        super().__init__(name, parent, store)
        self.users = {**USERS, **DENIED}
        authority = Authority("test tokens CA")
        (self.directory / "tokens.pem").write_text(authority.cert)
        self.token_server = TokenServer(self.users, authority.issue("test tokens"))

    def configuration(self) -> dict[str, Any]:
        token = {"realm": self.token_server.url, "service": SERVICE, "issuer": ISSUER}
        token["rootcertbundle"] = str(self.directory / "tokens.pem")
        return {**super().configuration(), "auth": {"token": token}}

    def start(self) -> None:
        self.token_server.start()
        super().start()

    def close(self) -> None:
        self.token_server.stop()
        super().close()


class TlsRegistry(Registry):
    """Speaks HTTPS with a certificate of an authority that nobody knows; `ca_pem` is that authority."""

    scheme = "https"

    def __init__(self, name: str, parent: Path, store: ImageStore) -> None:
        super().__init__(name, parent, store)
        authority = Authority("test registry CA")
        self.ca_pem = authority.cert
        self._write_certificate(authority.issue("test registry", hosts=[LOOPBACK, "registry.test"]))

    def configuration(self) -> dict[str, Any]:
        configuration = super().configuration()
        tls = {"certificate": str(self.directory / "cert.pem"), "key": str(self.directory / "key.pem")}
        return {**configuration, "http": {**configuration["http"], "tls": tls}}

    def _write_certificate(self, pair: Pair) -> None:
        (self.directory / "cert.pem").write_text(pair.cert)
        (self.directory / "key.pem").write_text(pair.key)
        (self.directory / "key.pem").chmod(0o600)
