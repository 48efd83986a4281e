"""The findings of the vGPU doctor besides those of `instances.examination_texts`."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from instances.examination_texts import OF_SLICES, Text

_DISCOVER = _("Pull a small image with glibc, such as Debian's, onto the node and examine it again.")

DOCTOR: dict[str, Text] = {
    **OF_SLICES,
    "engine_answers": Text(_("The node's engine answers: Docker %(version)s, %(platform)s.")),
    "engine_away": Text(_("The node's engine does not answer: %(cause)s"), _("Test the node's connection.")),
    "no_address": Text(
        _("The node has no Docker address: it is an entry of the inventory."), _("Enter one to use this node.")
    ),
    "devices_found": Text(_("The engine gives GPUs to containers. Seen: %(devices)s.")),
    "devices_out_of_service": Text(
        _("Not handed out: %(devices)s. They are missing, partitioned by the hardware, or cordoned."),
        _("Look at the node's GPUs; slices need cards that are not partitioned."),
    ),
    "devices_used_outside": Text(
        _("Programs that this system did not start use memory of %(devices)s."),
        _("End them, or cordon the cards. Whole cards in use are not handed out."),
    ),
    "orphans": Text(
        _(
            "%(count)s containers bear this system's label and belong to no instance: %(containers)s. What their "
            "labels say they hold counts as held."
        ),
        _("Look at them on the page of the node's GPUs, and remove those that nobody needs."),
    ),
    "no_device_support": Text(
        _("The node's engine cannot give GPUs to containers: the GPU vendor's container toolkit is missing there."),
        _("Install it on the node and restart Docker."),
    ),
    "no_probe_image": Text(_("The node has no image yet that could be used to look at its GPUs and files."), _DISCOVER),
    "gpus_unknown": Text(_("The node's GPUs are unknown: the question was not answered."), _DISCOVER),
    "library_directory_bad": Text(
        _("“%(path)s” is no clean absolute path."),
        _("Correct the directory of the slicing library in the node's settings."),
    ),
    "library_not_seen": Text(
        _("The slicing library could not be looked at: %(evidence)s"), _("Examine the node again.")
    ),
    "library_fits": Text(
        _("The slicing library is there, readable for everybody, and built for %(machine)s. It needs glibc %(glibc)s.")
    ),
    "library_fits_any_glibc": Text(
        _("The slicing library is there, readable for everybody, and built for %(machine)s; it needs no glibc version.")
    ),
    "library_wants_driver": Text(
        _("The library needs %(driver)s. Containers with slices have it; others do not get the library.")
    ),
    "image_fits": Text(_("Slices work with the image “%(image)s” (%(libc)s).")),
    "image_does_not_fit": Text(_("The image “%(image)s” cannot be used for slices here. %(cause)s"), ""),
    "image_uncertain": Text(_("The image “%(image)s” can be used for slices here, with doubts. %(cause)s"), ""),
    "no_image_to_check": Text(
        _("The node has no listed image that allows slices, so none was checked."),
        _("Pull one onto the node and examine it again."),
    ),
}
