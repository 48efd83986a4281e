"""Title, cause and advice for every code of `pulls.failures.CATALOGUE`."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from core.failure_texts import COMMON_TEXTS, FailureText, render
from imagelib.failure_texts import REGISTRY_TEXTS
from imagelib.failure_texts import STAND_INS as REGISTRY_STAND_INS
from nodes.failure_texts import ENGINE_TEXTS

STAND_INS = {
    **REGISTRY_STAND_INS,
    "image": _("another platform"),
    "node": _("its own"),
    "seconds": _("many"),
    "source": _("name unknown"),
    "names": _("not recorded"),
}

_IMAGE: Mapping[str, FailureText] = {
    "layer_missing": FailureText(
        _("Layer missing in the registry"),
        _("The image lists a layer whose content is no longer at %(host)s."),
        _(
            "Push the image again. If other images are affected too, check the registry's storage and its last "
            "garbage collection."
        ),
    ),
    "layer_corrupt": FailureText(
        _("Downloaded layer is damaged"),
        _("A layer arrived with other content than its digest promises."),
        _(
            "Another attempt downloads it anew. If it fails again, push the image again, and look for a caching "
            "proxy on the way and for faulty memory or disks of the node."
        ),
    ),
    "layer_unpack_failed": FailureText(
        _("Layer could not be unpacked"),
        _("The engine downloaded a layer but could not unpack it."),
        _(
            "Read the evidence. If it fails on every node, build the image again; if only here, check the node's "
            "kernel, its user namespaces (subuid, subgid) and its file system."
        ),
    ),
    "too_many_layers": FailureText(
        _("Image has too many layers"),
        _("The image has more layers than the node's storage driver can stack."),
        _(
            "Build the image with fewer layers (about 125 at most), for example in several stages or by joining RUN "
            "lines."
        ),
    ),
    "platform_mismatch": FailureText(
        _("Image is for another platform"),
        _("The image is built for %(image)s, but the node needs %(node)s, so the programs in it cannot run there."),
        _(
            "Choose a tag that is built for the node's platform, or push the image for several platforms. Remove "
            "the image from the node if nobody needs it there."
        ),
    ),
    "platform_invalid": FailureText(
        _("Platform name is not valid"),
        _("The engine does not understand the platform that it was asked for."),
        _(
            "Use “Discover hardware” of the node in Compute nodes, so that its platform (like linux/amd64) is read "
            "again."
        ),
    ),
    "digest_mismatch": FailureText(
        _("Another image has arrived"),
        _("After the pull the engine shows another digest than the registry has for this image."),
        _(
            "If the tag was moved just now, pull again. If it stays so, the node uses a mirror that delivers another "
            "image: check “registry-mirrors” in the engine's daemon.json."
        ),
    ),
    "image_absent_after_pull": FailureText(
        _("Image absent after the pull"),
        _("The engine reported success, but the image is not on the node."),
        _(
            "Pull again. If it stays so, look for something on the node that removes images, such as a regular "
            "“docker image prune”, and at Docker's log."
        ),
    ),
}

_NODE: Mapping[str, FailureText] = {
    "no_space_left": FailureText(
        _("Node disk is full"),
        _("The node has no space left to store or unpack the image."),
        _(
            "Free space on the node (“docker system df” shows what is used, “docker image prune -a” removes unused "
            "images) or enlarge the disk with Docker's data. While it is unpacked, an image may need three times its "
            "download size."
        ),
    ),
    "node_storage_failed": FailureText(
        _("Node storage failed"),
        _("The engine could not work in its own data directory on the node."),
        _(
            "Check the node's disk and file system (dmesg; mounted read-only; owner and mode of Docker's data "
            "directory), then restart Docker."
        ),
    ),
    "node_out_of_resources": FailureText(
        _("Node is out of resources"),
        _("The engine ran out of memory, processes or open files while it worked on the image."),
        _("Look at the node's memory and at Docker's limits (LimitNOFILE, TasksMax), and run less there at a time."),
    ),
    "engine_restarted": FailureText(
        _("Engine stopped during the pull"),
        _("Docker, or the containerd below it, was stopped or restarted while it pulled the image."),
        _(
            "If that was planned, nothing needs doing: the pull tries again by itself. Otherwise find out why it "
            "stopped (journalctl -u docker -u containerd)."
        ),
    ),
    "node_gone": FailureText(
        _("Node was deleted"),
        _("The node that the image was meant for does not exist any more."),
        _("Choose another node."),
    ),
    "node_not_listed": FailureText(
        _("Node is not listed"),
        _("The node is not on the list, so only operators may pull onto it."),
        _("Choose another node, or ask an operator to list this one in Compute nodes."),
    ),
    "image_not_listed": FailureText(
        _("Image is not listed"),
        _("The image is not on the list, so only operators may pull it."),
        _("Choose a listed image, or ask an operator to list this one in Image library."),
    ),
}

_SOURCE: Mapping[str, FailureText] = {
    "source_lost": FailureText(
        _("Source node was lost"),
        _("The node that was to give the image (%(source)s) could not be reached, or its engine hung up."),
        _(
            "Look at that node in Compute nodes (“Test connection”), and at the network between it and this server. "
            "Choose another source if it stays away."
        ),
    ),
    "source_refused": FailureText(
        _("Source node refuses"),
        _("The engine of the source node (%(source)s) has the image but could not pack it."),
        _(
            "Read the evidence. If parts of the image are missing there, remove it from that node and pull it again, "
            "or choose another source."
        ),
    ),
    "source_image_gone": FailureText(
        _("Image not on source node"),
        _("The source node (%(source)s) has no image of this name."),
        _("Choose a node that has the image."),
    ),
    "source_disk_full": FailureText(
        _("Source node's disk is full"),
        _(
            "The source node (%(source)s) has no space left to pack the image; some engines write the whole archive to "
            "their own disk first."
        ),
        _("Free space there (“docker system df” shows what is used), or choose another source."),
    ),
    "source_gone": FailureText(
        _("Source node was deleted"),
        _("The node that was to give the image (%(source)s) does not exist any more."),
        _("Choose another source."),
    ),
    "archive_missing": FailureText(
        _("Archive cannot be read"),
        _("The worker cannot read the archive that the image was to come from."),
        _(
            "Upload it again. A file that is named on the command line must be readable by the worker, under the same "
            "path and on the same machine."
        ),
    ),
    "archive_invalid": FailureText(
        _("Not an image archive"),
        _("The file is no archive of a container image, or it is incomplete."),
        _(
            "Make it with “docker save -o image.tar NAME”, or as an OCI archive; it may be compressed with gzip. "
            "Compare its checksum with the original's if it was copied."
        ),
    ),
    "archive_ambiguous": FailureText(
        _("Several images in the archive"),
        _("The archive holds several images, and none of them has the name that is wanted: %(names)s."),
        _("Ask for one of these names, or save just one image into the archive."),
    ),
    "archive_others": FailureText(
        _("Other images in the archive"),
        _("The archive holds other images too, and the engine would load all of them: %(names)s."),
        _("Save just the image that is wanted into an archive, for example with “docker save -o image.tar NAME”."),
    ),
    "archive_damaged": FailureText(
        _("Image cannot be loaded"),
        _("The node's engine could not make an image of what arrived."),
        _(
            "Read the evidence. If the image comes from an archive, make that anew; if it comes from a node, remove it "
            "there and pull it again."
        ),
    ),
    "transfer_mismatch": FailureText(
        _("Another image was loaded"),
        _("After the transfer the node shows another image under this name than the source has."),
        _(
            "If somebody pulled the same name onto the node in this moment, try again. If it stays so, remove the "
            "image from both nodes and pull it anew."
        ),
    ),
}

_JOB: Mapping[str, FailureText] = {
    "stalled": FailureText(
        _("Pull made no progress"),
        _("The engine reported no new bytes for %(seconds)s seconds, so the attempt was ended."),
        _(
            "Check the registry and the network between it and the node. For very slow links, raise “stall limit "
            "(seconds)” of the entry in Image library."
        ),
    ),
    "cancelled": FailureText(
        _("Pull was cancelled"),
        _("The pull was cancelled on request."),
        _("Start it again if the image is still wanted."),
    ),
    "worker_lost": FailureText(
        _("Worker fell silent"),
        _("The worker process that carried out the pull was not heard of any more."),
        _(
            "Find out why it ended (memory, restart, power) and start it again; “manage.py doctor” shows which "
            "workers are alive. Press retry if the pull does not go on by itself."
        ),
    ),
    "database_away": FailureText(
        _("Database was not available"),
        _("The database could not be reached while the pull was running."),
        _(
            "The pull tries again by itself. If the database stays away, check it and IMAGELIB_DATABASE_URL; "
            "“manage.py doctor” helps."
        ),
    ),
}

TEXTS: Mapping[str, FailureText] = {
    **REGISTRY_TEXTS,
    **_IMAGE,
    **_NODE,
    **_SOURCE,
    **ENGINE_TEXTS,
    **_JOB,
    **COMMON_TEXTS,
}


def describe(code: str, params: Mapping[str, object] | None = None) -> FailureText:
    """Title, cause and advice for a code of the catalogue, as plain strings in the active language."""
    return render(TEXTS, code, params, stand_ins=STAND_INS)
