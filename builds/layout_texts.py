"""Sentences for what is found in a repository of applications."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_args

from django.utils.translation import gettext_lazy as _

from builds.application_texts import tree_text
from builds.trees import TreeCode
from core.document_texts import file_text

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

_TREE = frozenset(get_args(TreeCode))
_TEXTS: dict[str, _StrPromise] = {
    "nothing_found": _(
        "There is no application in it. Each has a folder below src with a Dockerfile, for example "
        "src/jupyter-pytorch-x/Dockerfile."
    ),
    "too_many_applications": _("At most {limit} applications are imported at once. Import some of them, for example."),
    "no_dockerfile": _("This folder has no Dockerfile, so it is no application."),
    "base_unknown": _(
        "There is no workflow of {name}, and the Dockerfile does not say by itself what it starts from. Add "
        ".github/workflows/build-push-{name}.yaml with BASE_IMAGE and BASE_TAG, for example."
    ),
    "workflow_missing": _("No workflow is about this application; the base is taken from the Dockerfile: {image}."),
    "workflow_alone": _("There is no folder src/{name} with a Dockerfile for this workflow."),
    "workflow_twice": _("{first} is about {name} as well; that one counts."),
    "no_workflow": _("This is no workflow. It begins with name: and on:, for example."),
    "workflow_of_other": _(
        "This workflow is about {other}, although it is called after {name}. Change its env, for example "
        "WORKLOAD_TYPE: {name}."
    ),
    "value_needed": _(
        "The workflow itself does not say {name}, and no image can be built without it. Write the value into its env, "
        "for example {name}: {example}."
    ),
    "value_elsewhere": _("The value of {name} is not in the workflow itself; nothing is taken over for it."),
    "value_missing": _("The workflow gives no value to {name}."),
    "tags_unknown": _(
        "The name of the image is none of the usual ones, so there is no suffix. Usual is, for example, "
        "${{{{ env.BASE_IMAGE }}}}-qlora:${{{{ env.BASE_TAG }}}}-${{{{ env.APP_VERSION }}}}."
    ),
    "branches_other": _("Pushes to {branches} start the workflow; here main and feat/** do."),
    "paths_other": _("Other paths start the workflow; here changes below {path} do."),
    "registry_unknown": _(
        "There is no registry endpoint for {registry}. Add it, or choose a target registry for all, for example the "
        "default one."
    ),
    "registry_unsaid": _(
        "Nothing says where its images go: no workflow names a registry. Choose a target registry for all, or have an "
        "operator make one the default, for example registry.example.com."
    ),
    "registry_replaced": _("There is no registry endpoint for {registry}; the images go to {used}."),
    "not_yours": _("The application “{name}” is somebody else's. Choose another name, for example {name}-2."),
}


def notice_text(code: str, *, path: str = "", params: Mapping[str, Any]) -> str:
    """In the reader's language, without the path where that is shown beside it."""
    if code in _TREE:
        return tree_text(code, path=path, params=params)
    if code in _TEXTS:
        return str(_TEXTS[code]).format(**params)
    return file_text(code, params)
