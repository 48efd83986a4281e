"""`manage.py register_local_node`: if this machine has a Docker socket, make it the node `local`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from core.system import SYSTEM
from nodes.models import ComputeNode
from nodes.services import discover_node, save_node

DEFAULT = "unix:///var/run/docker.sock"


class Command(BaseCommand):
    help = "Register this machine's Docker socket (DOCKER_HOST or /var/run/docker.sock) as node “local”."

    def handle(self, **_options: Any) -> None:
        address = os.environ.get("DOCKER_HOST", "").strip() or DEFAULT
        socket = Path(address.removeprefix("unix://"))
        if not address.startswith("unix://") or not socket.is_socket() or ComputeNode.objects.exists():
            return
        node = save_node(user=SYSTEM, values={"name": "local", "docker_address": address}, test=False)
        discover_node(user=SYSTEM, node=node)
        self.stdout.write(f"Node local: {address} ({node.get_status_display()})")
