"""What an application begins with."""

from __future__ import annotations

from builds.trees import DOCKERFILE

_ARGUMENTS = ("BASE_REGISTORY", "BASE_NAMESPACE", "BASE_IMAGE", "BASE_TAG")
_OF_JUPYTER = ("jupyter", "notebook")  # images that root installs packages in, and somebody else runs


def starting_files(*, base_registry: str, base_namespace: str, base_image: str) -> dict[str, str]:
    """A Dockerfile that starts from the base and adds nothing yet."""
    # A registry with images in no namespace would get two slashes.
    names = [name for name in _ARGUMENTS if name != "BASE_NAMESPACE" or base_namespace or not base_registry]
    place = "/".join(f"${{{name}}}" for name in names[:-1])
    lines = [*(f"ARG {name}" for name in names), f"FROM {place}:${{BASE_TAG}}", ""]
    if any(word in f"{base_namespace}/{base_image}" for word in _OF_JUPYTER):
        lines += ["USER root", "", "USER ${NB_UID}", ""]
    return {DOCKERFILE: "\n".join(lines)}
