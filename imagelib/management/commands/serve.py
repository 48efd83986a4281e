"""`manage.py serve`: the web server; without Redis also worker and schedule, all in one process."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand

from imagelib.embedded import EmbeddedWorkers, SingleProcess
from pulls.streams import close_streams


class Server(uvicorn.Server):
    """Ends the open event streams first, so that browsers do not hold a shutdown up."""

    def handle_exit(self, sig: int, frame: Any) -> None:
        close_streams()
        super().handle_exit(sig, frame)


class Command(BaseCommand):
    help = "Serve the API, the admin and event streams. Without IMAGELIB_REDIS_URL also runs the jobs."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--host", default=settings.HOST)
        parser.add_argument("--port", type=int, default=settings.PORT)

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
        )
        with ExitStack() as stack:
            if settings.EMBEDDED:
                stack.enter_context(SingleProcess(settings.DATA_DIR / "serve.lock"))
                stack.enter_context(EmbeddedWorkers())
            self.stdout.write(f"imagelib on http://{host}:{port}/  (Ctrl-C stops it)")
            # uvicorn raises the signal again after its own shutdown; these handlers let the workers stop too.
            signal.signal(signal.SIGTERM, lambda *_: None)
            signal.signal(signal.SIGINT, lambda *_: None)
            Server(config).run()
