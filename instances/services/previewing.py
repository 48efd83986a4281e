"""The configuration files that a deployment would get. Nothing is stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from appimages.files import NoTemplateForMount, mounts_of
from appimages.previewing import warnings_of
from instances.recipes.recipe import Recipe
from instances.services.deployments import prepare


def preview_app_image(
    *, user: Any, app_image: str, spec: int, role: str, variables: Mapping[str, str]
) -> dict[str, Any]:
    """`{deploy_template, files: [{container, path, text}], unresolved, warnings}`, from the same values as those of
    `run_app_image`, config sets too. Ports without a number of their own count from 1 in each container.

    Raises `NotFound`, `InvalidInput`, `NotOffered`.
    """
    deployment, recipes = prepare(user=user, app_image=app_image, spec=spec, role=role, variables=variables)
    files: list[dict[str, str]] = []
    unresolved: dict[str, None] = {}  # an ordered set
    for recipe in recipes:
        template = recipe.rehearse()
        files += ({"container": recipe.name, "path": path, "text": text} for path, text in template.files.items())
        unresolved |= dict.fromkeys(name for names in template.unresolved.values() for name in names)
    empty = [mount for recipe in recipes for mount in _empty(recipe)]
    return {
        "deploy_template": deployment.deploy_template,
        "files": files,
        "unresolved": list(unresolved),
        "warnings": warnings_of(empty, unresolved),
    }


def _empty(recipe: Recipe) -> Iterator[NoTemplateForMount]:
    for _place, path, key in mounts_of(recipe.container, ""):
        if key not in recipe.config_templates:
            yield NoTemplateForMount(recipe.name, path, key)
