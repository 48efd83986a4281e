"""`manage.py register_local_node`: if this machine has a Docker socket, make it the node `local`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.commands import ProductCommand
from core.system import SYSTEM
from nodes.failure_texts import engine_failure_text
from nodes.models import ComputeNode
from nodes.services import discover_node, save_node

DEFAULT = "unix:///var/run/docker.sock"


class Command(ProductCommand):
    help = gettext_lazy(
        "Register this machine's Docker socket (DOCKER_HOST or /var/run/docker.sock) as node “local”, "
        "if there is a socket and no node yet."
    )

    def handle(self, **_options: Any) -> None:
        address = os.environ.get("DOCKER_HOST", "").strip() or DEFAULT
        socket = Path(address.removeprefix("unix://"))
        if not address.startswith("unix://") or not socket.is_socket() or ComputeNode.objects.exists():
            return
        node = save_node(user=SYSTEM, values={"name": "local", "docker_address": address}, test=False)
        node = discover_node(user=SYSTEM, node=node)
        what = {"address": address, "status": node.get_status_display()}
        self.stdout.write(_("Node local: %(address)s (%(status)s)") % what)
        if node.status_code:
            text = engine_failure_text(node.status_code)
            self.stdout.write(f"    {text.cause} {text.advice}")
