"""Issues the bearer tokens of a registry: who may pull and push what."""

from __future__ import annotations

import base64
import http.server
import json
import ssl
import threading
import time
import urllib.parse
import uuid
from collections.abc import Mapping

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.services.certs import Pair
from tests.services.ports import LOOPBACK, free_port

SERVICE, ISSUER = "test-registry", "test-token-server"
RIGHTS: Mapping[str, frozenset[str]] = {
    "puller": frozenset({"pull"}),
    "pusher": frozenset({"pull", "push", "delete", "*"}),
    "denied": frozenset(),
}
_PUBLIC = "library/"  # what anybody may pull


class TokenServer:
    """Token server in a thread. `ttl`: seconds that a token is good for, changeable at any time."""

    def __init__(self, users: Mapping[str, str], signer: Pair, *, ttl: int = 300) -> None:
        self.users, self.ttl, self.port = dict(users), ttl, free_port()
        self.requests: list[str] = []  # "USER SCOPE SCOPE…"; user "-" is nobody, "!" is one with a wrong password
        self._certificate = base64.b64encode(ssl.PEM_cert_to_DER_cert(signer.cert)).decode()
        key = serialization.load_pem_private_key(signer.key.encode(), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key
        self._server: http.server.ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/token"

    def start(self) -> None:
        if self._server is not None:
            return
        handler = type("Handler", (_Handler,), {"tokens": self})
        self._server = http.server.ThreadingHTTPServer((LOOPBACK, self.port), handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Close the port."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()

    def is_known(self, username: str, password: str) -> bool:
        return self.users.get(username) == password

    def token(self, username: str, service: str, scopes: list[str]) -> str:
        """A signed token that grants what the user may do of what was asked for. Empty user name: anonymous."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": username,
            "aud": service,
            "iat": now,
            "nbf": now - 10,
            "exp": now + self.ttl,
            "jti": uuid.uuid4().hex,
            "access": [access for scope in scopes if (access := _granted(username, scope))["actions"]],
        }
        header = {"typ": "JWT", "alg": "ES256", "x5c": [self._certificate]}
        signed = f"{_encode(json.dumps(header).encode())}.{_encode(json.dumps(claims).encode())}"
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_encode(r.to_bytes(32) + s.to_bytes(32))}"


class _Handler(http.server.BaseHTTPRequestHandler):
    """GET /token?service=…&scope=repository:NAME:pull,push"""

    protocol_version = "HTTP/1.1"
    tokens: TokenServer

    def do_GET(self) -> None:
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        scopes = [scope for value in query.get("scope", []) for scope in value.split()]
        username, password = self._credentials()
        known = not username or self.tokens.is_known(username, password)
        self.tokens.requests.append(" ".join([(username or "-") if known else "!", *scopes]))
        if not known:
            self._reply(401, {"details": "incorrect username or password"})
            return
        token = self.tokens.token(username, query.get("service", [SERVICE])[0], scopes)
        self._reply(200, {"token": token, "access_token": token, "expires_in": self.tokens.ttl})

    def do_POST(self) -> None:
        """The OAuth2 form is not offered; clients fall back to GET."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._reply(405, {"details": "use GET"})

    def log_message(self, format: str, *args: object) -> None:
        """Silent: `requests` is the log."""

    def _credentials(self) -> tuple[str, str]:
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return "", ""
        username, _, password = base64.b64decode(value).decode().partition(":")
        return username, password

    def _reply(self, status: int, answer: object) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="test tokens"')
        self.end_headers()
        self.wfile.write(body)


def _granted(username: str, scope: str) -> dict[str, object]:
    kind, _, rest = scope.partition(":")
    name, _, wanted = rest.rpartition(":")
    allowed = RIGHTS.get(username, frozenset())
    if not username and name.startswith(_PUBLIC):
        allowed = frozenset({"pull"})
    return {"type": kind, "name": name, "actions": sorted(allowed & set(wanted.split(",")))}


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
