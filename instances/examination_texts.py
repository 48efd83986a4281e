"""What examinations of nodes and images find, each with what to do about it. English here, Chinese in the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

_COPY = _("Copy the built library into that directory again, or correct the directory in the node's settings.")
_BUILD = _("Build the library on the oldest system that images are based on, and copy it to the node.")
_OTHER_IMAGE = _("Choose another image, or a spec with whole GPUs.")


@dataclass(frozen=True, slots=True)
class Text:
    """`advice` is empty where all is well."""

    cause: Any
    advice: Any = ""


# What stands against a slice: of the node's library, then of the image.
OF_SLICES: dict[str, Text] = {
    "library_directory_missing": Text(
        _("The directory of the slicing library does not exist on %(node)s: %(path)s."),
        _("Copy the built library to that place, or correct the directory in the node's settings."),
    ),
    "library_directory_closed": Text(
        _("The slicing library's directory has the mode %(mode)s: programs that do not run as root cannot enter it."),
        _("Let everybody read it on the node: chmod a+rx."),
    ),
    "library_missing": Text(_("There is no %(name)s in the slicing library's directory."), _COPY),
    "library_is_directory": Text(
        _("%(name)s is a directory on the node. An engine makes one where a file was missing."),
        _("Remove it there and copy the built library to its place."),
    ),
    "library_no_file": Text(_("%(name)s is no regular file on the node."), _COPY),
    "library_not_readable": Text(
        _("%(name)s has the mode %(mode)s: programs that do not run as root would run without any limit."),
        _("Let everybody read it on the node: chmod a+r."),
    ),
    "library_empty": Text(_("%(name)s is empty."), _COPY),
    "library_damaged": Text(_("%(name)s is no library that a program could load, or a part of it is missing."), _COPY),
    "library_architecture": Text(
        _("%(name)s is built for %(library)s, the node is %(node)s."),
        _("Build the library for the node's architecture and copy it there."),
    ),
    "image_musl": Text(
        _("The image is built on musl, as those of Alpine are: with the slicing library no program would start in it."),
        _("Base the image on a system with glibc, such as Debian or Ubuntu, or choose a spec with whole GPUs."),
    ),
    "image_architecture": Text(
        _("The image is built for %(image)s, the slicing library for %(library)s: the limits would not take effect."),
        _OTHER_IMAGE,
    ),
    "image_glibc_old": Text(
        _("The slicing library needs glibc %(needed)s, the image has %(there)s: no program would start in it."), _BUILD
    ),
    "image_glibc_unknown": Text(
        _("The glibc of the image bears no version. If it is older than the slicing library needs, nothing starts."),
        _("See whether a container of this image runs."),
    ),
    "image_without_libc": Text(
        _("The image has no C library in the usual place. Programs that are linked statically are not limited."),
        _("Compare the GPU memory that the program sees with the slice."),
    ),
}


def cause(code: str, params: Mapping[str, Any], texts: Mapping[str, Text] = OF_SLICES) -> str:
    return str(texts[code].cause) % dict(params)


def advice(code: str, texts: Mapping[str, Text] = OF_SLICES) -> str:
    return str(texts[code].advice)
