"""Sentences for codes: why something cannot be had, and what went wrong with a container. English here, Chinese in the
catalogue. Sizes in `params` are MiB."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from appimages.render import TemplateError
from appimages.template_texts import template_error_text
from instances.examination_texts import OF_SLICES, Text, advice, cause
from nodes.failure_texts import engine_failure_text
from pulls.failure_texts import describe

TEXTS: dict[str, Any] = {
    # what a spec, an image or an option cannot be
    "image_without_slices": _("This image does not support GPU memory slices; choose another image or another spec."),
    "slice_too_small": _("A slice of %(wanted)s MiB is too small; the smallest is %(smallest)s MiB."),
    "larger_than_card": _("%(wanted)s MiB are larger than one card, which has %(card)s MiB."),
    "card_memory_unknown": _("The memory of the node's cards is unknown. Let an operator discover the node's GPUs."),
    "reserved_variable": _("The environment variable %(name)s is reserved. Leave it out."),
    "reserved_path": _(
        "A configuration file may not be put at %(path)s: %(reserved)s is reserved. Use another mountPath, such as "
        "/etc/app/app.conf."
    ),
    "bad_library_directory": _("“%(path)s” is no clean absolute path of a library directory, such as /opt/hami/build."),
    # what a deploy template cannot be
    "duplicate_container": _("The deploy template has two containers of this name."),
    "duplicate_port": _("The port %(port)s is declared twice."),
    "ports_alike": _(
        "The ports “%(first)s” and “%(second)s” would both be told by the variable %(variable)s. Rename one of them."
    ),
    "bad_port": _("%(port)s is no port. Ports are numbers from 1 to 65535."),
    "bad_variable_name": _("“%(name)s” is no name of an environment variable, such as EPOCHS."),
    "bad_variable_value": _("The value of %(name)s has a NUL character, or more than %(most)s characters."),
    "no_config_set": _("There is no config set “%(name)s”. Let an operator add it, or mark it as optional."),
    "no_config_key": _("The config set “%(name)s” has no %(key)s. Let an operator add it, or mark it as optional."),
    "too_many_references": _(
        "There are more than %(limit)s references such as $(NAME), and $$, in the values, the command and its "
        "arguments. Use fewer."
    ),
    "too_much_expanded": _(
        "What references such as $(NAME) stand for is more than %(limit)s characters. Use fewer, or shorter values."
    ),
    "no_secret_set": _("There is no secret set “%(name)s”. Let an operator add it, or mark it as optional."),
    "no_secret_key": _("The secret set “%(name)s” has no %(key)s. Let an operator add it, or mark it as optional."),
    "secret_set_unreadable": _(
        "The secret set “%(name)s” cannot be decrypted. Let an operator put its key back into IMAGELIB_FIELD_KEYS, or "
        "delete the set and enter it again."
    ),
    "unknown_value_source": _(
        "The value of %(name)s comes from %(source)s, which there is none of here. Use configMapKeyRef or secretKeyRef."
    ),
    "bad_config_template": _("The configuration template “%(template)s” cannot be filled in. %(cause)s"),
    "files_too_large": _("The configuration files have more than %(most)s characters together."),
    "bad_mount_path": _("“%(path)s” is no path of a configuration file, such as /etc/app/app.conf."),
    "bad_sub_path": _("“%(path)s” is no name of a configuration template: it may not begin with / or have ..."),
    "bad_quantity": _("“%(text)s” is no amount. Examples: 500m, 2, 512Mi, 1Gi."),
    "bad_command": _("The command or its arguments have a NUL character."),
    "bad_probe": _("A probe (%(kind)s) needs one of exec, httpGet, tcpSocket and grpc."),
    "bad_probe_command": _("The command of a probe (%(kind)s) is empty, or has a NUL character."),
    "bad_probe_header": _(
        "“%(name)s” is no HTTP header of a probe (%(kind)s): a name is like X-Probe, a value one line of text."
    ),
    "bad_probe_path": _("“%(path)s” is no path of a probe (%(kind)s), such as /healthz."),
    "bad_probe_scheme": _("“%(scheme)s” is no scheme of a probe (%(kind)s). There are HTTP and HTTPS."),
    "no_such_probe_port": _("A probe (%(kind)s) looks at the port “%(port)s”, which the container does not have."),
    "privileged": _("It asks for a privileged container. There are none here."),
    "restart_policy_unknown": _("“%(word)s” is no restart policy. There are Always, OnFailure and Never."),
    "pull_policy_unknown": _("“%(word)s” is no pull policy. There are Always, IfNotPresent and Never."),
    "spec_too_small_cpu": _(
        "It needs %(wanted)s CPU cores; the product spec has %(granted)s. Choose a larger product spec."
    ),
    "spec_too_small_memory": _(
        "It needs %(wanted)s GB of memory; the product spec has %(granted)s. Choose a larger product spec."
    ),
    "spec_too_few_cards": _(
        "It needs %(wanted)s GPUs (%(name)s); the product spec has %(granted)s. Choose another product spec."
    ),
    "no_such_resource": _(
        "It asks for the resource %(name)s, which there is none of here. Leave it out; the product spec says "
        "what a container gets."
    ),
    # what a node cannot give
    "no_free_port": _("Fewer than %(wanted)s ports from %(first)s to %(last)s are free on the node."),
    "node_not_connected": _("The node is not connected."),
    "no_such_card": _("The node has no card of the model %(model)s."),
    "too_few_cards": _("The node has %(there)s such cards; %(wanted)s are needed."),
    "cards_not_alike": _("The node has not %(wanted)s such cards of one kind."),
    "cards_out_of_service": _("Only %(usable)s of the %(wanted)s cards needed are in service."),
    "cards_used_outside": _(
        "Programs that this system did not start use up to %(outside)s MiB of the cards that would do, as of the last "
        "discovery; %(wanted)s free ones are needed. Let an operator look and discover the node's GPUs again."
    ),
    "no_free_card": _("%(free)s whole cards of one kind are free; %(wanted)s are needed."),
    "no_room_on_cards": _(
        "%(there)s cards of one kind have %(wanted)s MiB free, %(count)s are needed. The most that is free on one card "
        "is %(free)s MiB."
    ),
    "cards_full_of_slices": _(
        "Of the cards with enough free memory, %(there)s hold fewer than %(most)s slices, which is the limit; "
        "%(count)s are needed."
    ),
    "no_power_on_cards": _(
        "Of the cards with enough free memory, %(there)s have %(wanted)s%% of their computing power free; %(count)s "
        "are needed. The most that is free on one card is %(free)s%%."
    ),
    "no_cpu_cores": _("%(free)s CPU cores are free; %(wanted)s are needed."),
    "no_memory_mib": _("%(free)s MiB of memory are free; %(wanted)s MiB are needed."),
    "no_data_disk_gb": _("%(free)s GB of data disk are free; %(wanted)s GB are needed."),
    "no_listed_node": _("There is no listed compute node."),
    # what happened to a container
    "no_device_support": _(
        "The node's engine cannot give GPUs to containers: the GPU vendor's container toolkit is missing there. "
        "Install it and restart Docker on the node."
    ),
    "no_device_driver": _(
        "The node's engine cannot give GPUs to containers: the GPU driver does not work there. Install or repair it."
    ),
    "unknown_device": _("The node no longer has the card that was chosen. Let an operator discover the node's GPUs."),
    "image_gone": _("The image was removed from the node before the container was made. Try again."),
    "image_never_pulled": _(
        "The image is not on the node, and its AppImage says that it is never to be pulled (pull policy Never). "
        "Import it onto the node."
    ),
    "image_id_mismatch": _(
        "The image on the node is another one: the AppImage names %(expected)s, the node has %(actual)s."
    ),
    "files_not_placed": _("The configuration files could not be put into the container: %(evidence)s"),
    "pull_failed": _("The image could not be pulled: %(cause)s"),
    "container_name_taken": _("Another container on the node has this name already."),
    "removal_in_progress": _("The engine is still removing the container, which may take it some time."),
    "port_taken": _("A port of the node is taken. Try again."),
    "node_disk_full": _("There is no space left on the node's disk. Free some and try again."),
    "no_disk_quotas": _("The node's file system has no quotas, so the system disk cannot be limited there."),
    "command_not_found": _("The image has no program of the name that the command asks for."),
    "ended_at_once": _("The container ended as soon as it was started, with exit code %(exit_code)s. See its log."),
    "slice_not_effective": _(
        "Inside the container the card shows %(seen)s MiB instead of %(planned)s MiB: the limits do not take effect."
    ),
    "slice_stopped": _(
        "Inside the container the card showed %(seen)s MiB instead of %(planned)s MiB: the limits did not take effect, "
        "so the container was stopped."
    ),
    "slice_not_verified": _(
        "Whether the limits of the slice take effect is not known: the container did not show its cards, or not all."
    ),
    "container_gone": _("The container was removed from the node by somebody else."),
    "engine_refused": _("The engine refused: %(evidence)s"),
    "node_lost": _("The node could not be reached: %(cause)s"),
    "worker_lost": _("The server was stopped too often while it made the container. Nothing is left of it; try again."),
    "operation_lost": _(
        "The server was stopped too often during the last start, stop or restart. The state is how the container was "
        "seen since; if it is not as you want it, try again."
    ),
    "database_away": _("The server's database did not answer for a while. Try again."),
    "internal_error": _("The server made a mistake. Its log has the details under %(evidence)s."),
    # what is not known of a node's cards
    "no_probe_image": _("The node has no image yet that its GPUs could be asked with. Pull one and discover again."),
    "gpus_unknown": _(
        "The node's GPUs are not known: it was not asked for them, or did not answer. Let an operator discover them."
    ),
    "card_used_outside": _(
        "Programs that this system did not start use %(outside)s of the %(card)s MiB of card %(index)s, as seen at "
        "%(seen)s: less may be free than promised."
    ),
    # what could not be done as the spec asks
    "node_failed_lately": _("The last container of this kind could not run on this node. %(cause)s"),
    "image_environment_unknown": _(
        "What the image sets itself is not known before it is there: a library that it preloads is kept, and variables "
        "that would lift the limits are emptied."
    ),
    "placed_anew": _("%(node)s was chosen first, but could not run it, so it was placed anew. %(cause)s"),
    "system_disk_not_limited": _("The system disk is not limited: the node's storage driver cannot do it."),
    "size_unknown": _("How much would be pulled is not known: %(cause)s"),
    "data_disk_not_limited": _("The data disk at /data is not limited in size: the engine's volumes have no limit."),
}


_SECRET = Text(_("A secret that is stored for it cannot be decrypted. Let an operator enter it again."))


def _of_template(code: Any, params: Mapping[str, Any]) -> Text:
    return Text(template_error_text(TemplateError(code, **params)))


_CAUSES: dict[str, Any] = {
    "engine": engine_failure_text,
    "pull": describe,
    "secret": lambda _code, _params: _SECRET,
    "template": _of_template,
}


def sentence(code: str, params: Mapping[str, Any]) -> str:
    """The code's sentence in the active language."""
    try:
        if code in OF_SLICES:
            return join(cause(code, params), advice(code))
        return str(TEXTS.get(code, code)) % {name: _told(value) for name, value in params.items()}
    except (KeyError, ValueError):  # stored by another version
        return str(TEXTS.get(code, code))


def _told(value: Any) -> Any:
    texts = _CAUSES.get(value["kind"]) if isinstance(value, Mapping) and "kind" in value else None
    return value if texts is None else texts(value["code"], value["params"]).cause


def join(first: str, second: str) -> str:
    """Two sentences; Chinese ones have no blank between them."""
    return f"{first}{second}" if first.endswith("。") else f"{first} {second}"
