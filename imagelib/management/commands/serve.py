"""`manage.py serve`: the web server; without Redis also worker and schedule, all in one process."""

from __future__ import annotations

import errno
import gc
import signal
import socket
from contextlib import ExitStack
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from builds import streams as build_streams
from core.commands import WRONG, ProductCommand, database_problem
from core.server_lock import ServerLock, ServerRunning, lock_path
from imagelib.embedded import EmbeddedWorkers
from instances import live, log_streams
from pulls import streams

LARGEST_FRAME = 1 << 20  # bytes; terminals refuse what is shorter in words


class Server(uvicorn.Server):
    """Ends the open event streams first, so that browsers do not hold a shutdown up."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """What is loaded by now stays: looking through it for rubbish would interrupt requests for nothing."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()

    def handle_exit(self, sig: int, frame: Any) -> None:
        streams.close_streams()
        build_streams.close_streams()
        live.close_streams()
        log_streams.close_streams()
        super().handle_exit(sig, frame)


class Command(ProductCommand):
    help = gettext_lazy("Serve the API, the admin and event streams. Without IMAGELIB_REDIS_URL also runs the jobs.")

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--host", default=settings.HOST, help=_("Address to listen on; default: IMAGELIB_HOST"))
        parser.add_argument("--port", type=int, default=settings.PORT, help=_("Default: IMAGELIB_PORT"))

    def handle(self, *, host: str, port: int, **_options: Any) -> None:
        config = uvicorn.Config(
            "imagelib.asgi:application",
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            lifespan="on",
            timeout_graceful_shutdown=3,
            server_header=False,
            proxy_headers=settings.SECURE_PROXY_SSL_HEADER is not None,
            ws_max_size=LARGEST_FRAME,
            ws_ping_timeout=60,  # a browser that is busy drawing answers late
            ws_per_message_deflate=False,  # terminals: little to gain, and much to compute when a program floods one
        )
        with ExitStack() as stack:
            if settings.EMBEDDED:
                self._require_migrations()
                self._lock(stack)
            listener = stack.enter_context(self._listen(host, port))
            if settings.EMBEDDED:
                stack.enter_context(EmbeddedWorkers())
            if settings.LOG_FORMAT == "plain":  # uvicorn tells the log
                self.stdout.write(_("imagelib on %(url)s  (Ctrl-C stops it)") % {"url": _url(host, port)})
                self.stdout.flush()
            # uvicorn raises the signal again after its own shutdown; these handlers let the workers stop too.
            signal.signal(signal.SIGTERM, lambda *_: None)
            signal.signal(signal.SIGINT, lambda *_: None)
            Server(config).run(sockets=[listener])

    def _listen(self, host: str, port: int) -> socket.socket:
        """The port first: a server that cannot have it must not start to work."""
        try:
            family, kind, protocol, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            listener = socket.socket(family, kind, protocol)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError as error:
            fix = _("Stop what uses it, or choose another IMAGELIB_PORT.") if error.errno == errno.EADDRINUSE else ""
            text = _("Cannot listen on %(url)s: %(reason)s.") % {"url": _url(host, port), "reason": error.strerror}
            raise CommandError(f"{text} {fix}".strip(), returncode=WRONG) from None
        return listener

    def _require_migrations(self) -> None:
        if problem := database_problem():
            raise CommandError(problem, returncode=WRONG)

    def _lock(self, stack: ExitStack) -> None:
        """Two embedded servers on one database would each believe that the other's jobs are orphans."""
        try:
            stack.enter_context(ServerLock(lock_path()))
        except ServerRunning as error:
            text = _(
                "Another server (process %(id)s) already runs on %(path)s. "
                "Stop it, or set IMAGELIB_REDIS_URL to run several."
            )
            what = {"id": error.process or "?", "path": settings.DATA_DIR}
            raise CommandError(text % what, returncode=WRONG) from None


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
