"""What a role's configuration files would be with given values. Nothing is stored or started."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.utils.translation import gettext as _

from appimages.files import FilesError, NoTemplateForMount, files_of_role
from appimages.render import SECRET_NAMES
from appimages.roles import NoTemplate
from appimages.template_texts import files_error_text
from core.errors import InvalidInput

MOST_VARIABLES: Final = 1000
LONGEST_NAME: Final = 255
MOST_CHARACTERS: Final = 1_000_000  # of all values together


def preview_files(*, document: Mapping[str, Any], role: str, variables: Mapping[str, str]) -> dict[str, Any]:
    """`{deploy_template, files: [{container, path, config_template, text}], unresolved, warnings}`.

    Raises `InvalidInput`, with the place in the document for what is wrong there.
    """
    check_variables(variables)
    try:
        found = files_of_role(document, role=role, variables=variables)
    except NoTemplate as error:
        raise InvalidInput({"role": _no_template(error)}) from None
    except FilesError as error:
        raise InvalidInput({error.field: files_error_text(error)}) from None
    return {
        "deploy_template": found.deploy_template,
        "files": [
            {
                "container": file.container,
                "path": file.path,
                "config_template": file.config_template,
                "text": file.text,
            }
            for file in found.files
        ],
        "unresolved": list(found.unresolved),
        "warnings": warnings_of(found.directories, found.unresolved),
    }


def check_variables(variables: Mapping[str, str]) -> None:
    """Raises `InvalidInput` for names of secrets, and for what is too much."""
    names = [name for name in variables if name.upper() in SECRET_NAMES]
    if names:
        rule = _(
            "%(name)s is a secret, and secrets are never put into configuration files. Leave it out and give other "
            'values, for example {"TASK_ID": "task-1"}.'
        )
        raise InvalidInput({"variables": rule % {"name": names[0]}})
    fits = len(variables) <= MOST_VARIABLES and all(0 < len(name) <= LONGEST_NAME for name in variables)
    if not fits or sum(map(len, variables.values())) > MOST_CHARACTERS:
        rule = _(
            "Give at most %(most)s names of 1 to %(longest)s characters, with texts of at most %(size)s characters "
            'together, for example {"TASK_ID": "task-1"}.'
        )
        limits = {"most": MOST_VARIABLES, "longest": LONGEST_NAME, "size": MOST_CHARACTERS}
        raise InvalidInput({"variables": rule % limits})


def _no_template(error: NoTemplate) -> str:
    if not error.roles:
        return _("This AppImage has no deploy template for the role “%(role)s”.") % {"role": error.role}
    text = _("This AppImage has no deploy template for the role “%(role)s”. It has some for, for example, %(roles)s.")
    return text % {"role": error.role, "roles": ", ".join(error.roles[:10])}


def warnings_of(directories: Iterable[NoTemplateForMount], unresolved: Iterable[str]) -> list[str]:
    """What is worth a look in files that can be made."""
    missing = _(
        "%(path)s in %(container)s: no configuration template is called “%(name)s”, so it is an empty directory."
    )
    secret = _("%(name)s is a secret: it is never put into configuration files, so it stays empty.")
    return [
        *(
            missing % {"path": place.path, "container": place.container, "name": place.sub_path}
            for place in directories
        ),
        *(secret % {"name": name} for name in unresolved if name in SECRET_NAMES),
    ]
