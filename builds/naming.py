"""Names of images that are built: `TARGET_REGISTRY/TARGET_NAMESPACE/BASE_IMAGE[-SUFFIX]:BASE_TAG-APP_VERSION`.

Pure; raises `imagelib.addresses.AddressError`, whose sentences are `imagelib.address_texts`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Final

from imagelib.addresses import DOCKER_HUB, AddressError, ImageReference, parse
from imagelib.addresses.grammar import OFFICIAL_NAMESPACE, check_tag

RECIPE: Final = "imagelib.recipe"  # the label that has it


def image_repository(*, host: str, namespace: str, base_image: str, suffix: str) -> str:
    """The name of what is built, without its tag. `host` may have a namespace of its own, as a registry endpoint has:
    `registry.example.com/team`. An image on Docker Hub has a namespace here too, as in every canonical name."""
    image = f"{base_image}-{suffix}" if suffix else base_image
    return _named(host, namespace, image).name


def image_reference(repository: str, *, base_tag: str, revision: str) -> str:
    """`revision` is what the tag says of the source: a commit, or the hash of the files."""
    tag = f"{base_tag}-{revision}"
    check_tag(tag)
    return parse(f"{repository}:{tag}").canonical


def base_reference(*, base_registry: str, base_namespace: str, base_image: str, base_tag: str) -> str:
    """The image that the usual `FROM` starts from: `quay.io/jupyter/scipy-notebook:python-3.11`."""
    check_tag(base_tag)
    return f"{_named(base_registry or DOCKER_HUB, base_namespace, base_image).name}:{base_tag}"


def build_arguments(*, base_registry: str, base_namespace: str, base_image: str, base_tag: str) -> dict[str, str]:
    """Build arguments by the names that Dockerfiles start with. The first one is misspelt in all that exist; who
    writes it correctly is served as well. A Dockerfile joins them by "/", so Docker Hub is never left out."""
    registry = base_registry or DOCKER_HUB
    namespace = base_namespace or (OFFICIAL_NAMESPACE if registry == DOCKER_HUB else "")
    return {
        "BASE_REGISTORY": registry,
        "BASE_REGISTRY": registry,
        "BASE_NAMESPACE": namespace,
        "BASE_IMAGE": base_image,
        "BASE_TAG": base_tag,
    }


def recipe_of(arguments: Mapping[str, str], folder: str) -> str:
    """What decides about an image besides its files, and is only partly in its name: build arguments, and the folder of
    the repository. A hash: bases may be private."""
    recipe = json.dumps([arguments, folder], sort_keys=True)
    return hashlib.sha256(recipe.encode()).hexdigest()[:32]


def _named(host: str, namespace: str, image: str) -> ImageReference:
    """The parts must mean what they are: none brings a tag, a digest or another "/" along."""
    if "/" in image:
        raise AddressError("repository_invalid")
    reference = parse("/".join(part for part in (host, namespace, image) if part))
    if reference.tag or reference.digest or not image:
        raise AddressError("repository_invalid")
    return reference
