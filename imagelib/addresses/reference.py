"""One image: registry host, repository, tag, digest."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from imagelib.addresses.errors import AddressError
from imagelib.addresses.grammar import (
    DOCKER_HUB,
    MAX_LENGTH,
    MAX_REPOSITORY_LENGTH,
    OFFICIAL_NAMESPACE,
    check_digest,
    check_path,
    check_tag,
    check_text,
    names_host,
    normal_host,
    split_userinfo,
)

DEFAULT_TAG = "latest"

# Docker would read a pasted image id as an image of that name on Docker Hub; nobody means that.
_IMAGE_ID = re.compile(r"(?:sha256:)?[0-9a-f]{64}")
_PINNED = re.compile(r"([^@]*)(@sha256:[0-9a-f]+)")


@dataclass(frozen=True, slots=True)
class ImageReference:
    """Made by `parse`. The host is always there; `tag` and `digest` are None if they were not written."""

    host: str  # "docker.io", "registry.example.com:5000", "[::1]:5000"
    repository: str  # "library/nginx"; never starts or ends with "/"
    tag: str | None = None
    digest: str | None = None  # "sha256:" and 64 hexadecimal digits

    def __post_init__(self) -> None:
        if len(self.repository) > MAX_REPOSITORY_LENGTH:
            raise AddressError("repository_too_long", limit=MAX_REPOSITORY_LENGTH)
        if len(self.canonical) > MAX_LENGTH:
            raise AddressError("too_long", limit=MAX_LENGTH)

    def __str__(self) -> str:
        return self.canonical

    @property
    def name(self) -> str:
        """Host and repository, without tag and digest: `docker.io/library/nginx`."""
        return f"{self.host}/{self.repository}"

    @property
    def canonical(self) -> str:
        """The whole address, `:latest` added when neither tag nor digest was given."""
        return self.name + self._version

    @property
    def familiar(self) -> str:
        """As short as Docker shows it (`nginx:latest`), yet still parsed to the same reference."""
        if self.host != DOCKER_HUB:
            return self.canonical
        namespace, _, image = self.repository.rpartition("/")
        if namespace == OFFICIAL_NAMESPACE:
            return image + self._version
        return self.canonical if names_host(self.repository) else self.repository + self._version

    @property
    def remote(self) -> str:
        """What to ask the registry for: the digest if there is one, else the tag, else `latest`."""
        return self.digest or self.tag or DEFAULT_TAG

    @property
    def _version(self) -> str:
        tag = self.tag or (None if self.digest else DEFAULT_TAG)
        return (f":{tag}" if tag else "") + (f"@{self.digest}" if self.digest else "")

    def with_digest(self, digest: str) -> ImageReference:
        """The same image pinned to `digest`; the tag stays for people to read. Raises `digest_invalid`."""
        check_digest(digest)
        return replace(self, digest=digest)


def parse(text: str) -> ImageReference:
    """Read an image address as `docker pull` would, upper-case hosts lowered; raises `AddressError`.

    The part before the first "/" is a host if it contains "." or ":" or is `localhost`; without one the image
    is on Docker Hub, in `library` if it has no namespace. An empty tag (`app:`) counts as none. Credentials
    are refused here: `split_credentials` first.
    """
    _refuse_other_forms(text)
    address, _, digest = text.partition("@")
    host, rest = DOCKER_HUB, address
    if names_host(address):
        head, _, rest = address.partition("/")
        host = normal_host(head)
    repository, _, tag = rest.partition(":")
    check_path(repository)
    if tag:
        check_tag(tag)
    if host == DOCKER_HUB and "/" not in repository:
        repository = f"{OFFICIAL_NAMESPACE}/{repository}"
    return ImageReference(host, repository, tag or None, digest or None)


def join_tag(name: str, tag: str) -> str:
    """The address of an image that is given as name and tag, as in an AppImage; to be parsed by who uses it.

    An empty tag leaves the name as it is, which may hold a tag or a digest. A digest may also be the tag, or come in
    two halves (`app@sha256`, `9f86…`), the only way in which Kuscia can be given one.
    """
    if not tag:
        return name
    if tag.startswith("sha256:"):
        return f"{name}@{tag}"
    if pinned := _PINNED.fullmatch(name):
        return f"{pinned.group(1)}:{tag}{pinned.group(2)}"
    return f"{name}:{tag}"


def _refuse_other_forms(text: str) -> None:
    check_text(text)
    if not text:
        raise AddressError("empty")
    if "://" in text:
        raise AddressError("scheme_present")
    userinfo, _ = split_userinfo(text)
    if userinfo is not None:  # otherwise an "@" starts a digest, which is right
        raise AddressError("credentials_present")
    if not text.isascii():
        raise AddressError("not_ascii")
    if _IMAGE_ID.fullmatch(text):
        raise AddressError("image_id")
