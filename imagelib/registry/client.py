"""Questions to one image registry: what is there, how large, for which platforms. Nothing is downloaded but JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from types import TracebackType
from urllib.parse import quote, urlencode, urljoin, urlsplit

from . import platforms
from .auth import Authorizer
from .bodies import Body
from .errors import RegistryError
from .manifests import (
    ACCEPT,
    ImageManifest,
    Index,
    IndexEntry,
    check_digest,
    digest_of,
    is_digest,
    parse_config,
    parse_json,
    parse_manifest,
)
from .redaction import Authorization, Secrets
from .replies import error_from_reply, own_words
from .transport import Reply, Transport
from .types import Blob, ImageConfig, ImageDescription, Manifest, Platform

DOCUMENT_LIMIT = 4 * 1024 * 1024  # registries refuse to store larger manifests
DESCRIBED_PLATFORMS = 16  # each one costs a request, and public registries count them
_DOCKER_HUB = {"docker.io": "registry-1.docker.io", "index.docker.io": "registry-1.docker.io"}


class RegistryClient:
    """Asks one registry, for one use; not to be shared between threads.

    `host` is `host[:port]`; `docker.io` means Docker Hub. `insecure` allows plain HTTP and unverified certificates,
    `ca_pem` adds the registry's own CA to those of the system; loopback hosts may always speak plain HTTP. `timeout`
    is (connect, read) in seconds; `answer_seconds` bounds one whole answer, because a trickle never exceeds the read
    timeout, and `total_seconds` all answers together, counted from the first request. Nothing is taken from the
    environment and nothing is retried.
    All methods raise RegistryError and nothing else.
    """

    def __init__(
        self,
        host: str,
        *,
        username: str = "",
        password: str = "",
        insecure: bool = False,
        ca_pem: str = "",
        timeout: tuple[float, float] = (5.0, 10.0),
        answer_seconds: float = 30.0,
        total_seconds: float = math.inf,
    ) -> None:
        address = _DOCKER_HUB.get(host.lower(), host)
        self._secrets = Secrets()
        self._transport = Transport(
            address,
            insecure=insecure,
            ca_pem=ca_pem,
            timeout=timeout,
            answer_seconds=answer_seconds,
            total_seconds=total_seconds,
        )
        self._auth = Authorizer(self._transport, self._secrets, username=username, password=password)

    def __enter__(self) -> RegistryClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    @property
    def url(self) -> str:
        """Where it asks: http[s]://host[:port]; the scheme is known after the first answer."""
        return self._transport.url

    def resolve(self, repository: str, reference: str, *, platform: Platform) -> Manifest:
        """What an engine of `platform` downloads for `reference`, a tag or a digest: one request, two for an index.

        A single manifest is taken whatever its platform is, as engines do; see `image_config` to find out.
        """
        with self._secrets:
            digest, document = self._document(repository, reference)
            if isinstance(document, ImageManifest):
                return _manifest(digest, digest, document, None)
            return self._child(repository, digest, _pick(document, platform))

    def describe(
        self, repository: str, reference: str, *, sizes_for: Collection[Platform] | None = None
    ) -> ImageDescription:
        """All that the registry says of `reference`.

        The manifests of an index are read for the platforms in `sizes_for`, or for the first 16 when it is None; when
        the registry gets too slow meanwhile, fewer. An empty `sizes_for` asks for the digest alone: one request, and
        the platform of what is no index stays unknown.
        """
        with self._secrets:
            digest, document = self._document(repository, reference)
            if isinstance(document, ImageManifest):
                if sizes_for is not None and not sizes_for:
                    return ImageDescription(digest, document.media_type, (), ())
                platform = self._config(repository, document.config).platform
                manifest = _manifest(digest, digest, document, platform)
                return ImageDescription(digest, document.media_type, (platform,), (manifest,))
            return self._describe_index(repository, digest, document, sizes_for)

    def image_config(self, repository: str, config: Blob) -> ImageConfig:
        """Platform and uncompressed layer digests, from the config of a Manifest: one request, at most 4 MB."""
        with self._secrets:
            return self._config(repository, config)

    def read_blob(
        self, repository: str, blob: Blob, *, take: Callable[[Body], None], limit: int, seconds: float
    ) -> int:
        """Let `take` read a layer from its beginning; what it leaves is not fetched. Returns the bytes fetched.

        At most `limit` bytes are given and for at most `seconds`: then the body ends early (`Body.is_whole` tells). A
        layer that was read to its end has been checked against its digest; of a part nobody can tell.
        """
        path = f"/v2/{quote(repository)}/blobs/{blob.digest}"
        body = Body(blob.digest, limit=limit, seconds=seconds)
        with self._secrets:

            def ask(authorization: Authorization | None) -> Reply:
                return self._transport.get_body(path, take=take, body=body, authorization=authorization)

            self._answered(ask, scope=_pull_scope(repository), missing="image_incomplete")
        return body.fetched

    def diff_ids(self, repository: str, config: Blob) -> tuple[str, ...]:
        """Digests of the uncompressed layers, bottom first, in the order of `Manifest.layers`."""
        return self.image_config(repository, config).diff_ids

    def ping(self) -> None:
        """Check that a registry answers and that it takes the credentials.

        An open registry never asks for credentials, and a token service may hand out tokens to everybody: that a
        repository may be read is shown by `describe` alone.
        """
        with self._secrets:
            reply = self._get("/v2/", scope="", missing="registry_bad_answer")
            if "html" in reply.headers.get("Content-Type", "").lower():
                raise RegistryError("registry_bad_answer", own_words(reply))

    def tags(self, repository: str, limit: int = 1000) -> list[str]:
        """At most `limit` tags in the registry's order."""
        with self._secrets:
            path = f"/v2/{quote(repository)}/tags/list"
            page, found = f"{path}?{urlencode({'n': limit})}", list[str]()
            while page and len(found) < limit:
                reply = self._get(page, scope=_pull_scope(repository), missing="repository_not_found")
                names = parse_json(reply.body).get("tags") or []  # an emptied repository answers null
                if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                    raise RegistryError("registry_bad_answer", "tags is not a list of names")
                found += names
                page = _next_page(reply, page) if names else ""
            return found[:limit]

    def _describe_index(
        self, repository: str, digest: str, index: Index, sizes_for: Collection[Platform] | None
    ) -> ImageDescription:
        entries: list[IndexEntry] = list(index.entries)[:DESCRIBED_PLATFORMS]
        if sizes_for is not None:
            positions = {platforms.choose(_offered(index), wanted) for wanted in sizes_for} - {None}
            entries = [entry for position, entry in enumerate(index.entries) if position in positions]
        manifests = []
        for entry in entries:
            try:
                manifests.append(self._child(repository, digest, entry))
            except RegistryError as error:
                if error.code == "registry_timeout":
                    break  # what is known by now is worth more than nothing
                if error.code != "image_incomplete":
                    raise
        offered = tuple(dict.fromkeys(entry.platform for entry in index.entries if entry.platform))
        return ImageDescription(digest, index.media_type, offered, tuple(manifests))

    def _child(self, repository: str, digest: str, entry: IndexEntry) -> Manifest:
        _, document = self._document(repository, entry.digest, missing="image_incomplete")
        if isinstance(document, Index):
            raise RegistryError("registry_bad_answer", "the index leads to another index")
        return _manifest(digest, entry.digest, document, entry.platform)

    def _document(
        self, repository: str, reference: str, *, missing: str = "image_not_found"
    ) -> tuple[str, Index | ImageManifest]:
        path = f"/v2/{quote(repository)}/manifests/{quote(reference, safe=':')}"
        reply = self._get(path, scope=_pull_scope(repository), accept=ACCEPT, missing=missing)
        document = parse_manifest(reply.body, reply.headers.get("Content-Type", ""))
        if is_digest(reference):
            return check_digest(reply.body, reference), document
        claimed = reply.headers.get("Docker-Content-Digest") or digest_of(reply.body)
        return check_digest(reply.body, claimed), document

    def _config(self, repository: str, config: Blob) -> ImageConfig:
        path = f"/v2/{quote(repository)}/blobs/{config.digest}"
        reply = self._get(path, scope=_pull_scope(repository), missing="image_incomplete")
        check_digest(reply.body, config.digest)
        return parse_config(reply.body)

    def _get(self, path: str, *, scope: str, missing: str, accept: str = "*/*") -> Reply:
        def ask(authorization: Authorization | None) -> Reply:
            return self._transport.get(path, accept=accept, limit=DOCUMENT_LIMIT, authorization=authorization)

        return self._answered(ask, scope=scope, missing=missing)

    def _answered(self, ask: Callable[[Authorization | None], Reply], *, scope: str, missing: str) -> Reply:
        """A 200 answer; a challenge on the way is answered once."""
        reply = ask(self._auth.known(scope))
        if reply.status == 401 and reply.from_registry:
            reply = ask(self._auth.answer(reply, scope))
            if reply.status == 401 and reply.from_registry:
                raise self._auth.refusal(reply, scope)
        if reply.status != 200:
            raise error_from_reply(reply, missing=missing)
        return reply


