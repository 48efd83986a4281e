"""What an application begins with."""

from __future__ import annotations

from builds.trees import DOCKERFILE

_ARGUMENTS = ("BASE_REGISTORY", "BASE_NAMESPACE", "BASE_IMAGE", "BASE_TAG")
_OF_JUPYTER = ("jupyter", "notebook")
JUPYTER_USER = "${NB_UID}"  # as these images have it


def starting_files(*, base_registry: str, base_namespace: str, base_image: str) -> dict[str, str]:
    """A Dockerfile that starts from the base and adds nothing yet."""
    # A registry with images in no namespace would get two slashes.
    names = [name for name in _ARGUMENTS if name != "BASE_NAMESPACE" or base_namespace or not base_registry]
    place = "/".join(f"${{{name}}}" for name in names[:-1])
    lines = [*(f"ARG {name}" for name in names), f"FROM {place}:${{BASE_TAG}}", ""]
    if runs_as_jupyter(f"{base_namespace}/{base_image}"):
        lines += ["USER root", "", f"USER {JUPYTER_USER}", ""]
    return {DOCKERFILE: "\n".join(lines)}


def runs_as_jupyter(image: str) -> bool:
    """Whether it is one of those that root installs packages in, and somebody else runs. By its name alone."""
    return any(word in image for word in _OF_JUPYTER)
