"""Sentences of the hints about Dockerfiles and requirements: what is so, and what would be better."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from builds.dockerfiles import Hint, HintCode

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

NEED_FILES = _(
    "Hints are about files that are kept here; those of this application are in a git repository. To have them looked "
    "at, send them to /api/applications/hints/ with POST."
)
_TEXTS: dict[HintCode, _StrPromise] = {
    "add_instead_of_copy": _("COPY says more plainly what happens; ADD is for archives that are to be unpacked."),
    "add_url": _("What ADD downloads is not checked and stays in the image. Use curl in a RUN, and delete it there."),
    "apt_cli": _("apt is meant for people and may change. Use apt-get."),
    "apt_install_without_update": _("Without apt-get update in the same RUN, old lists of packages are used, or none."),
    "apt_lists_kept": _("The lists of packages stay in the image. End the RUN with: && rm -rf /var/lib/apt/lists/*"),
    "apt_recommends": _("Recommended packages are installed, too. Add --no-install-recommends."),
    "apt_update_alone": _(
        "apt-get update in a RUN of its own is cached: later installations use old lists. Join the two."
    ),
    "apt_yes_missing": _("apt-get will ask, and nobody answers. Add --yes."),
    "argument_missing": _("{name} says nothing more. Complete the line, or delete it."),
    "base_ignored": _("The image is named after its base {image}, but starts from something else."),
    "base_latest": _("{image} is another image from time to time. Name a version."),
    "base_untagged": _("{image} without a tag is another image from time to time. Name a version."),
    "character_odd": _(
        "The character {value} ends a line or is a space for some programs only, and is not shown. Type the line anew."
    ),
    "comment_swallows": _("This comment takes all following lines of the command along. Put it on a line of its own."),
    "conda_cache": _("Downloaded packages stay in the image. Add: && {name} clean --all --yes"),
    "conda_yes_missing": _("{name} will ask, and nobody answers. Add --yes."),
    "copy_missing": _("There is no file {path} in this application."),
    "empty_continuation": _("An empty line within a command is not allowed any more in newer builders."),
    "from_missing": _("There is no FROM: an image starts from another one."),
    "heredoc_open": _("The text that {name} should end does not end."),
    "image_invalid": _("“{value}” is no name of an image."),
    "instruction_before_from": _("{name} comes before the first FROM, where only ARG is allowed."),
    "instruction_repeated": _("Only the last {name} counts."),
    "instruction_unknown": _("There is no instruction {name}."),
    "list_quotes": _('{name}: a list must be JSON with double quotes, for example ["sh", "-c", "x"].'),
    "maintainer": _("MAINTAINER is no longer used. Write LABEL org.opencontainers.image.authors=…"),
    "pip_cache": _("What pip downloads stays in the image. Add {option}."),
    "pip_unpinned": _("{package} is another version from time to time. Name one, for example with ==."),
    "requirement_unreadable": _("pip cannot read this line. One package a line, for example numpy==1.26.4"),
    "requirements_index_repeated": _(
        "Only the last --index-url counts, for all packages; that of line {line} has no effect. Use --extra-index-url."
    ),
    "requirements_option_glued": _("The address of {option} has a package at its end: a line break is missing."),
    "requirements_unpinned": _("{package} is another version from time to time. Name one with ==."),
    "secret_in_argument": _(
        "The value of {name} would be in the image's history. Store a build secret and use RUN --mount=type=secret."
    ),
    "secret_in_environment": _(
        "The value of {name} is in the image and everybody who has it reads it. Store a build secret and use RUN "
        "--mount=type=secret."
    ),
    "secret_in_text": _(
        "This looks like a token or a private key. Make it a build secret, and replace it: it is known."
    ),
    "secret_in_url": _("The address has a password in it. Make that a build secret, and replace it: it is known."),
    "stage_repeated": _("There is a stage {name} already."),
    "sudo": _("Commands run as the image's user; use USER root and USER again instead of sudo."),
    "syntax_foreign": _("{image} would read this file instead of the builder. It can do what it wants in the build."),
    "too_large": _("The file is too large to be looked into."),
    "variable_form": _("“{value}” is a form of variable that not every builder knows."),
    "variable_unknown": _("{value} has no value. Declare it with ARG before FROM; BASE_IMAGE and so on are given."),
    "workdir_relative": _("WORKDIR {path} depends on where one is. Write the whole path, beginning with /."),
}


def hint_text(hint: Hint) -> str:
    """In the reader's language."""
    return str(_TEXTS[hint.code]).format(**hint.params)