def _pick(index: Index, platform: Platform) -> IndexEntry:
    position = platforms.choose(_offered(index), platform)
    if position is not None:
        return index.entries[position]
    offered = [str(entry.platform) for entry in index.entries if entry.platform]
    evidence = f"no {platform} among: {', '.join(offered) or 'no platforms'}"
    params = {"wanted": str(platform), "platforms": offered}
    raise RegistryError("platform_missing", evidence, params=params)


def _offered(index: Index) -> list[Platform | None]:
    return [entry.platform for entry in index.entries]


def _manifest(digest: str, own_digest: str, document: ImageManifest, platform: Platform | None) -> Manifest:
    return Manifest(
        digest=digest,
        manifest_digest=own_digest,
        media_type=document.media_type,
        layers=document.layers,
        config=document.config,
        platform=platform,
        sizes_known=document.sizes_known,
    )


def _pull_scope(repository: str) -> str:
    return f"repository:{repository}:pull"


def _next_page(reply: Reply, page: str) -> str:
    """Path of the page that the Link header names as the next one, or "" at the end."""
    link = reply.headers.get("Link", "").strip()
    if 'rel="next"' not in link or not link.startswith("<"):
        return ""
    parts = urlsplit(urljoin(page, link[1:].split(">", 1)[0]))
    path = parts._replace(scheme="", netloc="", fragment="").geturl()  # never on another host
    if not path.startswith("/v2/"):
        raise RegistryError("registry_bad_answer", "the next page of tags has no valid address")
    return path
